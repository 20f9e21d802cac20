"""How a stranger's words are quoted: on one line, and in Markdown as a code span that nobody can leave."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Text without line breaks and without what moves a terminal's cursor."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def code(text: str, most: int = 600) -> str:
    """One code span: no markup, no mention, no second line, cut after `most` characters.

    No comment of HTML begins in it either, so no marker of ours can stand in a stranger's words.
    """
    line = one_line(text).replace("`", "'").replace("<!--", "<! --")
    cut = line if len(line) <= most else f"{line[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
    return f"`{cut or '-'}`"
