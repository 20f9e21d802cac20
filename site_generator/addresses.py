"""Where each page and file stands in the output, and the relative links between them.

Every version of an entity has a page beside its file's path (`cubes/acme/forest/1.yml` has
`cubes/acme/forest/1.html`, and the file itself `registry/cubes/acme/forest/1.yml`); benchmarks, cubes,
datasets and members also have one for the name (`cubes/acme/forest/index.html`).
"""

from __future__ import annotations

import posixpath

from medperf_cli.core.names import FOLDERS, Kind

HOME = "index.html"
CUBES = "cubes/index.html"
DATASETS = "datasets/index.html"
MEMBERS = "members/index.html"
PENDING = "pending/index.html"
VERIFY = "verify/index.html"
DOCS = "docs/index.html"
STYLE = "site.css"
SIGNERS = "allowed_signers"
SNAPSHOT = "snapshot.json"
SCHEMA = "schema/snapshot-1.json"

NAMED = (Kind.BENCHMARK, Kind.CUBE, Kind.DATASET, Kind.MEMBER)
"""Kinds with a page for the name, beside those of its versions."""


def version_page(path: str) -> str:
    """The page of one version, from its path in the registry."""
    return f"{path.removesuffix('.yml')}.html"


def name_page(kind: Kind | str, entity_id: str) -> str:
    """The page of a benchmark, cube, dataset or member."""
    return f"{FOLDERS[Kind(kind)]}/{entity_id}/index.html"


def file_copy(path: str) -> str:
    """The exact copy of a registry file, for download."""
    return f"registry/{path}"


def relative(here: str, target: str) -> str:
    """The link from one page to another; works from a server, a sub-path and `file://`."""
    return posixpath.relpath(target, posixpath.dirname(here) or ".")
