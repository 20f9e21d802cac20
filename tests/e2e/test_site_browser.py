"""The pages in a real browser, from `file://`: they render and fit, keep their policy, axe finds nothing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from site_generator.build import build
from tests.support.consortium import BENCHMARK, LAKESIDE, consortium
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


WIDTHS = (360, 500, 1200)
PAST = (
    "index.html",
    f"benchmarks/{BENCHMARK}/index.html",
    "models/index.html",
    "cubes/acme/random-forest/index.html",
    f"datasets/{LAKESIDE}/index.html",
    f"results/{BENCHMARK}/acme/random-forest/{LAKESIDE}/1.html",
    "members/lakeside/index.html",
    "pending/index.html",
    "ended/index.html",
    f"associations/{BENCHMARK}/models/uni-lab/memorizer/1.html",
    "docs/guides/data-owner.html",
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a registry with a past, which has every kind of page."""
    return build(snapshot_of(consortium()), tmp_path_factory.mktemp("past") / "site").home.parent


@pytest.fixture(scope="module")
def tabs() -> Iterator[Callable[[str, int], Page]]:
    """Opens a tab in a scheme and width, in one browser; axe needs to run its script in the page."""
    with sync_playwright() as started:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=flags)
        schemes = {s: chromium.new_context(color_scheme=s, bypass_csp=True) for s in ("light", "dark")}

        def tab(scheme: str, width: int) -> Page:
            made = schemes[scheme].new_page()
            made.set_viewport_size({"width": width, "height": 900})
            return made

        yield tab
        chromium.close()


@pytest.mark.parametrize("address", PAST)
def test_axe_finds_nothing_against_wcag(address: str, past: Path, tabs: Callable[[str, int], Page]) -> None:
    found = []
    for scheme, width in (("light", 1200), ("dark", 360)):
        tab = tabs(scheme, width)
        tab.goto((past / address).as_uri())
        response = Axe().run(tab, options={"runOnly": RULES}).response
        assert response["passes"], "axe ran"
        found += [(scheme, v["id"], v["nodes"][0]["html"][:120]) for v in response["violations"]]
        tab.close()
    assert not found


@pytest.mark.parametrize("address", PAST)
def test_no_page_is_wider_than_its_window(address: str, past: Path, tabs: Callable[[str, int], Page]) -> None:
    tab = tabs("light", WIDTHS[0])
    tab.goto((past / address).as_uri())
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


def test_axe_would_find_what_is_wrong(past: Path, tabs: Callable[[str, int], Page]) -> None:
    tab = tabs("light", 1200)
    tab.goto((past / "index.html").as_uri())
    tab.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"x\"><a href=\"#\"></a>')"
    )
    found = {v["id"] for v in Axe().run(tab, options={"runOnly": RULES}).response["violations"]}
    assert {"image-alt", "link-name"} <= found
