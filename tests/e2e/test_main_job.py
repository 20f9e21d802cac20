"""The main job as a newcomer sees it: the demo, played from nothing, then everything in it proved again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medperf_cli.adapters.runtime.docker_engine import connect
from medperf_cli.core.names import Kind, parse_signature_path
from medperf_cli.errors import EngineError

pytestmark = [pytest.mark.container, pytest.mark.e2e, pytest.mark.xdist_group("demo")]

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "examples/breast-cancer/demo.py"
MEDPERF = str(Path(sys.executable).with_name("medperf"))
BASE = REPOSITORY / ".cache/breast-cancer"
RESULTS = "results/clara/breast-cancer"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder after the story."""
    try:
        connect()
    except EngineError as error:
        pytest.skip(f"no engine answers: {error.message}")
    if not list(BASE.glob("*/base.json")):
        pytest.skip("no base image in the cache: run examples/breast-cancer/build_images.py once")
    folder = tmp_path_factory.mktemp("demo") / "stage"
    done = subprocess.run(
        [sys.executable, str(DEMO), "--stage", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (folder / "told.txt").write_text(done.stdout)
    return folder


def medperf(stage: Path, who: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "MEDPERF_HOME": str(stage / who / ".medperf")}
    command = [MEDPERF, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=stage)


def test_every_signature_is_accepted_by_stock_ssh_keygen(stage: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(stage / "registry.git"), str(clone)], check=True)
    registry = clone / "registry"
    (known,) = json.loads(medperf(stage, "acme", "registry", "ls", "--json").stdout)
    signatures = sorted(registry.rglob("*.sig"))
    assert len(signatures) > 25
    for file in signatures:
        path = parse_signature_path(file.relative_to(registry).as_posix())
        principal = path.entity.signer or path.admin or ""
        command = ["ssh-keygen", "-Y", "verify", "-f", str(stage / "allowed_signers"), "-I", principal]
        command += ["-n", path.entity.namespace(known["registry"]), "-s", str(file)]
        payload = (registry / str(path.entity)).read_bytes()
        done = subprocess.run(command, input=payload, capture_output=True, check=False)
        assert done.returncode == 0, (file, done.stderr)
        tampered = subprocess.run(command, input=payload + b" ", capture_output=True, check=False)
        assert tampered.returncode != 0, file
    assert {parse_signature_path(f.relative_to(registry).as_posix()).entity.kind for f in signatures} == {
        *(Kind.ROOT, Kind.MEMBER, Kind.CUBE, Kind.BENCHMARK),
        *(Kind.DATASET, Kind.ASSOCIATION, Kind.RESULT, Kind.DECISION),
    }


def test_the_whole_history_is_lawful_for_a_new_reader(stage: Path) -> None:
    assert medperf(stage, "st-mary", "registry", "sync").returncode == 0
    done = medperf(stage, "st-mary", "registry", "verify")
    assert (done.returncode, "lawful from the first commit" in done.stderr) == (0, True)


def test_results_hold_the_numbers_of_the_real_patients(stage: Path) -> None:
    done = medperf(stage, "acme", "result", "view", "random-forest", "--format", "json")
    document = json.loads(done.stdout)["document"]
    metrics = {m["key"]: m for m in document["metrics"]}
    assert (metrics["accuracy"]["count"], metrics["accuracy"]["mean"]) == (180, 0.95)
    assert (metrics["sensitivity"]["numerator"], metrics["sensitivity"]["denominator"]) == (61.0, 67.0)
    assert 0.98 < metrics["auroc"]["value"] < 1.0
    (against,) = document["against"]
    assert against["result"]["path"] == f"{RESULTS}/clara/reference-model/st-mary/aspirates/1.yml"
    differences = {m["key"]: m["difference"] for m in against["metrics"]}
    assert differences["accuracy"] == pytest.approx(0.95 - 0.966667, abs=1e-6)


def test_every_container_was_isolated_and_none_is_left(stage: Path) -> None:
    done = medperf(stage, "acme", "result", "view", "random-forest", "--format", "json")
    tasks = json.loads(done.stdout)["document"]["execution"]["tasks"]
    required = {"no-network", "inputs-read-only", "no-new-privileges", "clean-environment", "not-privileged"}
    assert all(required <= set(task["applied"]) for task in tasks)
    for who in ("clara", "acme", "st-mary"):
        assert not list((stage / who / ".medperf" / "scratch").glob("*/*"))


def test_nothing_of_a_patient_is_in_the_repository(stage: Path) -> None:
    """No case id and no measurement of the export stands in any object of the registry."""
    export = (stage / "st-mary" / "export" / "features").glob("*.csv")
    lines = [line for file in export for line in file.read_text().splitlines()[1:]]
    ids = {line.split(";")[0].split(",")[0] for line in lines}
    assert len(ids) == 180
    git = ["git", "--git-dir", str(stage / "registry.git")]
    objects = subprocess.run(
        [*git, "cat-file", "--batch", "--batch-all-objects"], capture_output=True, check=True
    ).stdout
    assert not [i for i in ids if i.encode() in objects]


def test_the_same_commands_again_do_nothing_twice(stage: Path) -> None:
    before = subprocess.run(
        ["git", "--git-dir", str(stage / "registry.git"), "rev-parse", "main"],
        capture_output=True,
        check=True,
    )
    run = medperf(stage, "st-mary", "benchmark", "run", "-b", "breast-cancer", "-d", "aspirates", "--json")
    assert [row["from_cache"] for row in json.loads(run.stdout)] == [True, True]
    again = medperf(stage, "st-mary", "result", "submit", "--all", "--yes")
    assert (again.returncode, "nothing to send" in again.stderr) == (0, True)
    after = subprocess.run(
        ["git", "--git-dir", str(stage / "registry.git"), "rev-parse", "main"],
        capture_output=True,
        check=True,
    )
    assert before.stdout == after.stdout


def test_an_edited_result_is_refused_and_rerun_repairs_it(stage: Path) -> None:
    spool = stage / "st-mary" / ".medperf" / "runs"
    for file in spool.glob("*/attempt-1/results/results.yaml"):
        file.write_text(file.read_text().replace("0.9", "0.99"))
    uids = json.loads(medperf(stage, "st-mary", "result", "show_local_results", "--json").stdout)
    refused = medperf(stage, "st-mary", "result", "submit", "-r", uids[0]["uid"], "--yes")
    assert (refused.returncode, "MP-INTEGRITY" in refused.stderr) == (10, True), refused.stderr
    assert "results/results.yaml' no longer matches its record" in refused.stderr
    arguments = ("benchmark", "run", "-b", "breast-cancer", "-d", "aspirates", "--no-cache")
    assert medperf(stage, "st-mary", *arguments).returncode == 0
    edited = next(spool.glob("*/attempt-2/results/results.yaml"))
    edited.write_text(edited.read_text() + "\n")
    every = medperf(stage, "st-mary", "result", "submit", "--all", "--yes")
    assert (every.returncode, f"output '{edited}' no longer matches" in every.stderr) == (10, True), (
        every.stderr
    )
    assert "sent" not in every.stdout


def test_the_story_ends_with_board_page_and_proof(stage: Path) -> None:
    told = (stage / "told.txt").read_text()
    assert "clara/reference-model 0.967, acme/random-forest 0.950" in told
    assert 'Good "result.v1@' in told
    page = (stage / "site" / "benchmarks/clara/breast-cancer/index.html").read_text()
    assert "0.967" in page
    assert "0.950" in page
