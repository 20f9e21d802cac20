"""A claim and its chain as a tree of short lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from medperf_cli.core.quoting import one_line

if TYPE_CHECKING:
    from medperf_cli.flows.reading.explain import Explained
    from medperf_cli.flows.reading.proof_files import Link


def proof_text(found: Explained) -> str:
    """The verdict, the tree of what it rests on, and what was not checked; digests and paths in full."""
    lines = [f"registry/{found.path} {found.counts}", f"    {found.meant}: sha256 {found.sha256}"]
    lines += _tree(found.links, "")
    lines += [f"checked as of {found.as_of}, commit {found.commit}", "not checked:"]
    lines += [f"  - {text}" for text in found.not_checked]
    return "".join(f"{_shown(line)}\n" for line in lines)


def _tree(links: Sequence[Link], indent: str) -> Iterator[str]:
    for link in links:
        yield f"{indent}- {link.what}"
        for text in (link.why, f"registry/{link.path}" if link.path else ""):
            if text:
                yield f"{indent}    {text}"
        yield from _tree(link.links, f"{indent}  ")


def _shown(line: str) -> str:
    text = line.lstrip(" ")
    return " " * (len(line) - len(text)) + one_line(text)
