"""Asking a GitLab through python-gitlab, and which error of ours each of its failures is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.adapters.forge.sending import AGENT, sendable
from medperf_cli.errors import (
    BusyError,
    MedperfError,
    NetworkError,
    RejectedError,
    TokenError,
    UnknownIdError,
)

if TYPE_CHECKING:
    import requests
    from gitlab import Gitlab

TIMEOUT = 30.0
"""Seconds without a byte, after which an answer is given up."""
_JOB_TOKEN = "glcbt-"  # noqa: S105 - how job tokens begin, not one
_MOST_TEXT, _LARGEST = 300, 1 << 26
_TOO_MANY, _SERVER = 429, 500
_CONFLICT, _BEGINS_ERRORS = 409, 400
_ANONYMOUS = "make an access token with the scope 'api' in GitLab's preferences and set MEDPERF_FORGE_TOKEN"
_EXPIRED = "make a new access token with the scope 'api' in GitLab's preferences and set MEDPERF_FORGE_TOKEN"
_ROLE = "its owner needs the role Developer in the project, and Maintainer for protections and pushes to main"
_CLOCK = "look at this machine's clock: the certificate is not valid at the time that it shows"
_AUTHORITIES = "set REQUESTS_CA_BUNDLE to a file with your organisation's certificate authorities"
_READ_ONLY = "read-only instance"
_JOB = (
    "the CI job's own token may not: make a project access token (scope 'api', role Developer, for the merge"
    " bot Maintainer) and give it to the job as the masked, protected variable MEDPERF_FORGE_TOKEN"
)


class Session:
    """A connection to one GitLab, and the errors it can end with.

    Args:
        address: the registry's repository.
        token: a personal, project or group access token, an OAuth token, or a CI job's own; None: nobody.

    """

    def __init__(self, address: ForgeAddress, token: str | None) -> None:
        sendable(address, token)
        self.host = address.host
        self._token = token
        self.job = token is not None and _is_of_job(token)
        self.anonymous = token is None
        self.client = self._client(address.api)

    def _client(self, site: str) -> Gitlab:
        import requests  # noqa: PLC0415 - start-up time
        from gitlab import Gitlab  # noqa: PLC0415 - start-up time

        session = requests.Session()  # reads HTTPS_PROXY and REQUESTS_CA_BUNDLE
        # Judged here, so that python-gitlab never gets to its own waiting and asking again.
        session.hooks["response"].append(self._judge)
        return Gitlab(
            site,
            # Every access token may be sent so, and requests drops this header on the way to another host.
            oauth_token=None if self.job else self._token,
            job_token=self._token if self.job else None,
            timeout=TIMEOUT,
            retry_transient_errors=False,
            keep_base_url=True,  # pages are turned at the address given, whatever a Link header says
            user_agent=AGENT,
            session=session,
        )

    def _judge(self, response: requests.Response, **_: Any) -> None:
        error = self._unfit(response)
        if error is not None:
            response.close()
            raise error

    def _unfit(self, response: requests.Response) -> NetworkError | None:
        """What is wrong with an answer before anybody reads it."""
        status = response.status_code
        if response.is_redirect and not self._stays(response.headers["Location"]):
            return NetworkError(
                f"'{self.host}' sends to another address", hint="set `forge_api` to the address it has now"
            )
        if status == _TOO_MANY:
            return BusyError(f"'{self.host}' asks to slow down", after=_seconds(response))
        if status >= _SERVER:
            return BusyError(f"'{self.host}' answers {status}", after=_seconds(response))
        if int(response.headers.get("Content-Length", "0")) > _LARGEST:
            return NetworkError(f"'{self.host}' sent more than anybody asks for")
        if "html" in response.headers.get("Content-Type", "").lower():
            return BusyError(
                f"'{self.host}' answers {status} with a page instead of data",
                hint="a proxy or a sign-in page may stand between; `forge_api` must be GitLab's own address",
            )
        return None

    def _stays(self, location: str) -> bool:
        to, here = urlsplit(location), urlsplit(self.client.url)
        return not to.netloc or (to.scheme, to.netloc) == (here.scheme, here.netloc)

    @contextmanager
    def asking(self, subject: str) -> Iterator[None]:
        """Turn whatever goes wrong while something (in words) is asked for into one of our errors."""
        import requests  # noqa: PLC0415 - start-up time
        from gitlab.exceptions import GitlabError, GitlabParsingError  # noqa: PLC0415 - start-up time

        try:
            yield
        except MedperfError:
            raise
        except requests.exceptions.SSLError as error:
            dated = any(word in str(error) for word in ("not yet valid", "has expired"))
            raise NetworkError(
                f"'{self.host}' shows a certificate that is not trusted here",
                hint=_CLOCK if dated else _AUTHORITIES,
            ) from error
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
        ) as error:
            raise NetworkError(
                f"the address of '{self.host}' or of its proxy is none",
                hint="check `forge_api` and HTTPS_PROXY",
            ) from error
        except (requests.RequestException, OSError) as error:
            raise BusyError(f"'{self.host}' did not answer ({type(error).__name__})") from error
        except GitlabParsingError as error:
            raise BusyError(f"'{self.host}' sent a broken answer") from error
        except GitlabError as error:
            raise self._refusal(subject, error.response_code, error.response_body) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BusyError(f"'{self.host}' sent an answer about {subject} that makes no sense") from error

    def _refusal(self, subject: str, status: int | None, body: bytes | None) -> MedperfError:
        answer = _loaded(body)
        said = self._said(answer)
        if _READ_ONLY in said:
            return BusyError(f"'{self.host}' takes no changes just now")
        if status in (401, 403) or (status == 404 and self.job):  # noqa: PLR2004 - as HTTP names them
            return self._no_right(subject, status, answer, said)
        if status == 404:  # noqa: PLR2004 - as HTTP names it
            hint = "it may be private: set MEDPERF_FORGE_TOKEN" if self._token is None else None
            return UnknownIdError(f"'{self.host}' has no {subject}", hint=hint)
        if status == _CONFLICT and "lock" in said.lower():
            return BusyError(f"'{self.host}' is busy with {subject}")
        if status is None or status < _BEGINS_ERRORS:
            return BusyError(f"'{self.host}' sent a broken answer")
        return RejectedError(f"'{self.host}' refuses {subject}: {said or status}", hint=_reason(said))

    def _no_right(self, subject: str, status: int | None, answer: Any, said: str) -> TokenError:
        if self._token is None:
            return TokenError(f"'{self.host}' shows {subject} to nobody without a token", hint=_ANONYMOUS)
        if self.job:
            return TokenError(f"'{self.host}' gives {subject} to no CI job token", hint=_JOB)
        error = answer.get("error") if isinstance(answer, dict) else None
        if error == "insufficient_scope":
            return TokenError(f"the token for '{self.host}' lacks the scope 'api'", hint=_EXPIRED)
        if status == 401:  # noqa: PLR2004 - as HTTP names it
            return TokenError(f"'{self.host}' does not know this token (any more): {said}", hint=_EXPIRED)
        return TokenError(f"'{self.host}' does not give {subject} to this token: {said}", hint=_ROLE)

    def need_token(self, subject: str) -> None:
        """Expect a token with which somebody can act.

        Raises:
            TokenError: there is none, or it is a CI job's own.

        """
        if self._token is None or self.job:
            raise self._no_right(subject, 401, None, "")

    def _said(self, answer: Any) -> str:
        """What GitLab said, in one short line of plain characters; the token is never in it."""
        found = answer
        if isinstance(answer, dict):
            found = answer.get("message", answer.get("error_description", answer.get("error", "")))
        text = "".join(c if c.isprintable() else " " for c in "; ".join(_words(found)))
        if self._token:
            text = text.replace(self._token, "...")
        return text[:_MOST_TEXT]


def _is_of_job(token: str) -> bool:
    return token.startswith(_JOB_TOKEN) or token == os.environ.get("CI_JOB_TOKEN")


def _seconds(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _loaded(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return (body or b"").decode("utf-8", "replace")


def _words(found: Any) -> Iterator[str]:
    """The sentences in a message, which may be a text, a list, or lists by field."""
    if isinstance(found, dict):
        for name, inner in found.items():
            yield from (word if name == "base" else f"{name} {word}" for word in _words(inner))
    elif isinstance(found, list):
        for inner in found:
            yield from _words(inner)
    else:
        yield str(found)


def _reason(said: str) -> str | None:
    if "already exists" in said:
        return "there is one already: look at it with `medperf review ls`"
    return None
