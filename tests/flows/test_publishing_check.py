"""`check` in a clone: what is not committed in a working tree, and ranges of commits."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from medperf_cli.core.check.findings import Verdict
from medperf_cli.errors import ConfigurationError, UsageError
from medperf_cli.flows.reading.check_change import check_range, check_worktree
from tests.support.hosting import Hosted
from tests.support.world import genesis, member_file

WHO = ("-c", "user.name=eve", "-c", "user.email=eve@example.org")


@dataclass
class Tree:
    """A clone with a working tree."""

    path: Path

    def git(self, *words: str) -> str:
        argv = ["git", "-C", self.path, *WHO, *words]
        return subprocess.run(argv, capture_output=True, check=True, text=True).stdout.strip()

    def lay(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            path = self.path / "registry" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def commit(self, title: str = "a commit") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", title)
        return self.git("rev-parse", "HEAD")

    def rules(self) -> set[str]:
        return {f.rule for f in check_worktree(self.path).findings if f.severity}


@pytest.fixture
def tree(host: Hosted, tmp_path: Path) -> Tree:
    subprocess.run(["git", "clone", "--quiet", host.path, tmp_path / "tree"], check=True)
    return Tree(tmp_path / "tree")


def test_a_clean_tree_has_nothing_to_judge(tree: Tree) -> None:
    report = check_worktree(tree.path)
    assert (report.verdict, report.findings) == (Verdict.AUTO, ())


@pytest.mark.parametrize("stage", [(), ("add", "--all")])
def test_new_files_are_judged_whether_staged_or_not(tree: Tree, host: Hosted, stage: tuple[str, ...]) -> None:
    tree.lay(host.cube())
    if stage:
        tree.git(*stage)
    assert check_worktree(tree.path).verdict is Verdict.AUTO
    assert check_worktree(tree.path / "registry" / "cubes").verdict is Verdict.AUTO, "from a folder inside"
    tree.lay(member_file(host.world, "eve"))
    report = check_worktree(tree.path)
    assert report.verdict is Verdict.REVIEW
    assert {f.rule for f in report.findings if f.severity} == {"APP001"}


def _edit(tree: Tree) -> None:
    file = tree.path / "registry/members/acme/1.yml"
    file.write_bytes(file.read_bytes().replace(b"Acme", b"Emca"))


def _delete(tree: Tree) -> None:
    (tree.path / "registry/members/acme/1.yml").unlink()


def _delete_staged(tree: Tree) -> None:
    tree.git("rm", "--quiet", "registry/members/acme/1.yml")


def _rename(tree: Tree) -> None:
    tree.git("mv", "registry/members/acme/1.yml", "registry/members/acme/2.yml")


def _symlink(tree: Tree) -> None:
    link = tree.path / "registry/cubes/acme/forest/1.yml"
    link.parent.mkdir(parents=True)
    link.symlink_to("/etc/passwd")


def _executable(tree: Tree) -> None:
    (tree.path / "registry/members/acme/1.yml").chmod(0o755)


def _stray(tree: Tree) -> None:
    (tree.path / "registry/notes.txt").write_text("hello")


def _outside(tree: Tree) -> None:
    (tree.path / "workflow.yml").write_text("run: evil")


@pytest.mark.parametrize(
    "spoil", [_edit, _delete, _delete_staged, _rename, _symlink, _executable, _stray, _outside]
)
def test_what_is_more_than_adding_files_is_rejected(tree: Tree, spoil: Callable[[Tree], None]) -> None:
    spoil(tree)
    report = check_worktree(tree.path)
    assert report.verdict is Verdict.REJECT
    assert "TREE001" in {f.rule for f in report.findings}


def test_an_unsigned_file_is_rejected(tree: Tree, host: Hosted) -> None:
    tree.lay({p: d for p, d in host.cube().items() if p.endswith(".yml")})
    assert check_worktree(tree.path).verdict is Verdict.REJECT
    assert tree.rules()


@pytest.mark.parametrize("stage", [(), ("add", "--all"), ("add", "--intent-to-add", "--all")])
def test_a_name_that_is_no_text_is_rejected_like_any_other(tree: Tree, stage: tuple[str, ...]) -> None:
    Path(os.fsdecode(os.fsencode(tree.path / "registry") + b"/\xff.yml")).touch()
    if stage:
        tree.git(*stage)
    (finding,) = [f for f in check_worktree(tree.path).findings if f.severity]
    assert (finding.rule, finding.message) == ("TREE001", "has a name that is not ASCII")


def test_a_merge_under_way_is_no_change_to_judge(tree: Tree) -> None:
    tree.git("checkout", "--quiet", "-b", "other")
    (tree.path / "note").write_text("one")
    tree.commit()
    tree.git("checkout", "--quiet", "main")
    (tree.path / "note").write_text("two")
    tree.commit()
    with pytest.raises(subprocess.CalledProcessError):
        tree.git("merge", "other")
    with pytest.raises(ConfigurationError, match="a merge is unfinished") as refused:
        check_worktree(tree.path)
    assert "merge --abort" in refused.value.hint


def test_a_bare_repository_and_no_repository_say_what_to_do(host: Hosted, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no working tree") as refused:
        check_worktree(host.path)
    assert "--head" in refused.value.hint
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ConfigurationError, match="is not inside a git repository"):
            check_worktree(path)


def test_the_first_commit_of_a_registry_can_be_judged_before_it_is_made(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path / "new"], check=True)
    tree = Tree(tmp_path / "new")
    tree.lay(genesis())
    assert check_worktree(tree.path).verdict is not Verdict.REJECT
    tree.git("add", "--all")
    assert check_worktree(tree.path).verdict is not Verdict.REJECT
    (tree.path / "registry/root/1.ada.sig").unlink()
    assert check_worktree(tree.path).verdict is Verdict.REJECT


def test_a_range_is_judged_as_one_change(tree: Tree, host: Hosted) -> None:
    base = tree.git("rev-parse", "HEAD")
    tree.lay(host.cube("forest"))
    tree.commit()
    tree.lay(member_file(host.world, "eve"))
    head = tree.commit()
    report = check_range(tree.path, base, head)
    assert report.verdict is Verdict.REVIEW
    assert check_range(tree.path, base, "HEAD~1").verdict is Verdict.AUTO
    with pytest.raises(UsageError, match="'nowhere' is no commit"):
        check_range(tree.path, base, "nowhere")
    with pytest.raises(UsageError, match="is no commit"):
        check_range(tree.path, f"--output={tree.path}/x", head)
