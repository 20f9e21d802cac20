"""The hooks of a bare repository: `python -m ci.hook pre-receive|post-receive`, run by git inside it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from medperf_cli.adapters.store.locks import one_of
from medperf_cli.core.names import PathError
from medperf_cli.core.requests import SPOKEN, RefUpdate, parse_ref
from medperf_cli.errors import ExitCode, MedperfError, UsageError

_ZERO = frozenset("0")
_MAX_INPUT = 1 << 20
_AT_ONCE = 2 * (os.cpu_count() or 1)
"""Pushes judged at once: each takes 60 MiB, and a hundred more would only take turns."""
_WAIT_SECONDS = 120.0


def main(arguments: list[str]) -> int:
    """Run one hook; what it says goes to whoever pushes."""
    hooks = {"pre-receive": pre_receive, "post-receive": post_receive}
    if len(arguments) != 1 or arguments[0] not in hooks:
        _say(["usage: python -m ci.hook pre-receive|post-receive, inside a bare repository"])
        return ExitCode.USAGE
    try:
        return hooks[arguments[0]](_updates(sys.stdin.buffer.read(_MAX_INPUT + 1)), Path.cwd())
    except MedperfError as error:
        _say([error.message, *([error.hint] if error.hint else [])])
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the pusher gets no traceback, and nothing unjudged gets in
        _say([f"a bug in this tool stopped the hook: {type(error).__name__}: {error}"])
        return ExitCode.BUG


def pre_receive(updates: list[RefUpdate], path: Path) -> int:
    """Refuse a push unless each of its refs may enter."""
    with one_of([path / f"medperf-check-{n}.lock" for n in range(_AT_ONCE)], "check", wait=_WAIT_SECONDS):
        # The check takes long to load, which whoever is served by another bot need not wait for.
        from medperf_cli.adapters.store.repository import GitStore  # noqa: PLC0415 - see above
        from medperf_cli.flows.founding.init_bare import pinned_root  # noqa: PLC0415 - see above
        from medperf_cli.flows.hosting.receive import Receiver, lines  # noqa: PLC0415 - see above

        with GitStore(path, hook=True) as store:
            refused = Receiver(store, _now(), pinned_root(store)).judge(updates)
    for findings in refused.values():
        _say(lines(findings))
    return ExitCode.FAILED if refused else ExitCode.OK


def post_receive(updates: list[RefUpdate], path: Path) -> int:
    """Let the merge bot run, or hear from the one that does; say what became of the requests of this push."""
    from medperf_cli.flows.hosting.answering import answers  # noqa: PLC0415 - as above

    asked: dict[str, set[str]] = {}
    for update in updates:
        with contextlib.suppress(PathError):
            asked.setdefault(parse_ref(update.ref).id, set()).update([update.new] if update.new else [])
    _say(answers(path, asked, _now))
    return ExitCode.OK


def _updates(data: bytes) -> list[RefUpdate]:
    if len(data) > _MAX_INPUT:
        raise UsageError("this push moves too many refs", hint="push less at once")
    found = []
    for line in data.decode("utf-8", "surrogateescape").split("\n")[:-1]:
        old, new, ref = line.split(" ", 2)
        found.append(RefUpdate(_oid(old), _oid(new), ref))
    return found


def _oid(text: str) -> str | None:
    return None if set(text) == _ZERO else text


def _say(said: Iterable[str]) -> None:
    # The pusher may be gone; what was decided stands all the same.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.writelines(f"{SPOKEN}{line}\n".encode() for line in said)
        sys.stdout.buffer.flush()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the edge of the program; flows are given the time


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
