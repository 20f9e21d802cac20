"""The table of rules: id, title, sort, docstring and one pure generator each."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from medperf_cli.core.check.findings import Finding, Severity
from medperf_cli.core.check.rules.repairs import REPAIRS
from medperf_cli.core.check.submission import Submission
from medperf_cli.core.names import EntityPath


class Sort(enum.StrEnum):
    """What a rule's findings do.

    Consensus rules are what replay enforces, frozen per `root.format`; decisions name who must still decide;
    holds stop the merge bot and ask people; notes advise.
    """

    CONSENSUS = "consensus"
    DECISIONS = "decisions"
    HOLD = "hold"
    NOTE = "note"


SEVERITIES = {
    Sort.CONSENSUS: Severity.REJECT,
    Sort.DECISIONS: Severity.REVIEW,
    Sort.HOLD: Severity.HOLD,
    Sort.NOTE: Severity.NOTE,
}


@dataclass(frozen=True)
class Fault:
    """What a rule found: where, what, and how to repair it."""

    path: EntityPath | str
    message: str
    repair: str = ""


Generator = Callable[[Submission], Iterator[Fault]]


@dataclass(frozen=True)
class Rule:
    """One rule of the registry, for roots of format `since` or higher."""

    id: str
    title: str
    sort: Sort
    genesis: bool
    since: int
    text: str
    generate: Generator

    @property
    def repair(self) -> str:
        """What repairs a finding of this rule, unless the finding says it more exactly."""
        return REPAIRS.get(self.id, "")

    def apply(self, submission: Submission) -> Iterator[Finding]:
        """The rule's findings about a change."""
        for fault in self.generate(submission):
            repair = fault.repair or self.repair
            yield Finding(SEVERITIES[self.sort], self.id, str(fault.path), fault.message, repair)


RULES: dict[str, Rule] = {}
_ID = re.compile(r"[A-Z]{3,4}[0-9]{3}\Z")


def rule(
    rule_id: str, title: str, *, sort: Sort = Sort.CONSENSUS, genesis: bool = False, since: int = 1
) -> Callable[[Generator], Generator]:
    """Enter a generator into the table; its docstring becomes the rule's text.

    Raises:
        ValueError: the id is malformed or taken, or there is no docstring.

    """

    def enter(generate: Generator) -> Generator:
        if not _ID.match(rule_id) or rule_id in RULES or not generate.__doc__:
            raise ValueError(f"rule '{rule_id}' needs an id of its own and a docstring")
        RULES[rule_id] = Rule(rule_id, title, sort, genesis, since, generate.__doc__, generate)
        return generate

    return enter
