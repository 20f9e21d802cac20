"""The project keeps its own rules: sizes, no traces of machines, pages and numbers that agree."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from medperf_cli.core.names import GITATTRIBUTES, GITATTRIBUTES_BYTES, REGISTRY_DIR
from scripts.code_facts import Module, length, read_module

pytestmark = pytest.mark.xdist_group("project")  # one worker reads the whole tree once

ROOT = Path(__file__).resolve().parents[2]
CONTENT = ROOT / "site_generator" / "content"
STORY = "tests/golden/story"
MAX_MODULE = 300
MAX_FUNCTION = 40
LARGER_IN_TESTS = 1.5  # a story may be told at length
LONGER_ON_PURPOSE: frozenset[str] = frozenset()  # "path" of a module, or "path:function"

FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w./{}$*)\]])/(?:work|root)/(?!\d)"),
    "a package index or proxy": re.compile(
        r"--(?:extra-)?index-url|PIP_(?:EXTRA_)?INDEX|pypi\.org/simple"
        # a setting that names a real host or port; `proxy.example` and a bare `x` are nobody's
        r"|https?_proxy=(?!\S*\.example\b)[\"']?(?:\w+://)?[\w@-]+[.:]\w",
        re.IGNORECASE,
    ),
    "work left undone": re.compile(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b"),
}
SPEAKS_OF_THEM = {"tests/core/test_project.py", "CONTRIBUTING.md"}


@cache
def project_files() -> tuple[Path, ...]:
    """Files that are tracked, or would be if they were added now."""
    argv = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split("\0")
    files = tuple(ROOT / name for name in sorted(set(filter(None, listed))) if (ROOT / name).is_file())
    assert ROOT / "pyproject.toml" in files, "git does not list the project's files"
    return files


@cache
def modules() -> tuple[Module, ...]:
    return tuple(read_module(p) for p in project_files() if p.suffix == ".py")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def nav_pages(entry: Any) -> list[str]:
    """All pages named in a part of mkdocs' nav."""
    if isinstance(entry, str):
        return [entry]
    children = entry.values() if isinstance(entry, dict) else entry
    return [page for child in children for page in nav_pages(child)]


@pytest.mark.parametrize("trace", FORBIDDEN)
def test_no_file_holds(trace: str) -> None:
    found = []
    for path in project_files():
        if name_of(path) in SPEAKS_OF_THEM:
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{name_of(path)}: {m.group()}" for m in FORBIDDEN[trace].finditer(text)]
    assert not found


@pytest.mark.parametrize(
    ("line", "trace"),
    [
        ("see /work/main/x", "a path of one machine"),
        ("'/root/.ssh'", "a path of one machine"),
        ("pip install --index-url=x", "a package index or proxy"),
        ("export https_proxy=http://10.1.2.3:3128", "a package index or proxy"),
        ("HTTP_PROXY=proxy:3128", "a package index or proxy"),
        ("# TODO: later", "work left undone"),
    ],
)
def test_traces_would_be_found(line: str, trace: str) -> None:
    assert FORBIDDEN[trace].search(line)


@pytest.mark.parametrize("path", ["registry/root/1.yml", "{base}/root/1.yml", "/root/1.yml", "a/work/b"])
def test_a_registry_path_is_no_machine_path(path: str) -> None:
    assert not FORBIDDEN["a path of one machine"].search(path)


@pytest.mark.parametrize(
    "line", ["`HTTPS_PROXY`", "HTTP_PROXY=http://x", "HTTPS_PROXY=http://proxy.example:3128"]
)
def test_an_example_of_a_proxy_is_nobodys(line: str) -> None:
    assert not FORBIDDEN["a package index or proxy"].search(line)


def test_every_module_says_what_lives_in_it() -> None:
    silent = [name_of(m.path) for m in modules() if not ast.get_docstring(m.tree)]
    assert not [name for name in silent if not name.startswith("tests/")]


def limit(module: Module, lines: int) -> float:
    return lines * LARGER_IN_TESTS if name_of(module.path).startswith("tests/") else lines


def test_modules_are_small() -> None:
    large = {name_of(m.path): m.lines for m in modules() if m.lines > limit(m, MAX_MODULE)}
    assert not {name: lines for name, lines in large.items() if name not in LONGER_ON_PURPOSE}


def test_functions_are_small() -> None:
    sizes = [(m, f"{name_of(m.path)}:{f.name}", length(f)) for m in modules() for f in m.functions()]
    large = [(name, lines) for m, name, lines in sizes if lines > limit(m, MAX_FUNCTION)]
    assert not [(name, lines) for name, lines in large if name not in LONGER_ON_PURPOSE]


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "Version 2.0" in text
    assert pyproject()["project"]["license"] == "Apache-2.0"


def test_changelog_and_citation_name_the_version() -> None:
    version = pyproject()["project"]["version"]
    headings = re.findall(r"^## .*$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert any(re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", heading) for heading in headings)
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == version


def test_decisions_are_numbered_without_gaps_and_have_three_parts() -> None:
    pages = sorted((CONTENT / "adr").glob("[0-9]*.md"))
    assert [int(p.name[:4]) for p in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text("utf-8")
        assert text.startswith(f"# {int(page.name[:4])}. "), page.name
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequence"], (
            page.name
        )


def test_the_navigation_names_every_page_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    assert sorted(nav_pages(nav)) == sorted(p.relative_to(CONTENT).as_posix() for p in CONTENT.rglob("*.md"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("prose")
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(target)]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def test_pages_build_without_a_warning_and_fetch_nothing_from_elsewhere(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    assert len(pages) >= len(list(CONTENT.rglob("*.md")))
    for page in pages:
        text = page.read_text("utf-8")
        assert "<script" not in text, page.name
        assert not re.search(r"""(?:src|<link[^>]*href)=["'](?:https?:)?//""", text), page.name
    assert not re.search(r"url\(|@import", (built / "site.css").read_text("utf-8"))


def test_the_registry_has_its_own_attributes_and_nothing_else_has() -> None:
    attributes = {name_of(p): p.read_bytes() for p in project_files() if p.name == GITATTRIBUTES}
    expected = {GITATTRIBUTES: GITATTRIBUTES_BYTES}
    if any(name_of(p).startswith(f"{REGISTRY_DIR}/") for p in project_files()):
        expected[f"{REGISTRY_DIR}/{GITATTRIBUTES}"] = GITATTRIBUTES_BYTES
    story = {name for name in attributes if name.startswith(f"{STORY}/")}  # its genesis is a real one
    assert attributes == expected | dict.fromkeys(story, GITATTRIBUTES_BYTES)


def test_shell_scripts_are_clean() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed; `make setup` installs it as root on Debian and Ubuntu")
    scripts = [str(p) for p in project_files() if p.suffix == ".sh" or name_of(p) == ".ci/run"]
    assert len(scripts) > 1
    done = subprocess.run(["shellcheck", *scripts], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
