"""Serving a simulated forge on 127.0.0.1, from a thread of the test."""

from __future__ import annotations

import contextlib
import email.utils
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Blueprint, Flask
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import get_input_stream

from tests.support.forges.faults import Asked, Fault, How
from tests.support.forges.forge import SimulatedForge
from tests.support.forges.smart_http import GIT_PATH, SmartHttp

_LONGEST_HANG = 20.0
"""Seconds after which a request that hangs is let go, so that no test can hang for ever."""


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        pass

    def send_response(self, code: int, message: str | None = None) -> None:
        # Without http.server's own Date, which would stand beside that of an answer.
        self.send_response_only(code, message)


def _dated(start_response: Any) -> Any:
    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        dates = [] if any(name.lower() == "date" for name, _ in headers) else [_date()]
        return start_response(status, [*headers, *dates], *more)

    return start


def _date() -> tuple[str, str]:
    return ("Date", email.utils.formatdate(usegmt=True))


class Gate:
    """The WSGI application: logs a request, lets it go wrong where that was asked for, or passes it on."""

    def __init__(self, forge: SimulatedForge, api: Any) -> None:
        self.forge, self.api, self.git = forge, api, SmartHttp(forge)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, start_response = environ["PATH_INFO"], _dated(start_response)
        is_git = GIT_PATH.match(path) is not None
        asked = Asked(
            environ["REQUEST_METHOD"],
            path,
            environ.get("QUERY_STRING", ""),
            is_git,
            environ.get("HTTP_USER_AGENT", ""),
        )
        fault = self.forge.faults.of(asked)
        application = self.git if is_git else self.api
        if fault is None:
            return self._right(application, environ, start_response)
        return self._wrong(fault, application, environ, start_response)

    def _right(self, application: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            return application(environ, start_response)  # type: ignore[no-any-return]
        except Exception as error:
            self.forge.violations.append("".join(traceback.format_exception(error)))
            raise

    def _wrong(
        self, fault: Fault, application: Any, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        if fault.how is How.HANG:
            self.forge.faults.over.wait(_LONGEST_HANG)
        if fault.how in (How.BEFORE, How.HANG):
            _drop(environ)
        if fault.how is How.INSTEAD:
            get_input_stream(environ).read()
            start_response(f"{fault.status} Fault", list(fault.headers.items()))
            return [fault.body]
        told: list[Any] = []
        body = b"".join(self._right(application, environ, lambda *answer: told.extend(answer[:2])))
        if fault.how is How.AFTER:
            _drop(environ)
        if fault.how is How.REPLACED:
            start_response(f"{fault.status} Fault", list(fault.headers.items()))
            return [fault.body]
        body = body[: len(body) // 2] if fault.how is How.CUT else fault.change(body)
        kept = [(name, value) for name, value in told[1] if name.lower() != "content-length"]
        start_response(told[0], [*kept, ("Content-Length", str(len(body)))])
        return [body]


def _drop(environ: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("dropped, as was asked for")


@contextlib.contextmanager
def serving(
    forge: SimulatedForge, blueprint: Callable[[SimulatedForge], Blueprint], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve a forge with a vendor's web interface while the block runs; gives the site's address."""
    app = Flask("forge")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.register_blueprint(blueprint(forge))
    server = make_server(
        "127.0.0.1", 0, Gate(forge, app), threaded=True, request_handler=_Quiet, ssl_context=tls
    )
    forge.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield forge.url
    finally:
        forge.faults.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
    assert not forge.violations, "\n".join(forge.violations)
