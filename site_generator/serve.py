"""A finished site on a port of this machine, for a look."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from medperf_cli.errors import ConfigurationError, UsageError
from site_generator.addresses import HOME

_LOOPBACK = "127.0.0.1"


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Drop the line."""


def server(site: Path, port: int) -> ThreadingHTTPServer:
    """A server of the site, not yet running; close it.

    Raises:
        UsageError: there is no site.
        ConfigurationError: the port is taken.

    """
    if not (site / HOME).is_file():
        raise UsageError(f"there is no site at '{site}'", hint="make it with `medperf site build`")
    try:
        return ThreadingHTTPServer((_LOOPBACK, port), partial(_Quiet, directory=str(site)))
    except OSError as error:
        raise ConfigurationError(
            f"port {port} cannot be used: {(error.strerror or str(error)).lower()}",
            hint="choose another with --port",
        ) from error
