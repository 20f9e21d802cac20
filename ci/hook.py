"""The hooks of a bare repository: `python -m ci.hook pre-receive|post-receive`, run by git inside it."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.names import PathError
from medperf_cli.core.requests import PULLS, SPOKEN, RefUpdate, parse_ref
from medperf_cli.errors import ExitCode, MedperfError, UsageError

if TYPE_CHECKING:
    from medperf_cli.flows.hosting.merge_bot import Outcome

_ZERO = frozenset("0")
_MAX_INPUT = 1 << 20


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
    from medperf_cli.flows.hosting.init_bare import pinned_root  # noqa: PLC0415 - as below
    from medperf_cli.flows.hosting.receive import Receiver, lines  # noqa: PLC0415 - as below

    with GitStore(path, hook=True) as store:
        refused = Receiver(store, _now(), pinned_root(store)).judge(updates)
    for findings in refused.values():
        _say(lines(findings))
    return ExitCode.FAILED if refused else ExitCode.OK


def post_receive(updates: list[RefUpdate], path: Path) -> int:
    """Let the merge bot run, and say what became of the requests of this push."""
    asked = set(_requests(updates))
    with GitStore(path, hook=True) as store:
        outcomes = _merge(store, asked) if store.refs(PULLS) else {}
    for number in sorted(asked):
        outcome = outcomes.get(number)
        # Without one, the bot of another push was quicker.
        _say(_news(outcome) if outcome else [f"request {number} is not open any more"])
    return ExitCode.OK


def _merge(store: GitStore, asked: set[str]) -> dict[str, Outcome]:
    # The check costs a quarter of a second to load, which a push that leaves nothing open need not wait for.
    from medperf_cli.flows.hosting.merge_bot import run_once  # noqa: PLC0415 - see above

    return {outcome.id: outcome for outcome in run_once(store, _now, late=asked)}


def _news(outcome: Outcome) -> list[str]:
    from medperf_cli.flows.hosting.receive import lines  # noqa: PLC0415 - as above

    commit = f" as {outcome.commit}" if outcome.commit else ""
    left_out = f", left out: {', '.join(outcome.left_out)}" if outcome.left_out else ""
    return [f"request {outcome.id} {outcome.fate}{commit}{left_out}", *lines(outcome.findings)]


def _requests(updates: list[RefUpdate]) -> Iterator[str]:
    for update in updates:
        with contextlib.suppress(PathError):
            yield parse_ref(update.ref).id


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
