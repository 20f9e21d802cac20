"""Every rule has good and bad cases on disk, and says of each exactly what its file says.

A case is a YAML file `<rule>/good_*.yml` or `bad_*.yml`:

    says: one sentence, what happens
    after: title of the step of the story (tests/support/story.py) that stands; null is before genesis
    merged:                 # optional: changes merged on top first, each a list of actions
      - [action, …]
    unchecked: true         # optional: these were merged by somebody who did not ask the check
    change: [action, …]     # what is judged; actions are in tests/support/rule_case.py
    verdict: AUTO | REVIEW | REJECT      # of the whole check
    findings:               # of this rule, exactly; a good case has none
      - path: cubes/acme/forest/1.yml
        message: words that stand in the finding's message
        repair: words that stand in its repair (optional)
"""

from __future__ import annotations

from pathlib import Path

import pytest

from medperf_cli.core.check.engine import rules
from medperf_cli.core.check.rules.repairs import REPAIRS
from tests.support.rule_case import Case

HERE = Path(__file__).parent
CASES = [Case.read(path) for path in sorted(HERE.glob("*/*.yml"))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.name}")
def test_the_rule_says_what_the_case_says(case: Case) -> None:
    report = case.report()
    found = case.said(report)
    expected = case.given.get("findings", [])
    assert sorted(f.path for f in found) == sorted(e["path"] for e in expected), report.findings
    for finding, wanted in zip(
        sorted(found, key=lambda f: (f.path, f.message)),
        sorted(expected, key=lambda e: (e["path"], e["message"])),
        strict=True,
    ):
        assert wanted["message"] in finding.message
        assert wanted.get("repair", "") in finding.repair
    assert report.verdict.name == case.given["verdict"], report.findings
    assert bool(found) == case.bad


@pytest.mark.parametrize("rule", [rule.id for rule in rules()])
def test_each_rule_has_a_good_and_a_bad_case(rule: str) -> None:
    names = {case.name.partition("_")[0] for case in CASES if case.rule == rule}
    assert names == {"good", "bad"}


def test_each_case_is_of_a_rule() -> None:
    assert {case.rule for case in CASES} <= {rule.id for rule in rules()}
    files = [p for p in HERE.glob("*/*") if p.parent.name != "__pycache__"]
    assert {p.suffix for p in files} == {".yml"}


def test_rules_are_told_apart_and_explained() -> None:
    table = rules()
    assert len({rule.id for rule in table}) == len({rule.title for rule in table}) == len(table)
    for rule in table:
        assert rule.title[0].islower() or rule.title.startswith("`"), rule.id
        assert not rule.title.endswith("."), rule.id
        assert rule.text.split("\n", maxsplit=1)[0].endswith((".", ",")) or "\n" in rule.text, rule.id


def test_every_rule_says_what_repairs_a_finding_of_it() -> None:
    assert set(REPAIRS) == {rule.id for rule in rules()}
    for rule_id, repair in REPAIRS.items():
        assert repair, rule_id
        assert "\n" not in repair, rule_id
        assert repair[0].islower(), rule_id
        assert not repair.endswith("."), rule_id


def test_every_finding_has_its_repair() -> None:
    for case in CASES:
        assert all(finding.repair for finding in case.report().findings), case.name


def test_each_case_says_in_a_sentence_what_happens() -> None:
    fields = {"says", "after", "merged", "unchecked", "change", "verdict", "findings"}
    for case in CASES:
        assert set(case.given) <= fields, case.name
        assert len(case.given["says"]) > len("short"), case.name
