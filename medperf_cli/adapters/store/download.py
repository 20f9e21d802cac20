"""Downloads over https, bounded in size; silent hosts are given up; proxies and private authorities work."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, TYPE_CHECKING

from typing_extensions import override

from medperf_cli.adapters import trace
from medperf_cli.adapters.steps import Bytes
from medperf_cli.adapters.store.progress import silent
from medperf_cli.errors import ConfigurationError, IntegrityError, NetworkError

if TYPE_CHECKING:
    from medperf_cli.adapters.store.progress import Progress

_TIMEOUT_SECONDS = 60
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CHUNK = 1024 * 1024
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never out of https."""

    @override
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            _require_https(newurl)
        except NetworkError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str, target: IO[bytes], *, sha256: str, size: int, progress: Progress = silent) -> None:
    """Write what stands at `url` to `target`.

    The system's proxy settings hold; `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the trusted authorities,
    `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` add to them.

    Args:
        url: an https address.
        target: a file to write to.
        sha256: the hash the bytes must have (hex).
        size: how many bytes there must be; never more than one more is read.
        progress: told the bytes received.

    Raises:
        NetworkError: not https, no answer, or broken off.
        IntegrityError: other bytes than promised.
        OSError: the disk of `target` is full.

    """
    _require_https(url)
    opener = urllib.request.build_opener(_OnlyHttps, urllib.request.HTTPSHandler(context=_context()))
    trace.asked(f"download {shown(url)}")
    request = urllib.request.Request(url, headers={"User-Agent": "medperf"})  # noqa: S310 - https was required above
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            digest, received = _copy(answer, target, size, progress)
    except urllib.error.HTTPError as error:
        with error:
            raise NetworkError(f"'{shown(url)}' answered {error.code} {str(error.reason).lower()}") from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise  # the target's fault, not the network's
        reason = getattr(error, "reason", None) or error
        raise NetworkError(f"'{shown(url)}' cannot be downloaded: {reason}") from error
    if received < size:
        raise NetworkError(f"'{shown(url)}' broke off after {received} of {size} bytes")
    if received > size or digest != sha256:
        raise IntegrityError(f"'{shown(url)}' has other bytes than the registry promises")


def shown(url: str) -> str:
    """An address without user, password and query, which may be secrets."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _copy(
    answer: http.client.HTTPResponse, target: IO[bytes], size: int, progress: Progress
) -> tuple[str, int]:
    digest = hashlib.sha256()
    received = 0
    while chunk := answer.read(min(_CHUNK, size + 1 - received)):
        received += len(chunk)
        digest.update(chunk)
        target.write(chunk)
        progress(Bytes("downloading"), received, size)
    return digest.hexdigest(), received


def _require_https(url: str) -> None:
    if urllib.parse.urlsplit(url).scheme != "https":
        raise NetworkError(
            f"'{shown(url)}' is not an https address", hint="put the file into a folder of assets"
        )


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    for name in _BUNDLES:
        bundle = os.environ.get(name)
        if bundle:
            try:
                context.load_verify_locations(
                    cafile=None if os.path.isdir(bundle) else bundle,  # noqa: PTH112 - text from the environment
                    capath=bundle if os.path.isdir(bundle) else None,  # noqa: PTH112 - as above
                )
            except (OSError, ssl.SSLError) as error:
                raise ConfigurationError(f"{name} '{bundle}' cannot be read: {error}") from error
    return context
