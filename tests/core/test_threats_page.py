"""The page of threats: each line of the design is on it, with rules and tests that are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from medperf_cli.core.check.engine import rules
from medperf_cli.core.check.rules.table import Sort

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "site_generator" / "content" / "threats.md"
ROW = re.compile(r"^\| (?!threat \|)(?!---)(.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
RULE = re.compile(r"\b[A-Z]{3,4}\d{3}\b")

THREATS = {
    "Trees and names": (
        *("a symlink", "a submodule", "an exec bit", "`.gitattributes`", "`.gitmodules`"),
        *(
            "a large file's (LFS) pointer",
            "3,001 files",
            "names with quotes, newlines, leading dashes, `$(…)`",
        ),
        *("NFC and NFD", "case twins", "`CON.yml`"),
    ),
    "Documents": ("YAML bombs", "deep nesting", "duplicate keys", "tags", "U+2028", "huge integers"),
    "Signatures and keys": (
        *("a signature for another kind", "a signature for another path", "a signature for another registry"),
        *(
            "a signature in another namespace",
            "a revoked key",
            "a stolen key that withdraws its own revocation",
        ),
        *("an unsigned file merged by a forge's admin", "a forged recorder file"),
    ),
    "Decisions": (
        *("self-approval", "one person with two keys", "one person with two logins"),
        *("an approval of version 1 used for version 2", "an approval of different bytes"),
        *("an approval under an outdated authority", "an approval by a non-member"),
        "an approval by a former committee member",
    ),
    "Results": (
        *("a result for something not associated", "a result for other digests"),
        "a result signed by the model's owner",
    ),
    "History": (
        *("deleting", "editing", "renaming", "skipping a version"),
        *("a request that also edits the validator or workflows", "rollback", "force-push"),
        *("a fast-forward past the first-parent chain", "a commit dated 2099"),
        *("two changes valid alone and invalid together", "replay of an old closed submission"),
    ),
    "Text": (
        *("look-alike names", "identifiers in free text"),
        "`http://`, `file://`, link-local and private addresses",
    ),
}
"""What the design names, each of which is a test."""


def sections() -> dict[str, str]:
    return dict(re.findall(r"^## (.*)\n((?:(?!^## ).*\n?)*)", PAGE.read_text("utf-8"), re.MULTILINE))


def rows(section: str) -> dict[str, tuple[str, str]]:
    """Rules and tests by threat."""
    return {threat: (held, tried) for threat, held, tried in ROW.findall(section)}


@cache
def functions(path: str) -> frozenset[str]:
    """The test functions of a module; empty where there is no such file."""
    file = ROOT / path
    tree = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("group", THREATS)
def test_every_threat_of_the_design_is_on_the_page(group: str) -> None:
    assert tuple(rows(sections()[group])) == THREATS[group]


def test_every_threat_is_tried_by_tests_that_are_there() -> None:
    told = {t: tried for section in sections().values() for t, (_, tried) in rows(section).items()}
    assert len(told) > sum(map(len, THREATS.values()))
    for threat, tried in told.items():
        found = TEST.findall(tried)
        assert found, threat
        assert TEST.sub("", tried).replace("<br>", "") == "", threat
        for path, name in found:
            assert name.startswith("test_"), threat
            assert name in functions(path), f"{threat}: {path}::{name}"


def test_a_test_that_is_not_there_would_be_noticed() -> None:
    assert "test_nothing" not in functions("tests/core/test_threats.py")
    assert not functions("tests/core/test_nowhere.py")
    assert "test_self_approval" in functions("tests/core/test_threats.py")


def test_most_threats_are_tried_on_real_git() -> None:
    told = [tried for group in THREATS for _, tried in rows(sections()[group]).values()]
    real = [tried for tried in told if "tests/flows/" in tried]
    assert len(real) >= 0.8 * len(told), f"{len(real)} of {len(told)}"


def test_rules_on_the_page_are_there_and_all_of_consensus_stand_on_it() -> None:
    page = PAGE.read_text("utf-8")
    named = set(RULE.findall(page))
    assert named <= {rule.id for rule in rules()}
    held = {
        r for section in sections().values() for held, _ in rows(section).values() for r in RULE.findall(held)
    }
    formed = set(RULE.findall(sections()["Well-formedness"]))
    assert not held & formed
    assert held | formed >= {rule.id for rule in rules() if rule.sort is Sort.CONSENSUS}
