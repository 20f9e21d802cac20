"""The registries that benchmarks measure with: lawful at every step, really signed, of the stated mix."""

from __future__ import annotations

import importlib
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.engine import CONSENSUS, check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.entities.benchmark import Benchmark
from medperf_cli.core.entities.decision import Decision
from medperf_cli.core.entities.member import Member
from medperf_cli.core.lifecycle.reader import Reader, sha256
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.names import EntityPath, Kind, parse_path, signature_path

pytestmark = pytest.mark.xdist_group("generated")  # one worker makes the registry once

ENTITIES = 300
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def generator() -> Iterator[Any]:
    """The generator is a script, not a package of this project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("generate_registry")


@pytest.fixture(scope="module")
def made(generator: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "registry.git"
    generator.generate(path, ENTITIES, 1)
    return path


@pytest.fixture
def store(made: Path) -> Iterator[GitStore]:
    with GitStore(made) as opened:
        yield opened


@pytest.fixture
def state(store: GitStore) -> Lifecycle:
    return Lifecycle(Reader(store.snapshot(store.rev("refs/heads/main"))))


def every(state: Lifecycle) -> list[EntityPath]:
    return [parse_path(p) for p in state.reader.snapshot.list("") if p.endswith(".yml")]


def test_every_step_is_lawful(store: GitStore) -> None:
    entities = 0
    for step in store.history(store.rev("refs/heads/main") or ""):
        change = store.change(step.parent, step.commit)
        entities += len(change.entities)
        assert check(change, sorts=CONSENSUS).findings == (), step.commit
    assert entities == ENTITIES


def test_what_was_asked_for_counts(state: Lifecycle) -> None:
    standing = {path: state.standing(path) for path in every(state)}
    assert Standing.PENDING not in standing.values()
    ended = Counter(path.kind for path, found in standing.items() if found.ended)
    assert ended[Kind.RESULT] > 0
    assert ended[Kind.ASSOCIATION] > 1
    assert max(ended.values()) < 0.1 * ENTITIES


def test_the_mix_is_as_stated(state: Lifecycle) -> None:
    counts = Counter(path.kind for path in every(state))
    assert counts.total() == ENTITIES
    assert counts[Kind.ROOT] == 1
    assert counts[Kind.RESULT] > 0.3 * ENTITIES
    members = {path.id for path in every(state) if path.kind is Kind.MEMBER}
    assert len(members) == 3 + 7  # at this size no consortium has fewer
    charter = state.reader.typed(state.in_force(Kind.BENCHMARK, "board-000/lesions"), Benchmark)
    assert charter is not None
    assert (charter.version, charter.committee.threshold, len(charter.committee.members)) == (3, 2, 3)
    assert len(state.reader.versions(Kind.CUBE, "vendor-000-00/model-00")) == 2
    assert len(state.reader.versions(Kind.DATASET, "hospital-000-00/cohort-00")) == 2


def test_keys_change_and_decisions_end_things(state: Lifecycle) -> None:
    decisions = [state.reader.typed(p, Decision) for p in every(state) if p.kind is Kind.DECISION]
    assert {str(d.verdict) for d in decisions if d} == {"approve", "revoke", "withdraw"}
    changed = state.member_in_force("hospital-000-00")
    assert isinstance(changed, Member)
    assert [key.revoked is None for key in changed.keys] == [False, True]


def test_history_is_what_a_merge_bot_leaves(store: GitStore) -> None:
    head = store.rev("refs/heads/main") or ""
    chain = store.first_parents(head)
    touching = {step.commit for step in store.history(head)}
    assert any(commit not in touching for commit in chain), "some commits are beside the registry"
    merges = [store.commit(c).parents for c in chain if len(store.commit(c).parents) > 1]
    assert len(merges) == len(touching) - 1, "all but genesis"
    requests = [request for _, *requests in merges for request in requests]
    assert {len(store.commit(request).parents) for request in requests} == {1}
    assert set(store.refs()) - set(store.refs("refs/probes")) == {"refs/heads/main"}


def test_a_request_of_each_kind_waits_beside_it(store: GitStore) -> None:
    probes = store.refs("refs/probes")
    kinds = {"member", "cube", "benchmark", "dataset", "association", "decision", "result", "batch"}
    assert {ref.rpartition("/")[2] for ref in probes} == kinds
    for ref, commit in probes.items():
        report = check(store.change(store.parent(commit), commit))
        assert report.verdict is Verdict.AUTO, (ref, report.findings)


@pytest.mark.parametrize(
    "kind", ["member", "cube", "benchmark", "dataset", "association", "result", "decision"]
)
def test_ssh_keygen_verifies(state: Lifecycle, tmp_path: Path, kind: str) -> None:
    path = next(p for p in every(state) if p.kind == kind)
    member, get = state.member_in_force(path.signer or ""), state.reader.snapshot.get
    assert member is not None
    allowed, armor = tmp_path / "allowed", tmp_path / "armor.sig"
    allowed.write_text("".join(f"{path.signer} {key.key}\n" for key in member.keys))
    armor.write_bytes(get(str(signature_path(path))) or b"")
    space = path.namespace(state.reader.root.registry)
    command = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", path.signer or "", "-n", space, "-s", armor]
    assert subprocess.run(command, input=get(str(path)), check=False, capture_output=True).returncode == 0


def test_the_same_again_and_another_by_another_seed(generator: Any, tmp_path: Path) -> None:
    heads = []
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        generator.generate(tmp_path / f"{name}.git", 60, seed)
        with GitStore(tmp_path / f"{name}.git") as store:
            heads.append(store.rev("refs/heads/main"))
    assert heads[0] == heads[1] != heads[2]


def test_what_was_made_is_kept_with_its_root(
    generator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "CACHE", tmp_path / "cache")
    path = generator.kept(60)
    monkeypatch.setattr(generator, "generate", None)
    assert generator.kept(60) == path
    with GitStore(path) as store:
        root = store.snapshot(store.rev("refs/heads/main")).get("root/1.yml") or b""
    assert path.with_suffix(".root").read_text() == sha256(root) + "\n"
