"""The check over a finished tree: no dead link, no lost page, no request to another host, no script."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from site_generator.addresses import HOME

_LOADING = frozenset({"src", "poster", "data", "href", "xlink:href"})
_FORBIDDEN = frozenset({"style", "srcset", "action", "formaction", "background", "cite", "manifest", "ping"})
_FORBIDDEN_TAGS = frozenset({"script", "iframe", "object", "embed", "form", "base", "applet", "frame"})
_CSS_OUTSIDE = re.compile(rb"@import|url\(\s*['\"]?(?!data:)[^)]*//", re.IGNORECASE)


@dataclass
class PageFacts(HTMLParser):
    """What one page links to, and what may be linked to in it."""

    prose: bool
    base_url: str | None
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        given = {name: value or "" for name, value in attrs}
        if tag in _FORBIDDEN_TAGS:
            self.problems.append(f"has an element <{tag}>")
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.problems.append("sends its reader elsewhere")
        for name, value in given.items():
            if name.startswith("on") or name in _FORBIDDEN:
                self.problems.append(f"has an attribute {name} in <{tag}>")
            elif name == "id":
                self._name(value)
            elif name in _LOADING:
                self._link(tag, value, given.get("rel", "").split())

    def _name(self, value: str) -> None:
        if value in self.ids:
            self.problems.append(f"has the id '{value}' twice")
        self.ids.add(value)

    def _link(self, tag: str, target: str, rel: list[str]) -> None:
        split = urlsplit(target)
        if not (split.scheme or split.netloc):
            self.links.append(target)
        elif tag == "link" and "canonical" in rel and self.base_url and target.startswith(self.base_url):
            return
        elif tag != "a" or split.scheme != "https":
            self.problems.append(f"asks another host: {target}")
        elif not self.prose and not {"noopener", "noreferrer"} <= set(rel):
            self.problems.append(f"links outside without noopener noreferrer: {target}")


def problems(tree: Path, base_url: str | None = None) -> Iterator[str]:
    """Everything wrong in a finished tree, as sentences that name the page."""
    files = {p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.is_file()}
    facts = {name: _read(tree, name, base_url) for name in sorted(files) if name.endswith(".html")}
    reached = {HOME}
    waiting = [HOME]
    for name, page in facts.items():
        yield from (f"page '{name}' {problem}" for problem in page.problems)
    while waiting:
        name = waiting.pop()
        for link in facts[name].links if name in facts else ():
            target, problem = _resolve(name, link, files, facts)
            if problem:
                yield f"page '{name}' links to '{link}', {problem}"
            elif target not in reached:
                reached.add(target)
                waiting.append(target)
    yield from (f"page '{name}' is lost: nothing links to it" for name in sorted(set(facts) - reached))
    for name in sorted(n for n in files if n.endswith(".css")):
        if _CSS_OUTSIDE.search((tree / name).read_bytes()):
            yield f"style sheet '{name}' asks for another file"


def _read(tree: Path, name: str, base_url: str | None) -> PageFacts:
    facts = PageFacts(name.startswith("docs/"), base_url)
    facts.feed((tree / name).read_text("utf-8"))
    facts.close()
    return facts


def _resolve(page: str, link: str, files: set[str], facts: Mapping[str, PageFacts]) -> tuple[str, str | None]:
    split = urlsplit(link)
    if split.path.startswith("/"):
        return "", "which leaves a sub-path"
    folder = posixpath.dirname(page)
    target = posixpath.normpath(posixpath.join(folder, unquote(split.path))) if split.path else page
    if target not in files:
        return target, "which is not there"
    if split.fragment and unquote(split.fragment) not in (facts[target].ids if target in facts else ()):
        return target, "which has no such place"
    return target, None
