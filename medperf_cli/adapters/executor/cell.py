"""What a cell is: all that decides the outcome of one model on one dataset, and the key made of it."""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medperf_cli.core.entities.fields import Pin

_FORMAT = 1
_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{64}\Z")


class Phase(enum.StrEnum):
    """The two tasks of a cell, in their order."""

    INFER = "infer"
    EVALUATE = "evaluate"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSpec:
    """All that decides the outcome of one model on one dataset, and nothing else.

    `dataset_hash`: hex SHA-256 of the prepared data. `images`, `parameters` and `additional_files` hold, by
    phase, the image's digest and the SHA-256 of what the task is given. `contract` is the version of the
    rules by which cubes are run; a higher one runs every cell again.
    """

    benchmark: Pin
    model: Pin
    dataset_hash: str
    images: Mapping[Phase, str]
    parameters: Mapping[Phase, str] = field(default_factory=dict)
    additional_files: Mapping[Phase, str] = field(default_factory=dict)
    contract: int = 1

    def __post_init__(self) -> None:
        given = (self.images, self.parameters, self.additional_files)
        digests = [self.dataset_hash, *(digest for mapping in given for digest in mapping.values())]
        # an empty or shortened digest would make two different cells look alike
        for digest in digests:
            if not _DIGEST.match(digest):
                raise ValueError(f"'{digest}' is not a SHA-256 digest")
        if set(self.images) != set(Phase):
            raise ValueError("a cell has one image per phase")

    def document(self) -> dict[str, Any]:
        """The spec as plain values, for `spec.json` and for the key."""
        return {
            "format": _FORMAT,
            "benchmark": {"path": self.benchmark.path, "sha256": self.benchmark.sha256},
            "model": {"path": self.model.path, "sha256": self.model.sha256},
            "dataset_hash": self.dataset_hash,
            "images": {str(phase): digest for phase, digest in self.images.items()},
            "parameters": {str(phase): digest for phase, digest in self.parameters.items()},
            "additional_files": {str(phase): digest for phase, digest in self.additional_files.items()},
            "contract": self.contract,
        }


def canonical(spec: CellSpec) -> bytes:
    r"""The spec as canonical JSON: keys sorted, no spaces, ASCII with \u escapes, no newline at the end."""
    return json.dumps(spec.document(), sort_keys=True, separators=(",", ":")).encode("ascii")


def cell_key(spec: CellSpec) -> str:
    """64 hex digits: the SHA-256 of `canonical(spec)`; the name of the cell's folder in a spool."""
    return hashlib.sha256(canonical(spec)).hexdigest()
