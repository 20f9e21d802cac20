"""Which profiles there are (`profiles/<name>.yml`), and which is in use (`profiles/active`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from medperf_cli.adapters.files import write_atomic, writing
from medperf_cli.errors import ConfigurationError, UsageError

DEFAULT = "default"
VARIABLE = "MEDPERF_PROFILE"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_MOST = 1000
"""Bytes looked at of the file with the choice."""


def home_folder(environ: Mapping[str, str], user: Path | None = None) -> Path:
    """The folder of settings and data: `MEDPERF_HOME`, else `~/.medperf` (raises ConfigurationError)."""
    try:
        return Path(environ.get("MEDPERF_HOME") or (user or Path("~")) / ".medperf").expanduser().absolute()
    except (RuntimeError, OSError) as error:
        # No HOME, a user that does not exist, or a working folder that was removed.
        raise ConfigurationError(
            f"the folder for settings cannot be told: {error}", hint="set MEDPERF_HOME to an absolute path"
        ) from None


def profile_file(home: Path, name: str) -> Path:
    """Where a profile is kept (raises UsageError for what is no name)."""
    return home / "profiles" / f"{checked(name)}.yml"


def checked(name: str) -> str:
    """The name of a profile, if it can be one (raises UsageError)."""
    if not _NAME.match(name):
        raise UsageError(f"'{name}' is no name of a profile", hint="use letters, digits, '-' and '_'")
    return name


def names(home: Path) -> list[str]:
    """All profiles, sorted; `default` is always there (raises ConfigurationError)."""
    try:
        found = {path.stem for path in (home / "profiles").glob("*.yml") if _NAME.match(path.stem)}
    except OSError:
        found = set()
    return sorted(found | {DEFAULT})


def chosen(environ: Mapping[str, str], home: Path) -> tuple[str, str]:
    """The profile in use, and who chose it: `environment`, `file` or `default`.

    Raises:
        ConfigurationError: the choice makes no sense, or cannot be read.

    """
    if name := environ.get(VARIABLE):
        return _sensible(name, f"in {VARIABLE}"), "environment"
    file = _choice(home)
    try:
        with file.open("rb") as stream:
            name = stream.read(_MOST).decode("utf-8", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return DEFAULT, "default"
    except OSError as error:
        raise ConfigurationError(
            f"cannot read '{file}': {(error.strerror or str(error)).lower()}",
            hint="repair what stands there, or remove it to use the profile 'default'",
        ) from None
    if name != DEFAULT and not profile_file(home, _sensible(name, f"in '{file}'")).exists():
        raise ConfigurationError(
            f"profile '{name}' is active, and there is no such profile",
            hint=f"choose one of: {', '.join(names(home))} (`medperf profile activate NAME`)",
        )
    return name, "file"


def activate(home: Path, name: str) -> None:
    """Use a profile from now on (raises UsageError where there is none, ConfigurationError)."""
    existing(home, name)
    write_atomic(_choice(home), f"{name}\n".encode(), mode=0o600, parents=True)


def existing(home: Path, name: str) -> str:
    """The name of a profile that is there (raises UsageError)."""
    if checked(name) not in names(home):
        import difflib  # noqa: PLC0415 - start-up time

        near = difflib.get_close_matches(name, names(home))
        hint = f"did you mean {' or '.join(near)}?" if near else "see `medperf profile ls`"
        raise UsageError(f"there is no profile '{name}'", hint=hint)
    return name


def delete(home: Path, name: str) -> None:
    """Remove a profile's file; an active one leaves `default` active (raises ConfigurationError)."""
    file = profile_file(home, name)
    with writing(file):
        # The choice goes first: a choice of nothing would stop every command.
        if chosen({}, home)[0] == name:
            _choice(home).unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def _choice(home: Path) -> Path:
    return home / "profiles" / "active"


def _sensible(name: str, where: str) -> str:
    if not _NAME.match(name):
        raise ConfigurationError(
            f"'{name}' {where} is no name of a profile", hint="use letters, digits, '-' and '_'"
        )
    return name
