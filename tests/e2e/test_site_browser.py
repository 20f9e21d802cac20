"""The pages in a real browser, from `file://`: they render, keep to their policy, and nothing complains."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from site_generator.build import build
from tests.support.published import snapshot_of, waiting_world
from tests.support.story_fields import DATASET, FOREST, TISSUE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGES = (
    "index.html",
    f"benchmarks/{TISSUE}/index.html",
    f"results/{TISSUE}/{FOREST}/{DATASET}/1.html",
    "pending/index.html",
    "docs/concepts.html",
)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1200,900"),
)
DARK = "--blink-settings=preferredColorScheme=0"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no browser: install one with `apt-get install chromium`"),
]


@dataclass(frozen=True)
class Seen:
    """What a browser said on its console, and the picture it drew."""

    console: list[str]
    picture: bytes


@dataclass(frozen=True)
class Browser:
    """Chromium with a profile of its own."""

    profile: Path

    def look(self, page: Path, *flags: str) -> Seen:
        assert CHROMIUM
        picture = self.profile / "page.png"
        given = (*FLAGS, f"--user-data-dir={self.profile}", f"--screenshot={picture}", *flags)
        argv = [CHROMIUM, *given, page.as_uri()]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
        return Seen([line for line in done.stderr.splitlines() if "CONSOLE" in line], picture.read_bytes())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(snapshot_of(waiting_world()), tmp_path_factory.mktemp("site") / "site").home.parent


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    yield Browser(tmp_path)
    shutil.rmtree(tmp_path, ignore_errors=True)  # a profile is tens of megabytes


@pytest.mark.parametrize("page", PAGES)
def test_a_page_renders_with_its_style_and_a_silent_console(page: str, site: Path, browser: Browser) -> None:
    light, dark = browser.look(site / page), browser.look(site / page, DARK)
    assert light.console == dark.console == []
    assert light.picture != dark.picture, "the style sheet was not applied: light and dark look the same"


def test_the_policy_stops_what_does_not_belong(site: Path, browser: Browser) -> None:
    home = (site / "index.html").read_text("utf-8")
    bad = site / "bad.html"
    bad.write_text(
        home.replace("</main>", '<img src="https://example.org/a.png"><script>alert(1)</script></main>')
    )
    console = browser.look(bad).console
    bad.unlink()
    assert len([line for line in console if "Content Security Policy" in line]) == 2
