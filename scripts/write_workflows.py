"""Write this repository's workflow files from the tool's templates: `python -m scripts.write_workflows`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.flows.founding.workflows import workflow_files

ROOT = Path(__file__).resolve().parents[1]
FINGERPRINT = ROOT / "examples/breast-cancer/registry-root.txt"


def files() -> Mapping[str, bytes]:
    """The files by path, as the templates and the registry in here make them."""
    root = FINGERPRINT.read_text("utf-8").strip()
    return {
        **workflow_files(Vendor.GITHUB, None, root),
        **workflow_files(Vendor.GITLAB, None, root),
    }


def main() -> None:
    """Write them, and say which."""
    for path, data in files().items():
        (ROOT / path).write_bytes(data)
        print(path)


if __name__ == "__main__":
    main()
