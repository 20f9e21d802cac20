"""A remote that does not answer as it should: asked again where it may pass, else told with a next step."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from medperf_cli.adapters import files
from medperf_cli.adapters.store.git import Finished, last_word, printable
from medperf_cli.errors import ConfigurationError, MedperfError, NetworkError, TokenError

_REFUSED = re.compile(
    r"returned error: 403|HTTP 403|remote: Permission to .* denied|\bpermission denied\b", re.IGNORECASE
)
_UNKNOWN = re.compile(
    r"Authentication failed|could not read (Username|Password)|returned error: 401|HTTP Basic: Access denied"
)
_UNTRUSTED = re.compile(r"certificate verif|SSL certificate problem|unable to get local issuer")
_BUSY = re.compile(r"returned error: (429|5\d\d)")


PAUSES = (1.0, 3.0, 9.0)
"""Seconds before git asks a web address again."""
_PASSING = re.compile(
    r"returned error: (429|5\d\d)|HTTP (429|5\d\d)|RPC failed|early EOF|unexpected disconnect|Empty reply"
    r"|Connection reset|Connection timed out|Operation timed out|Operation too slow"
)
"""What git says of outages and dropped connections; a name or a host that is not found is told at once."""


def patiently(url: str, run: Callable[[], Finished]) -> Finished:
    """Run git against a remote; over http(s) again, with longer pauses, after what may pass."""
    for pause in PAUSES if url.startswith(("http://", "https://")) else ():
        done = run()
        if done.code == 0 or not _PASSING.search(done.stderr):
            return done
        time.sleep(pause)
    return run()


def network_error(url: str, stderr: str) -> MedperfError:
    """The error for a remote that did not answer as it should."""
    shown = printable(url)
    if "detected dubious ownership" in stderr:
        return ConfigurationError(
            f"git does not trust '{shown}': the folder is another user's",
            hint=f"if you do: `git config --global --add safe.directory {shown.removeprefix('file://')}`",
        )
    if re.search(r"(?m)^(?!remote:).*No space left on device", stderr):
        return ConfigurationError(f"no space left to fetch '{shown}'", hint=files.FREE_SPACE)
    web = _web_error(shown, stderr) if url.startswith(("http://", "https://")) else None
    return web or NetworkError(f"remote '{shown}' failed: {_said(stderr)}")


def _web_error(shown: str, stderr: str) -> MedperfError | None:
    """What a web server, or what stands before it, answered."""
    if _UNKNOWN.search(stderr):
        return TokenError(
            f"'{shown}' wants to know who asks, and got no token that it knows: {_said(stderr)}",
            hint="set MEDPERF_FORGE_TOKEN to a token that has not expired, or correct the address",
        )
    if _REFUSED.search(stderr):
        return TokenError(
            f"'{shown}' does not let this token's owner read or push there: {_said(stderr)}",
            hint="see the token's scopes, and whether its owner may write there; `medperf doctor` says"
            " whose forge it takes this to be",
        )
    if _UNTRUSTED.search(stderr):
        return NetworkError(
            f"remote '{shown}' failed: {_said(stderr)}",
            hint="behind a certificate authority of your own, git wants it too: "
            "`git config --global http.sslCAInfo FILE`, or GIT_SSL_CAINFO=FILE",
        )
    if _BUSY.search(stderr):
        return NetworkError(
            f"remote '{shown}' failed: {_said(stderr)}",
            hint="the server or a proxy has trouble of its own: wait, then run the same command again",
        )
    return None


def _said(stderr: str) -> str:
    """What happened, without the address that git says again."""
    return re.sub(r"\Aunable to access '[^']*': ", "", last_word(stderr))
