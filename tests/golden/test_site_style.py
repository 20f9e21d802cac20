"""The style sheet: enough contrast in light and dark (WCAG 2.2, 1.4.3), and nothing the pages do not use."""

from __future__ import annotations

import itertools
import re
from functools import cache
from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "site_generator"
CSS = (SITE / "theme" / "site.css").read_text("utf-8")
ENOUGH = 4.5
TEXT = ("ink", "quiet", "link")
BADGES = ("good", "wait", "ended")
SCHEMES = ("light", "dark")


@cache
def colours(scheme: str) -> dict[str, str]:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    assert len(blocks) == len(SCHEMES)
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", blocks[SCHEMES.index(scheme)]))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


PAIRS = [*itertools.product(TEXT, ("paper", "shade", "tint")), *itertools.product(BADGES, ("paper", "shade"))]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_has_enough_contrast(scheme: str, text: str, ground: str) -> None:
    found = colours(scheme)
    assert contrast(found[text], found[ground]) >= ENOUGH


def test_contrast_is_computed_as_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


def test_every_class_in_the_templates_has_a_style() -> None:
    html = "".join(p.read_text("utf-8") for p in sorted((SITE / "templates").glob("*.html")))
    used = {name for value in re.findall(r'class="([^"{]*)"', html) for name in value.split()}
    assert used <= set(re.findall(r"\.([a-z]+)", CSS))
