"""Decisions: about what an open request asks for, or about what stands in main."""

from __future__ import annotations

from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.entities.fields import Pin
from medperf_cli.core.lifecycle.requirement import Role, revoking_role
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.errors import UsageError
from medperf_cli.flows.identity import me
from medperf_cli.flows.submitting.desk import Desk


def authority(
    state: Lifecycle, subject: EntityPath, verdict: DecisionVerdict, after: Lifecycle
) -> Pin | None:
    """The authority in force that a decision about `subject` is made under; None where none is named.

    Raises:
        UsageError: nobody has to decide this, or nothing is in force that gives the role.

    """
    if verdict in (DecisionVerdict.WITHDRAW, DecisionVerdict.ACKNOWLEDGE, DecisionVerdict.REVEAL):
        return None
    role = revoking_role(subject.kind) if verdict is DecisionVerdict.REVOKE else after.role(subject)
    if role is Role.NOBODY:
        raise UsageError(f"'{subject}' needs nobody's approval")
    found = state.authority(role, subject)
    if found is None:
        raise UsageError(f"nothing is in force that gives the {role} a say about '{subject}'")
    return state.reader.pin(found)


def add_decision(
    desk: Desk, subject: EntityPath, verdict: DecisionVerdict, reason: str, *, after: Lifecycle | None = None
) -> EntityPath:
    """Write my decision about a version that stands in main, or in the request that `after` shows.

    Raises:
        UsageError: there is no such version, or nobody has to decide it.

    """
    seen = after or desk.composer.after
    if seen.reader.digest(subject) is None:
        raise UsageError(f"there is no '{subject}'", hint="`medperf review ls` shows what waits")
    under = authority(desk.state, subject, verdict, seen)
    fields = {
        "subject": seen.reader.pin(subject).document(),
        "verdict": verdict.value,
        "reason": reason,
        "authority": None if under is None else under.document(),
    }
    entity_id = f"{subject.stem}/{me(desk.deps.settings)}"
    return desk.composer.add(Kind.DECISION, entity_id, fields)
