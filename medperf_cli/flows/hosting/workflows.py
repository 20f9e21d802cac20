"""The files with which a forge's CI serves a registry: one source for every registry, and this repository.

They are templates beside this module. Each installs the tool and calls one entry point of `ci`, where the
logic is. What they may do, and on what they run, stands in ADR 0033; the tests hold it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.errors import UsageError

CHECK = "check"
"""The check that must have passed before anybody merges in the forge's page."""
ENVIRONMENT = "merge"
"""GitHub's and GitLab's environment that only main may use: it holds the secrets of the merge job."""
_RECORDER = "OpenSSH private key that the root names as recorder, if approvals in the page are to count"
SECRETS: Mapping[Vendor, Mapping[str, str]] = {
    Vendor.GITHUB: {
        "MEDPERF_APP_KEY": "private key of a GitHub App that may push to main (Contents: read and write)",
        "MEDPERF_RECORDER_KEY": _RECORDER,
    },
    Vendor.GITLAB: {
        "MEDPERF_MERGE_TOKEN": "project access token of a maintainer, scopes `api` and `write_repository`",
        "MEDPERF_RECORDER_KEY": f"{_RECORDER}; its type is File",
    },
    Vendor.FORGEJO: {
        "MEDPERF_MERGE_TOKEN": "token of an account that may push to main, scopes `read:user`, "
        "`write:issue` and `write:repository`",
        "MEDPERF_RECORDER_KEY": _RECORDER,
    },
}
"""What people put into that environment (Forgejo has none: into the repository's secrets), by name."""
VARIABLES: Mapping[Vendor, Mapping[str, str]] = {
    Vendor.GITHUB: {"MEDPERF_APP_ID": "id of that GitHub App"},
    Vendor.GITLAB: {},
    Vendor.FORGEJO: {},
}
"""What people put beside them as plain variables, by name."""

_TEMPLATES = Path(__file__).with_name("workflow_templates")
_GITHUB = ("check", "comment", "review-ping", "merge", "site", "audit")
_FORGEJO = ("check", "merge", "audit")
_TOOL = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)((?:==| @ git\+https://)[A-Za-z0-9._/@:+-]+)\Z")
_ROOT = re.compile(r"sha256:[0-9a-f]{64}\Z")
_STEPS = re.compile(r"^@TOOL(?::(\w+))?@\n", re.MULTILINE)
_REQUIREMENT = re.compile(r"@REQUIREMENT(?::(\w+))?@")
_NAME = "medperf-registry"
_TARGET = "${CI_MERGE_REQUEST_PROJECT_URL:-$CI_PROJECT_URL}"


@dataclass(frozen=True)
class _Tool:
    """How the tool is installed; None: from main of the repository itself, which this project's own does."""

    vendor: Vendor
    pinned: str | None

    def requirement(self, extras: str | None) -> str:
        """What pip is given, in quotes that the shell takes off."""
        also = f"[{extras}]" if extras else ""
        if self.pinned is not None:
            match = _TOOL.match(self.pinned)
            assert match  # noqa: S101 - looked at before
            return f"'{match[1]}{also}{match[2]}'"
        if self.vendor is Vendor.GITHUB:
            return f"'.{also}'"
        return f'"{_NAME}{also} @ git+{_TARGET}@main"'

    def steps(self, extras: str | None) -> str:
        """GitHub's steps that set it up."""
        name = "tool-own.yml" if self.pinned is None else "tool-pinned.yml"
        return self.filled(_read("github", name), extras)

    def filled(self, text: str, extras: str | None = None) -> str:
        """A template with pip's requirements put in."""
        return _REQUIREMENT.sub(lambda match: self.requirement(match[1] or extras), text)


def workflow_files(vendor: Vendor, tool: str | None, root: str) -> Mapping[str, bytes]:
    """The workflow files of a registry on a forge.

    Args:
        vendor: whose forge it is on.
        tool: the pinned tool as pip names it: `medperf-registry==0.1.0`, or
            `medperf-registry @ git+https://forge.example.org/owner/name@<commit id>`; None: the tool
            stands in the same repository, and its main is used.
        root: the fingerprint of the registry's first root, `sha256:...`.

    Returns:
        Bytes by path relative to the repository's top folder.

    Raises:
        UsageError: `tool` or `root` is not of that form.

    """
    if tool is not None and not _TOOL.match(tool):
        raise UsageError(
            f"'{tool}' does not pin the tool", hint=f"name it as pip does, such as '{_NAME}==0.1.0'"
        )
    if not _ROOT.match(root):
        raise UsageError(f"'{root}' is no fingerprint of a root", hint="it is like sha256: and 64 hex digits")
    install = _Tool(vendor, tool)
    return {path: _written(template, install, root) for path, template in _places(vendor, tool).items()}


def _places(vendor: Vendor, tool: str | None) -> Mapping[str, tuple[str, str]]:
    """Folder and name of each template, by the path it is written to."""
    if vendor is Vendor.GITLAB:
        # In this project's repository the file at the top would hold its own jobs.
        return {"ci/gitlab.yml" if tool is None else ".gitlab-ci.yml": ("gitlab", "gitlab.yml")}
    folder, names = ("github", _GITHUB) if vendor is Vendor.GITHUB else ("forgejo", _FORGEJO)
    return {f".{folder}/workflows/{name}.yml": (folder, f"{name}.yml") for name in names}


def _written(template: tuple[str, str], tool: _Tool, root: str) -> bytes:
    text = _STEPS.sub(lambda match: tool.steps(match[1]), _read(*template))
    by = "scripts/write_workflows.py" if tool.pinned is None else "`medperf registry init`"
    text = tool.filled(text).replace("@WRITTEN@", f"Written by {by}, from the tool's templates.")
    return text.replace("@ROOT@", root).encode()


def _read(folder: str, name: str) -> str:
    return (_TEMPLATES / folder / name).read_text("utf-8")
