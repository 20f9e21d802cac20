"""The button of a request's page: merge, squash or rebase, in real git."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.support.forges import git
from tests.support.forges.repository import Pull, Repository


class NotMergeableError(Exception):
    """There are conflicts, or a rule of the branch is not met; the message says which."""


def pressed(target: Repository, pull: Pull, method: str, who: dict[str, str], title: str = "") -> str:
    """Make the commit that the button makes, and move the branch to it.

    Raises:
        NotMergeableError: conflicts.

    """
    main = target.commit(pull.into)
    commit = _rebased(target, pull, main, who) if method == "rebase" else None
    if commit is None:
        tree = git.git(target.path, "merge-tree", "--write-tree", main, pull.head, fails=True)
        if not tree:
            raise NotMergeableError("merge conflict")
        onto = [main] if method == "squash" else [main, pull.head]
        title = title or (f"{pull.title} (#{pull.number})" if method == "squash" else _usual(pull))
        commit = git.commit_tree(target.path, tree.split()[0], onto, title, who)
    git.git(target.path, "update-ref", f"refs/heads/{pull.into}", commit, main)
    return commit


def _usual(pull: Pull) -> str:
    return f"Merge pull request #{pull.number} from {pull.author.login}/{pull.branch}\n\n{pull.title}"


def _rebased(target: Repository, pull: Pull, main: str, who: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-qs", str(target.path), str(clone)], check=True, env=who)
        git.git(clone / ".git", "fetch", "-q", "origin", target.heads.format(pull.number))
        argv = ["git", "-C", str(clone), "rebase", "-q", "--no-ff", main, pull.head]
        if subprocess.run(argv, env=who, capture_output=True, check=False).returncode:
            raise NotMergeableError("merge conflict")
        git.git(clone / ".git", "push", "-q", "origin", "HEAD:refs/heads/rebased-in-the-page")
        git.git(target.path, "update-ref", "-d", "refs/heads/rebased-in-the-page")
        return git.git(clone / ".git", "rev-parse", "HEAD")


def unmet(target: Repository, pull: Pull) -> str | None:
    """Which rule of the branch keeps the button grey."""
    rules = target.protection.get(pull.into)
    if rules is None:
        return None
    passed = {name for name, state in target.statuses.get(pull.head, {}).items() if state == "success"}
    missing = [name for name in rules.checks if name not in passed]
    if missing:
        return f'Required status check "{missing[0]}" is expected.'
    latest = {r.author.login: r.state for r in pull.reviews if r.state != "COMMENTED"}
    if sum(state == "APPROVED" for state in latest.values()) < rules.reviews:
        return f"At least {rules.reviews} approving review is required by reviewers with write access."
    return None
