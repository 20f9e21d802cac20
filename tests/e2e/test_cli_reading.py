"""Reading on the command line: lists, views, chains, rules, settings; data on stdout, talk on stderr."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hosting import Hosted
from tests.support.story_fields import DATASET, FOREST, REFERENCE, TISSUE
from tests.support.terminal import Terminal

COUNTS = {
    "member": 5,
    "cube": 4,
    "model": 2,
    "benchmark": 1,
    "dataset": 1,
    "association": 2,
    "result": 2,
}


@pytest.mark.parametrize(("group", "count"), COUNTS.items())
def test_every_kind_is_listed_for_people_and_machines(hospital: Terminal, group: str, count: int) -> None:
    rows = hospital(group, "ls", "--json").ok().json
    assert len(rows) == count
    assert all(row["standing"] == "effective" and row["in_force"] for row in rows)
    table = hospital(group, "ls").ok()
    assert len(table.out.splitlines()) == count + 1
    assert table.err == ""


def test_results_say_what_ran_on_what_and_how_well(hospital: Terminal) -> None:
    rows = hospital("result", "ls", "--json").json
    assert {(r["benchmark"], r["model"], r["dataset"]) for r in rows} == {
        (TISSUE, FOREST, DATASET),
        (TISSUE, REFERENCE, DATASET),
    }
    assert {(r["metric"], r["value"], r["partial"]) for r in rows} == {("accuracy", 0.95, False)}
    assert "accuracy 0.950" in hospital("result", "ls").out


def test_associations_say_who_takes_part_in_what(hospital: Terminal) -> None:
    rows = hospital("association", "ls", "--json").json
    assert {(r["benchmark"], r["type"], r["subject"]) for r in rows} == {
        (TISSUE, "model", FOREST),
        (TISSUE, "dataset", DATASET),
    }


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("cube", "ls", "--owner", "acme"), {"acme/forest"}),
        (("cube", "ls", "--name", "prep"), {"tumor-board/wdbc-prep"}),
        (("dataset", "ls", "--mine"), {DATASET}),
        (("cube", "ls", "--mine"), set()),
        (("benchmark", "ls", "--state", "development"), set()),
        (("benchmark", "ls", "--state", "operation"), {TISSUE}),
        (("benchmark", "ls", "--standing", "pending"), set()),
        (("result", "ls", "-b", "wdbc"), {f"{TISSUE}/{m}/{DATASET}" for m in (FOREST, REFERENCE)}),
        (("dataset", "ls", "--benchmark", "tumor"), {DATASET}),
    ],
)
def test_lists_are_filtered(hospital: Terminal, words: tuple[str, ...], ids: set[str]) -> None:
    assert {row["id"] for row in hospital(*words, "--json").ok().json} == ids


def test_superseded_versions_are_listed_on_demand(hospital: Terminal) -> None:
    assert [r["version"] for r in hospital("dataset", "ls", "--json").json] == [2]
    assert [r["version"] for r in hospital("dataset", "ls", "--all", "--json").json] == [1, 2]


def test_filters_that_make_no_sense_are_usage_errors(hospital: Terminal) -> None:
    hospital("dataset", "ls", "--state", "prepared").failed(2, "MP-USAGE", "development")
    hospital("dataset", "ls", "--standing", "gone").failed(2, "MP-USAGE", "pending")
    hospital("result", "ls", "--benchmark", "lung").failed(2, "MP-UNKNOWN-ID", "no benchmark 'lung'")


def test_a_view_is_the_signed_file_to_the_byte(hospital: Terminal, told: Hosted, tmp_path: Path) -> None:
    path = f"cubes/{FOREST}/1.yml"
    data = told.world.files[path]
    shown = hospital("model", "view", "forest").ok().out
    assert shown.endswith(data.decode())
    assert f"# sha256: {hashlib.sha256(data).hexdigest()}\n" in shown
    found = hospital("cube", "view", FOREST, "--format", "json").ok().json
    assert (found["path"], found["standing"], found["document"]["type"]) == (path, "effective", "model")
    hospital("cube", "view", "forest", "-f", "json", "-o", tmp_path / "one.json").ok()
    assert json.loads((tmp_path / "one.json").read_text()) == found
    assert "version: 1\n" in hospital("dataset", "view", "biopsies", "--version", "1").ok().out


def test_a_view_of_nothing_says_what_comes_near(hospital: Terminal, tmp_path: Path) -> None:
    hospital("cube", "view", "forrest").failed(2, "MP-UNKNOWN-ID", "did you mean acme/forest?")
    hospital("cube", "view", "wdbc").failed(2, "MP-UNKNOWN-ID", "means 2 cubes")
    hospital("cube", "view", "forest", "--version", "7").failed(2, "MP-UNKNOWN-ID", "version 7")
    nowhere = tmp_path / "no" / "folder" / "x"
    hospital("cube", "view", "forest", "-o", nowhere).failed(4, "MP-CONFIG", str(nowhere))


def whats(links: list[dict[str, Any]]) -> Iterator[str]:
    for link in links:
        yield link["what"]
        yield from whats(link["links"])


def test_a_claim_is_explained_in_words_and_as_json(hospital: Terminal) -> None:
    claim = f"results/{TISSUE}/{FOREST}/{DATASET}/1"
    found = hospital("verify", claim, "--json").ok().json
    tree = hospital("verify", claim).ok("counts, and is in force", "not checked:").out
    assert (found["path"], found["standing"], found["in_force"]) == (f"{claim}.yml", "effective", True)
    assert found["links"][0]["what"] == "signed by st-mary"
    assert all(what in tree for what in whats(found["links"]))
    for words in ((DATASET,), (f"https://site.example/{claim}.html",), ("root",)):
        hospital("verify", *words).ok("the one pinned on this machine")
    hospital("verify", "nonsense").failed(2, "MP-UNKNOWN-ID")
    hospital("verify", f"https://site.example/results/{TISSUE}/").failed(2, "MP-USAGE", "one of its rows")
    hospital("verify", "--", "-x").failed(2, "MP-UNKNOWN-ID")
    hospital("verify", claim.replace("forest", "grove")).failed(2, "MP-UNKNOWN-ID")


def test_the_registry_and_the_board_are_shown(hospital: Terminal, told: Hosted) -> None:
    (row,) = hospital("registry", "ls", "--json").ok().json
    assert (row["registry"], row["url"], row["in_use"]) == (told.world.registry, told.url, True)
    hospital("registry", "use", told.world.registry[:6]).ok("is in use")
    hospital("registry", "use", "ffff").failed(2, "MP-UNKNOWN-ID")
    hospital("registry", "sync").ok("0 new changes")
    hospital("registry", "verify").ok("17 changes")
    hospital("benchmark", "board", "wdbc").ok(FOREST, DATASET)
    assert hospital("benchmark", "board", "wdbc", "--json").ok().json["benchmark"] == TISSUE


def test_rules_are_listed_with_their_texts(terminal: Terminal) -> None:
    rows = terminal("rules", "--json").ok().json
    assert {"TREE001", "SIG001", "APP001"} <= {row["rule"] for row in rows}
    assert all(row["text"] and row["title"] and row["sort"] and row["repair"] for row in rows)
    terminal("rules").ok("SIG001   consensus")


def test_one_rule_is_shown_in_full(terminal: Terminal) -> None:
    terminal("rules", "sig001").ok(
        "SIG001 (consensus)", "The path says who must sign", "repair: sign the file"
    )
    assert [row["rule"] for row in terminal("rules", "SIG001", "--json").ok().json] == ["SIG001"]
    terminal("rules", "SIG001", "--markdown").ok("### SIG001: ")
    terminal("rules", "SIG999").failed(2, "MP-UNKNOWN-ID", "there is no rule 'SIG999'")


def test_settings_are_shown_and_set(terminal: Terminal) -> None:
    terminal("profile", "set", "minimum_cell", "20").ok("minimum_cell is set")
    terminal("profile", "set", "assets", "/mnt/a", "/mnt/b").ok()
    found = {row["setting"]: row["value"] for row in terminal("profile", "view", "--json").json}
    assert (found["minimum_cell"], found["assets"]) == (20, "/mnt/a:/mnt/b")
    terminal("profile", "set", "member", "a", "b").failed(2, "MP-USAGE", "has one value")
    terminal("profile", "set", "colour", "red").failed(2, "MP-USAGE", "settings are:")
    terminal("profile", "set", "parallel", "none").failed(4, "MP-CONFIG", "MEDPERF_PARALLEL")


def test_keys_are_made_chosen_and_listed(terminal: Terminal, tmp_path: Path) -> None:
    made = terminal("key", "new", "--file", tmp_path / "one", "--label", "desk").ok().out.strip()
    terminal("key", "new", "--file", tmp_path / "one").failed(4, "MP-CONFIG", "never overwritten")
    terminal("key", "new").ok()
    assert terminal("key", "use", tmp_path / "one").ok().out.strip() == made
    rows = terminal("key", "ls", "--json").ok().json
    assert [row["fingerprint"] for row in rows if row["in_use"]] == [made]
    assert len(rows) == 2
    terminal("key", "use", tmp_path / "nothing").failed(4, "MP-CONFIG", "key new")
