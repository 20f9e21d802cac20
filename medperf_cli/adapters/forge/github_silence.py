"""What it means that GitHub gave no answer, or none that can be read, and the next step."""

from __future__ import annotations

from collections.abc import Callable

from medperf_cli.adapters.forge.address import ForgeAddress
from medperf_cli.adapters.forge.github_answers import BrokenAnswerError, broken
from medperf_cli.errors import BusyError, ConfigurationError, MedperfError, NetworkError, UnknownIdError


class MovedError(Exception):
    """An answer that points to another address, where no token is taken."""


def unreachable(address: ForgeAddress, error: Exception) -> MedperfError:
    """The error for an exception of requests or PyGithub, or for an answer that was not believed.

    Texts of these exceptions are not repeated: they may hold a proxy's password.
    """
    import requests.exceptions as http  # noqa: PLC0415 - start-up time

    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return _untrusted(address, text)
    if "TLS CA certificate bundle" in text:
        return _no_bundle()
    if isinstance(error, BrokenAnswerError):
        return broken(address.host, error)
    if isinstance(error, MovedError):
        return _moved(address)
    kinds: tuple[tuple[tuple[type[Exception], ...], Callable[[str], MedperfError]], ...] = (
        ((http.ProxyError,), _proxy),
        ((http.InvalidURL, http.InvalidProxyURL, http.InvalidSchema), _no_address),
        ((http.Timeout,), lambda site: BusyError(f"{site} does not answer in time")),
        ((http.JSONDecodeError,), lambda site: broken(site.strip("'"), "it is no JSON")),
        ((http.RequestException, OSError), _dropped),
    )
    site = f"'{address.host}'"
    for kind, make in kinds:
        if isinstance(error, kind):
            return make(site)
    return broken(address.host, "it is no JSON")


def _moved(address: ForgeAddress) -> MedperfError:
    return UnknownIdError(
        f"'{address.repository}' on '{address.host}' is somewhere else now: it was renamed or moved",
        hint="open its page, and use the address that it has now",
    )


def _dropped(site: str) -> MedperfError:
    return BusyError(f"the connection to {site} failed or was dropped")


def _proxy(site: str) -> MedperfError:
    return BusyError(
        f"the proxy does not let {site} be reached", hint="see HTTPS_PROXY and NO_PROXY, then again"
    )


def _no_address(site: str) -> MedperfError:
    return ConfigurationError(
        f"the address of {site}, or of the proxy to it, is none", hint="see HTTPS_PROXY"
    )


def _untrusted(address: ForgeAddress, text: str) -> MedperfError:
    if "not yet valid" in text or "has expired" in text:
        return NetworkError(
            f"the certificate of '{address.host}' does not hold at this machine's time",
            hint="see that the clock is right; if it is, tell who runs the site or the proxy to it",
        )
    return NetworkError(
        f"the certificate of '{address.host}' is signed by nobody this machine trusts",
        hint="behind a private authority, let REQUESTS_CA_BUNDLE name the PEM file with its certificate",
    )


def _no_bundle() -> MedperfError:
    return ConfigurationError(
        "there is no file of certificates where REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE says",
        hint="let it name a PEM file, or remove it from the environment",
    )
