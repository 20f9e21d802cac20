"""The demo's story from genesis to the published results, fixed to the byte in tests/golden/story.

`MEDPERF_REWRITE_GOLDEN=1 pytest tests/core/test_story.py` writes them anew; look at the difference.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.lifecycle.standing import Lifecycle, Standing
from medperf_cli.core.names import FOLDERS, EntityPath, parse_path, parse_signature_path
from medperf_cli.core.snapshot import Change
from tests.support.keys import member_key
from tests.support.story import STEPS, Step, tell
from tests.support.world import REGISTRY, World

GOLDEN = Path(__file__).parent.parent / "golden" / "story"
REWRITE = "MEDPERF_REWRITE_GOLDEN"
WAITED_FOR = len(STEPS)


@cache
def story() -> tuple[Step, ...]:
    return tuple(tell(World()))


def folder(number: int, step: Step) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", step.title.lower()).strip("-")
    return f"{number:02}-{slug}"


def signer(path: str) -> str:
    """Who signed a file, as the path says; for a root all who did."""
    if not path.endswith(".yml"):
        return ""
    entity = parse_path(path)
    if entity.signer:
        return entity.signer
    found = (parse_signature_path(p) for step in story() for p in step.files if p.endswith(".sig"))
    return ", ".join(s.admin or "" for s in found if s.entity == entity)


def readme() -> str:
    """The table of the story."""
    lines = [
        "# The story, merge by merge",
        "",
        "One folder per merge, from genesis to the published results: the files it adds below `registry/`.",
        f"Written by `{REWRITE}=1 pytest tests/core/test_story.py`; a `.sig` beside a file is its signature.",
        "",
        "| step | what happens | file | signed by | verdict |",
        "| ---: | --- | --- | --- | --- |",
    ]
    for number, step in enumerate(story(), 1):
        for path in sorted(p for p in step.files if not p.endswith(".sig")):
            who = signer(path) or "nobody"
            lines.append(f"| {number} | {step.title} | `{path}` | {who} | {step.report.verdict.name} |")
    return "\n".join(lines) + "\n"


def expected() -> dict[str, bytes]:
    """Every golden file by its path below the golden folder (git must not take one for its own)."""
    files = {
        f"{folder(number, step)}/{path.replace('.git', 'dot-git')}": data
        for number, step in enumerate(story(), 1)
        for path, data in step.files.items()
    }
    return {**files, "README.md": readme().encode()}


def test_the_story_is_the_golden_one() -> None:
    wanted = expected()
    if os.environ.get(REWRITE) == "1":
        shutil.rmtree(GOLDEN, ignore_errors=True)
        for path, data in wanted.items():
            (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / path).write_bytes(data)
    found = {str(p.relative_to(GOLDEN)): p.read_bytes() for p in GOLDEN.rglob("*") if p.is_file()}
    assert sorted(found) == sorted(wanted)
    for path, data in wanted.items():
        assert found[path] == data, path


def test_every_step_is_merged_by_the_bot() -> None:
    assert {step.report.verdict for step in story()} == {Verdict.AUTO}


@pytest.fixture(scope="module")
def allowed_signers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every member of the story with its key and the namespaces of all kinds."""
    namespaces = ",".join(f"{kind}.v1@{REGISTRY}" for kind in FOLDERS)
    members = {parse_path(p).id for s in story() for p in s.files if re.match(r"members/.*\.yml", p)}
    lines = [f'{m} namespaces="{namespaces}" {member_key(m).public_text}\n' for m in sorted(members)]
    path = tmp_path_factory.mktemp("signers") / "allowed_signers"
    path.write_text("".join(lines), encoding="utf-8")
    return path


SIGNATURES = sorted(p for p in GOLDEN.rglob("*.sig"))


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda p: str(p.relative_to(GOLDEN)))
def test_stock_ssh_keygen_accepts_every_signature(signature: Path, allowed_signers: Path) -> None:
    step = GOLDEN / signature.relative_to(GOLDEN).parts[0]
    path = parse_signature_path(str(signature.relative_to(step)))
    who = path.admin or path.entity.signer or ""
    arguments = ["-f", str(allowed_signers), "-I", who, "-n", path.entity.namespace(REGISTRY)]
    done = subprocess.run(
        ["ssh-keygen", "-Y", "verify", *arguments, "-s", str(signature)],
        input=(step / str(path.entity)).read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def all_standings(state: Lifecycle) -> dict[EntityPath, Standing]:
    paths = [parse_path(p) for p in state.reader.snapshot.list("") if p.endswith(".yml")]
    return {path: state.standing(path) for path in paths}


def test_state_is_a_function_of_the_tree_and_every_prefix_leads_to_the_same_end() -> None:
    """One replay keeps its own record; each tree by itself, read cold, says the same."""
    world = World()
    replayed = dict[EntityPath, Standing]()
    for step in story():
        assert check(Change(world.base, step.files)).verdict is Verdict.AUTO
        world.force(step.files)
        cold = all_standings(world.state)
        replayed |= {path: Standing.EFFECTIVE for path in cold if str(path) in step.files}
        assert cold == replayed
    assert len(replayed) == sum(p.endswith(".yml") for step in story() for p in step.files)


@pytest.mark.parametrize("start", range(WAITED_FOR))
def test_no_step_can_be_left_out_or_come_twice(start: int) -> None:
    """Each merge rests on those before it, and none can be merged a second time."""
    world = World()
    for step in story()[:start]:
        world.force(step.files)
    step = story()[start]
    if start + 1 < len(story()):
        later = story()[start + 1]
        assert check(Change(world.base, later.files)).verdict is Verdict.REJECT
    world.force(step.files)
    assert check(Change(world.base, step.files)).verdict is Verdict.REJECT
