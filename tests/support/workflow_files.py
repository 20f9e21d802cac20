"""Workflow files read as data: this repository's own, and those a registry is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.flows.founding.workflows import workflow_files

REPOSITORY = Path(__file__).resolve().parents[2]
PINNED = "medperf-registry==0.1.0"
FINGERPRINT = f"sha256:{'5' * 64}"
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")


@dataclass(frozen=True)
class Workflow:
    """One file of GitHub's kind, every scalar as text (so that `on` is a word)."""

    name: str
    text: str

    def pinned_to(self, root: str) -> Workflow:
        """The same for a registry that begins with the root of this fingerprint."""
        known = next(line.split()[1] for line in self.text.splitlines() if "MEDPERF_ROOT:" in line)
        return Workflow(self.name, self.text.replace(known, root))

    @property
    def data(self) -> dict[str, Any]:
        found = yaml.load(self.text, yaml.BaseLoader)  # noqa: S506 - the loader that makes only text
        assert isinstance(found, dict)
        return found

    @property
    def jobs(self) -> Mapping[str, dict[str, Any]]:
        return self.data["jobs"]

    @property
    def steps(self) -> Iterator[dict[str, Any]]:
        for job in self.jobs.values():
            yield from job["steps"]

    @property
    def expressions(self) -> set[str]:
        return {found.strip() for found in _EXPRESSION.findall(self.text)}


def own() -> dict[str, Workflow]:
    """The workflows of this repository, by name."""
    paths = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
    return {path.stem: Workflow(path.stem, path.read_text("utf-8")) for path in paths}


def scaffolded(vendor: Vendor = Vendor.GITHUB, tool: str | None = PINNED) -> dict[str, Workflow]:
    """The workflows that a registry with a pinned tool is given, by name."""
    files = workflow_files(vendor, tool, FINGERPRINT)
    return {Path(path).stem: Workflow(Path(path).stem, data.decode()) for path, data in files.items()}


def every() -> list[Workflow]:
    """All of GitHub's and Forgejo's kind."""
    return [*own().values(), *scaffolded().values(), *scaffolded(Vendor.FORGEJO).values()]
