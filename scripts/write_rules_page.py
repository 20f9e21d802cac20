"""Writes `site_generator/content/rules.md` from the table of rules; a test compares the two."""

from __future__ import annotations

from pathlib import Path

from medperf_cli.core.check.engine import rules
from medperf_cli.render.rules import as_markdown

PAGE = Path(__file__).resolve().parents[1] / "site_generator" / "content" / "rules.md"


def page() -> str:
    """The page as the table of rules has it."""
    return as_markdown(rules())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
