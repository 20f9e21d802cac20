"""The Jinja2 environment: autoescape on, nothing undefined, no hidden characters, links only to https."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medperf_cli.core.figures import MINUS, figure
from medperf_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
_INSTALL = "install it: `pip install 'medperf-registry[site]'`"
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""Control characters (not line feed and tab), line separators, surrogates, and what turns text round."""


def environment() -> Environment:
    """The environment of all templates (raises ConfigurationError where Jinja2 is not installed)."""
    try:
        import jinja2  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError("the site needs Jinja2, which is not installed", hint=_INSTALL) from error
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {
        "day": day,
        "moment": moment,
        "figure": figure,
        "amount": amount,
        "published": published,
        "size": size,
    }
    env.tests["outside"] = is_outside_link
    return env


def visible(text: str) -> str:
    """The text with control and direction characters replaced, so that what is read is what was signed."""
    return _HIDDEN.sub("\ufffd", text)


def _finalize(value: Any) -> Any:
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja2

    if value is None:
        raise TypeError("a template prints None")
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def is_outside_link(text: object) -> bool:
    """Whether an address that an entity gives may become a link: https, and nothing odd in it."""
    return isinstance(text, str) and text.startswith("https://") and not set(text) & set("\"'<>\\` \n\t")


def day(seconds: int) -> str:
    """A UTC date, such as 2026-01-31."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d")


def moment(seconds: int) -> str:
    """A UTC time to the second, as registry files write it."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def amount(number: float) -> str:
    """A plain number: whole ones without a point, thousands apart."""
    text = f"{int(number):,}" if float(number).is_integer() else f"{number:.6g}"
    return text.replace("-", MINUS)


def published(number: float) -> str:
    """A number whose meaning only its owner knows (it may be a year): thousands apart from 10,000 on."""
    small = float(number).is_integer() and abs(number) < 10_000  # noqa: PLR2004 - as ISO 80000-1 allows
    return str(int(number)).replace("-", MINUS) if small else amount(number)


def size(number: int) -> str:
    """Bytes for people, in powers of 1024."""
    value, unit = float(number), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":  # noqa: PLR2004 - bytes in a KiB
            break
        value /= 1024
    return f"{number:,} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
