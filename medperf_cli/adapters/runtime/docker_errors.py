"""The Docker SDK's failures as ours, each with the next step."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from medperf_cli.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTALL = "pip install 'medperf-registry[docker]'"
_START = "start Docker (`sudo systemctl start docker`, or `systemctl --user start docker` when rootless)"
_PERMIT = (
    "ask an administrator to add you to the group docker (`sudo usermod -aG docker $USER`, then log in"
    " again), or set up rootless Docker"
)


@contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """Inside, what the SDK raises becomes an EngineError that says what was being done."""
    from docker.errors import APIError, DockerException  # noqa: PLC0415 - only who runs containers pays for it
    from requests.exceptions import RequestException  # noqa: PLC0415 - as above

    try:
        yield
    except APIError as error:
        raise EngineError(f"docker cannot {action}: {explain(error)}", hint=_hint(error)) from error
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"docker went away while asked to {action}: {error}", hint=_START) from error


def explain(error: Exception) -> str:
    """What the engine said, on one line."""
    said = getattr(error, "explanation", None) or error
    if isinstance(said, bytes):
        said = said.decode("utf-8", "replace")
    return re.sub(r"\s+", " ", str(said)).strip()


def _hint(error: Exception) -> str | None:
    """A better hint than the class's, where the words are telling."""
    text = explain(error).lower()
    if "no space left" in text:
        return "free disk space in Docker's folder (`docker system df` shows what is there)"
    if "could not select device driver" in text:
        return "install the NVIDIA container toolkit, or run without GPUs"
    return None


def no_sdk() -> EngineError:
    """The SDK is not installed."""
    return EngineError("the Docker SDK is not installed", hint=_INSTALL)


def no_answer(host: str, error: Exception) -> EngineError:
    """Why the engine at `host` (`unix:///…`) gave no answer."""
    path = host.removeprefix("unix://")
    if isinstance(error, FileNotFoundError):
        return EngineError(f"no docker engine: '{path}' does not exist", hint=_START)
    if isinstance(error, PermissionError):
        return EngineError(f"docker engine at '{path}' is not permitted to this user", hint=_PERMIT)
    return EngineError(f"docker engine at '{path}' does not answer: {error}", hint=_START)
