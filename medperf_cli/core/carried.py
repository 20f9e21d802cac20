"""Comments that carry signed files: decisions, signatures under a root and closings, delivered as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from medperf_cli.core.entities.closing import SIGNATURE, STATEMENT
from medperf_cli.core.names import PathError, parse_path, parse_signature_path
from medperf_cli.core.snapshot import MAX_FILE

MARK = "<!-- medperf: signed files -->"
"""Begins every such comment; without it a comment is somebody's words and nothing else."""
_MOST_FILES = 200
_MOST_TEXT = 1 << 20
# The word may hold no backtick (nor may it in Markdown): else a line of backticks is tried in all its halves.
_FENCE = re.compile(r"(`{4,})([^\s`]*) registry/(\S+)\Z")


def carrying(files: Mapping[str, bytes], words: str) -> str:
    """The comment that carries files (bytes by path relative to `registry/`), with a line for people."""
    parts = [MARK, words, ""]
    for path in sorted(files, key=lambda path: (path.endswith(".sig"), path)):  # what people read, first
        text = files[path].decode()
        longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
        fence = "`" * max(4, longest + 1)
        language = "yaml" if path.endswith(".yml") else "text"
        parts += [f"{fence}{language} registry/{path}", text.removesuffix("\n"), fence, ""]
    return "\n".join(parts)


def carried(comment: str) -> dict[str, bytes] | None:
    """The files in a comment; None where it is just words.

    Nothing is judged but the names: whether a signature verifies is for who knows the keys. Line ends that a
    forge's page turned into CRLF are turned back.

    Raises:
        PathError: it carries something that no such comment may, by name.

    """
    text = comment.replace("\r\n", "\n")
    if not text.lstrip().startswith(MARK):
        return None
    if len(text) > _MOST_TEXT:
        raise PathError(f"a comment with files has at most {_MOST_TEXT} characters")
    found: dict[str, bytes] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        opening = _FENCE.match(line.rstrip())
        if opening is None:
            continue
        fence, _, path = opening.groups()
        _expect_name(path)
        if path in found or len(found) == _MOST_FILES:
            raise PathError(f"'{path}' is carried twice, or there are more than {_MOST_FILES} files")
        found[path] = _body(lines, fence, path)
    if not found:
        raise PathError("this comment says that it carries signed files, and holds none")
    return found


def _body(lines: Iterator[str], fence: str, path: str) -> bytes:
    body: list[str] = []
    for line in lines:
        if line.rstrip() == fence:
            data = "".join(f"{text}\n" for text in body).encode("utf-8", "surrogatepass")
            if len(data) > MAX_FILE:
                raise PathError(f"'{path}' is larger than {MAX_FILE} bytes")
            return data
        body.append(line)
    raise PathError(f"the text of '{path}' does not end")


def _expect_name(path: str) -> None:
    if path in (STATEMENT, SIGNATURE):
        return
    if path.endswith(".sig"):
        parse_signature_path(path)
    else:
        parse_path(path)
