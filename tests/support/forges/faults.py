"""What goes wrong between a client and a forge, and when."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """One request as it came; `git` tells fetches and pushes from the web interface."""

    method: str
    path: str
    query: str = ""
    git: bool = False
    agent: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class How(enum.Enum):
    """`BEFORE` and `INSTEAD` leave the work undone, the others do it."""

    INSTEAD = "another answer, and no work done"
    BEFORE = "the connection is dropped before any work"
    AFTER = "the work is done and its answer lost"
    HANG = "no work, and no answer before the client gives up"
    CUT = "the work is done and half of the answer arrives"
    REPLACED = "the work is done and another answer comes"
    SPOILT = "the work is done and its answer altered by `change`"


def anything(asked: Asked) -> bool:
    """Whether it is no fetch or push."""
    return not asked.git


@dataclass
class Fault:
    """The next `times` requests for which `when` holds go wrong."""

    how: How
    when: Callable[[Asked], bool] = anything
    times: int = 1
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    change: Callable[[bytes], bytes] = bytes


def on(method: str, part: str) -> Callable[[Asked], bool]:
    """Requests of the web interface with this method ('' for any) whose path holds `part`."""
    return lambda asked: not asked.git and asked.method == (method or asked.method) and part in asked.path


class Faults:
    """Faults that wait for their request, and the log of all requests."""

    def __init__(self) -> None:
        self.log: list[Asked] = []
        self.over = threading.Event()
        """Set when nobody needs to hang any more."""
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, how: How, when: Callable[[Asked], bool] = anything, times: int = 1, **more: object) -> None:
        """Let the next `times` matching requests go wrong."""
        with self._lock:
            self._waiting.append(Fault(how, when, times, **more))  # type: ignore[arg-type]

    def busy(
        self, status: int = 503, when: Callable[[Asked], bool] = anything, times: int = 1, **headers: str
    ) -> None:
        """Answer 5xx or 429 with a page, as the machines before a forge do; `retry_after="3"` is a header."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told["content-type"] = "text/html"
        self.add(How.INSTEAD, when, times, status=status, headers=told, body=b"<html><h1>later</h1></html>")

    def html(self, when: Callable[[Asked], bool] = anything, times: int = 1) -> None:
        """Answer 200 with a page, as a captive portal does."""
        told = {"content-type": "text/html"}
        self.add(How.INSTEAD, when, times, headers=told, body=b"<html><body>please log in</body></html>")

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    @property
    def pending(self) -> int:
        """How many times something will still go wrong."""
        return sum(fault.times for fault in self._waiting)

    def of(self, asked: Asked) -> Fault | None:
        """Log a request, and take the fault that waits for it."""
        with self._lock:
            self.log.append(asked)
            for fault in self._waiting:
                if fault.times > 0 and fault.when(asked):
                    fault.times -= 1
                    return fault
        return None

    def calls(self, since: int = 0) -> list[str]:
        """The requests of the web interface, such as `GET /api/v3/user`; `since`: how many to leave out."""
        return [str(asked) for asked in self.log[since:] if not asked.git]
