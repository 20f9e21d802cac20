"""Writing a registry's workflows anew in its working tree, such as for another version of the tool."""

from __future__ import annotations

from pathlib import Path

from medperf_cli.adapters.files import write_atomic, writing
from medperf_cli.flows.founding.found_on_forge import Founded
from medperf_cli.flows.founding.workflows import workflow_files


def renew_workflows(founded: Founded, tool: str, *, dry_run: bool = False) -> list[str]:
    """Write what differs from what this version writes; nothing is committed.

    Args:
        founded: the working tree, with the registry's forge and root.
        tool: what the workflows install, pinned as pip names it.
        dry_run: only say what would be written.

    Returns:
        The paths written, relative to the working tree.

    Raises:
        UsageError: the tool is not pinned.
        ConfigurationError: a file cannot be written.

    """
    wanted = workflow_files(founded.address.vendor, tool, founded.root)
    other = {path: data for path, data in wanted.items() if _there(founded.path / path) != data}
    for path, data in ({} if dry_run else other).items():
        write_atomic(founded.path / path, data, parents=True)
    return sorted(other)


def _there(file: Path) -> bytes | None:
    with writing(file):
        return file.read_bytes() if file.is_file() else None
