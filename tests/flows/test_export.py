"""The export of a verified registry: complete, checkable with stock tools, and the same each time."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from medperf_cli.adapters.store.settings import load
from medperf_cli.core.names import Kind, parse_path, parse_signature_path
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.add_registry import add_registry
from medperf_cli.flows.reading.benchmark_board import benchmark_board
from medperf_cli.flows.reading.export import export_snapshot
from medperf_cli.main import run
from site_generator.chain import chain, script
from site_generator.member_keys import Keys
from site_generator.proof import steps
from site_generator.records import SCHEMA_FILE, Records
from site_generator.serve import server
from site_generator.validate import validate
from tests.support.hosting import Hosted
from tests.support.office import Talk
from tests.support.published import snapshot_of, waiting_world
from tests.support.story import STEPS
from tests.support.story_fields import TISSUE


def deps_in(home: Path) -> Deps:
    def never(text: str) -> bool:
        raise AssertionError(text)

    now = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    return Deps(load({"MEDPERF_HOME": str(home)}, home), lambda: now, Talk(), never, interactive=False)


@pytest.fixture(scope="module")
def story(templates: Callable[[int], Hosted]) -> Hosted:
    return templates(len(STEPS))


@pytest.fixture(scope="module")
def deps(story: Hosted, tmp_path_factory: pytest.TempPathFactory) -> Deps:
    """A reader who has verified the story's registry; exporting changes nothing."""
    home = tmp_path_factory.mktemp("reader")
    first = snapshot_of(story.world)["registry"]["root_sha256"]
    add_registry(deps_in(home), story.url, f"sha256:{first}")
    return deps_in(home)


def test_it_holds_every_file_of_the_registry_to_the_byte(deps: Deps, story: Hosted) -> None:
    files = {}
    for entity in export_snapshot(deps)["entities"]:
        files[entity["path"]] = entity["yml"].encode()
        files |= {path: text.encode() for path, text in entity["signatures"].items()}
    assert files == {p: d for p, d in story.world.files.items() if p != ".gitattributes"}


def test_it_fits_its_schema_and_says_nothing_of_this_machine(deps: Deps, story: Hosted) -> None:
    exported = export_snapshot(deps)
    validate(exported, json.loads(SCHEMA_FILE.read_bytes()))
    assert exported["registry"]["url"] is None, "a local address is nobody else's business"
    told = json.dumps(exported)
    assert str(story.folder) not in told
    assert str(deps.settings.home) not in told


def test_the_same_state_gives_the_same_document(deps: Deps) -> None:
    assert json.dumps(export_snapshot(deps)) == json.dumps(export_snapshot(deps))


def test_stock_tools_prove_each_file_by_the_commands_that_are_shown(
    deps: Deps, story: Hosted, tmp_path: Path
) -> None:
    exported = export_snapshot(deps)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", story.path, clone], check=True)
    (clone / "allowed_signers").write_text(exported["allowed_signers"])
    kinds = {e["kind"]: e for e in exported["entities"]}
    assert set(kinds) == set(Kind) - {Kind.RELEASE, Kind.RECORDED, Kind.REDACTION}
    for entity in kinds.values():
        for step in steps(entity, exported["registry"]):
            done = subprocess.run(
                ["sh", "-ec", step.command], cwd=clone, capture_output=True, text=True, check=True
            )
            assert done.stdout.startswith(step.expected.partition(" with …")[0]), step


def test_the_chain_of_a_result_holds_by_the_commands_that_are_shown_for_all_of_it(
    deps: Deps, story: Hosted, tmp_path: Path
) -> None:
    records = Records(export_snapshot(deps))
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", story.path, clone], check=True)
    (clone / "allowed_signers").write_text(records.snapshot["allowed_signers"])
    (result, *_) = records.results_of("model", "acme/forest")
    links = chain(records, Keys(records), result)
    assert [link.entity["kind"] for link in links[:4]] == [
        "result",
        "association",
        "association",
        "benchmark",
    ]
    assert links[-1].entity["path"] == "root/1.yml"
    commands = script(links, records)
    argv = ["sh", "-e"]
    done = subprocess.run(argv, input=commands, cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Good ") == commands.count("\none ") > len(links)
    forged = commands.replace(result["sha256"], "0" * 64)
    failed = subprocess.run(argv, input=forged, cwd=clone, capture_output=True, text=True, check=False)
    assert failed.returncode != 0, "a digest that is not the file's must stop the chain"


def test_every_signature_is_accepted_by_stock_ssh_keygen(deps: Deps, tmp_path: Path) -> None:
    exported = export_snapshot(deps)
    signers = tmp_path / "allowed_signers"
    signers.write_text(exported["allowed_signers"])
    checked = 0
    for entity in exported["entities"]:
        path = parse_path(entity["path"])
        for name, armor in entity["signatures"].items():
            signature = tmp_path / "one.sig"
            signature.write_text(armor)
            who = parse_signature_path(name).admin or path.signer
            namespace = path.namespace(exported["registry"]["id"])
            argv = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", who, "-n", namespace, "-s", signature]
            done = subprocess.run(argv, input=entity["yml"].encode(), capture_output=True, check=False)
            assert done.returncode == 0, (name, done.stderr)
            checked += 1
    assert checked == len(exported["entities"])


def test_it_says_which_decisions_made_a_version_count(deps: Deps) -> None:
    records = Records(export_snapshot(deps))
    association = records.by_path[f"associations/{TISSUE}/models/acme/forest/1.yml"]
    (decision,) = association["decisions"]
    assert (decision["member"], decision["verdict"], decision["evidence"]) == ("clara", "approve", "signed")
    assert decision["authority"]["path"] == f"benchmarks/{TISSUE}/2.yml"
    assert decision["counted"]
    assert association["waiting"] is None


def test_it_says_who_must_decide_about_what_is_pending() -> None:
    records = Records(snapshot_of(waiting_world()))
    waiting = {e["path"]: e["waiting"] for e in records.pending}
    assert waiting == {
        "members/newcomer/1.yml": {"missing": 1, "members": ["ada"]},
        f"associations/{TISSUE}/models/acme/second/1.yml": {
            "missing": 1,
            "members": ["clara"],
        },
    }
    assert [e["role"] for e in records.pending] == ["admins", "committee"]


def test_a_decision_that_did_not_suffice_is_shown_as_such() -> None:
    world = waiting_world()
    path = f"associations/{TISSUE}/models/acme/second/1.yml"
    world.force(world.decide("ada", path, authority=f"benchmarks/{TISSUE}/2.yml"))
    (decision,) = Records(snapshot_of(world)).by_path[path]["decisions"]
    assert not decision["counted"], "ada is not on the committee"


def test_a_revocation_counts_and_ends() -> None:
    world = waiting_world()
    path = f"associations/{TISSUE}/models/acme/forest/1.yml"
    world.merge(world.decide("clara", path, "revoke", authority=f"benchmarks/{TISSUE}/2.yml", version=2))
    entity = Records(snapshot_of(world)).by_path[path]
    assert entity["standing"] == "revoked"
    assert [(d["verdict"], d["counted"]) for d in entity["decisions"]][-1] == ("revoke", True)


@pytest.mark.parametrize(
    "url", ["file:///somewhere", "ssh://me@host/x", "https://me:secret@host/x", "/somewhere"]
)
def test_only_a_public_address_is_named(url: str) -> None:
    assert snapshot_of(waiting_world(), url)["registry"]["url"] is None


def test_the_board_in_the_terminal_reads_the_index(deps: Deps) -> None:
    found = benchmark_board(deps, "wdbc")
    assert found.benchmark == TISSUE
    assert {line.model for line in found.lines if line.pooled} == {"acme/forest", "tumor-board/logistic"}


def test_the_commands_build_and_serve_the_site(
    deps: Deps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEDPERF_HOME", str(deps.settings.home))
    out = tmp_path / "site"
    assert run(["site", "build", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["home"] == str(out / "index.html")
    with server(out, 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{running.server_port}/") as answer:
            assert answer.read() == (out / "index.html").read_bytes()
        running.shutdown()
        thread.join()


def test_there_is_nothing_to_serve_before_it_is_built(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no site"):
        server(tmp_path, 0)


def test_without_a_registry_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no registry is in use"):
        export_snapshot(deps_in(tmp_path))
