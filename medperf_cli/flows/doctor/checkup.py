"""All checks as a table, run beside each other: one that crashes or hangs stops no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from medperf_cli.errors import MedperfError
from medperf_cli.flows.doctor import machine, programs, registry, signing
from medperf_cli.flows.doctor.finding import Check, Finding, State, World, fail
from medperf_cli.flows.doctor.forge import forge

W = TypeVar("W")
CHECKS: dict[str, Check] = {
    "python": programs.python,
    "git": programs.git_program,
    "openssh": programs.openssh,
    "settings": machine.settings,
    "home": machine.home,
    "file system": machine.file_system,
    "disk": machine.disk,
    "key": signing.key,
    "signature": signing.signature,
    "agent": programs.agent,
    "registry": registry.registry,
    "reachable": registry.reachable,
    "forge": forge,
    "root": registry.root,
    "clock": registry.clock,
    "member": signing.member,
    "engine": machine.engine,
    "isolation": machine.isolation,
    "proxy": machine.proxy,
}
"""Name and function; shown in this order."""
SECONDS = 12.0
"""How long all of them together may take."""
_REPORT = "run `medperf --debug doctor`, and report what it says"


@dataclass(frozen=True)
class Checked:
    """One check with what it found."""

    name: str
    finding: Finding


def checkup(world: World, checks: Mapping[str, Check] = CHECKS, *, seconds: float = SECONDS) -> list[Checked]:
    """Run every check at once and give what each found, in the order of the table; never raises."""
    return checked_all(world, checks, seconds=seconds)


def checked_all(
    world: W, checks: Mapping[str, Callable[[W], Finding]], *, seconds: float = SECONDS
) -> list[Checked]:
    """The same for checks that look at something else than a user's machine."""
    found: dict[str, Finding] = {}

    def run(name: str, check: Callable[[W], Finding]) -> None:
        found[name] = _safely(check, world)

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in checks.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = fail(
        f"no answer in {seconds:.0f} seconds", "see what it waits for: a disk, an agent, the network?"
    )
    return [Checked(name, found.get(name, late)) for name in checks]


def _safely(check: Callable[[W], Finding], world: W) -> Finding:
    try:
        return check(world)
    except MedperfError as error:
        return fail(error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - a fault in one check must not hide the others
        return fail(f"the check itself failed: {type(error).__name__}: {error}", _REPORT)


def rows_of(checked: list[Checked]) -> list[dict[str, Any]]:
    """The same as rows for people and programs."""
    return [
        {
            "check": item.name,
            "state": str(item.finding.state),
            "found": item.finding.text,
            "repair": item.finding.repair,
        }
        for item in checked
    ]


def worst(checked: list[Checked]) -> State:
    """The worst that was found."""
    states = {item.finding.state for item in checked}
    return next((state for state in (State.FAIL, State.WARN) if state in states), State.OK)
