"""The prose pages: MkDocs over `content/`, with the same style sheet, into the same tree."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from medperf_cli.errors import ConfigurationError, IntegrityError

HERE = Path(__file__).parent
_CONFIGS = (HERE.parent / "mkdocs.yml", HERE / "mkdocs.yml")
"""In a working copy, and in an installed package."""
_DROPPED = ("sitemap.xml", "sitemap.xml.gz", "404.html")
"""What MkDocs writes beside the pages: it names the day of the build."""


class _Warnings(logging.Handler):
    """Keeps what MkDocs warns about."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one warning."""
        self.texts.append(record.getMessage())


def build_prose(out: Path, title: str) -> None:
    """Write the prose pages into `out`, with links to the boards one level above.

    Raises:
        ConfigurationError: MkDocs is not installed.
        IntegrityError: MkDocs warns, such as about a link to nowhere.

    """
    try:
        from mkdocs.commands.build import build  # noqa: PLC0415 - an extra
        from mkdocs.config import load_config  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "the site needs MkDocs, which is not installed",
            hint="install it: `pip install 'medperf-registry[site]'`",
        ) from error
    given: dict[str, Any] = {
        "docs_dir": str(HERE / "content"),
        "site_dir": str(out),
        "extra": {"home": "../index.html", "title": title},
        "theme": {"name": None, "custom_dir": str(HERE / "theme"), "locale": "en"},
    }
    config = next(str(path) for path in _CONFIGS if path.exists())
    warnings = _Warnings()
    log = logging.getLogger("mkdocs")
    log.addHandler(warnings)
    try:
        build(load_config(config, **given))
    finally:
        log.removeHandler(warnings)
    if warnings.texts:
        raise IntegrityError(f"the prose is not in order: {warnings.texts[0]}", hint="correct the page named")
    for name in _DROPPED:
        (out / name).unlink(missing_ok=True)
