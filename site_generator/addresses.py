"""Where each page and file stands in the output, and the relative links between them: for ever.

An address follows the file's path in the registry and nothing that stands in the file, so none ever moves:
version 1 of the cube `acme/forest` has `cubes/acme/forest/1.html` beside its file `cubes/acme/forest/1.yml`,
which is copied to `registry/cubes/acme/forest/1.yml`. Benchmarks, cubes, datasets and members also have a
page for the name (`cubes/acme/forest/index.html`), models being cubes.
"""

from __future__ import annotations

import posixpath

from medperf_cli.core.names import FOLDERS, Kind

HOME = "index.html"
BENCHMARKS = "benchmarks/index.html"
MODELS = "models/index.html"
CUBES = "cubes/index.html"
DATASETS = "datasets/index.html"
MEMBERS = "members/index.html"
PENDING = "pending/index.html"
ENDED = "ended/index.html"
VERIFY = "verify/index.html"
DOCS = "docs/index.html"
GUIDES = "docs/guides"
PICTURE = "docs/pictures/main-job.svg"
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


def list_of(kind: Kind | str, benchmark: str) -> str:
    """The list of all results or associations of a benchmark."""
    return f"{FOLDERS[Kind(kind)]}/{benchmark}/index.html"


def sheet(address: str, number: int) -> str:
    """Where a list goes on: the first sheet has its own address, the second is `page-2.html` beside it."""
    return address if number == 1 else f"{posixpath.dirname(address)}/page-{number}.html"


def file_copy(path: str) -> str:
    """The exact copy of a registry file, for download."""
    return f"registry/{path}"


def relative(here: str, target: str) -> str:
    """The link from one page to another; works from a server, a sub-path and `file://`."""
    up, down = here.split("/")[:-1], target.split("/")
    common = 0
    while common < min(len(up), len(down) - 1) and up[common] == down[common]:
        common += 1
    return "../" * (len(up) - common) + "/".join(down[common:])
