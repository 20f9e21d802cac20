"""Building the site: pages from a snapshot and prose, checked as a whole, then put in place in one step."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from medperf_cli.core.names import FOLDERS, Kind
from medperf_cli.errors import ConfigurationError, DocumentError, IntegrityError, UsageError
from site_generator import addresses
from site_generator.fate import effect, end, took_effect
from site_generator.link_check import problems
from site_generator.member_keys import Keys
from site_generator.pages import pages
from site_generator.prose import HERE, build_prose
from site_generator.records import SCHEMA_FILE, Records
from site_generator.templating import environment
from site_generator.views.page import Page

if TYPE_CHECKING:
    from jinja2 import Environment

HEAVY = 150_000
"""Bytes above which a page is called heavy."""
_SHOWN = 5
_T = TypeVar("_T")


@dataclass(frozen=True)
class Report:
    """What was built: the first page, how many there are, and those that are slow to load."""

    home: Path
    pages: int
    bytes: int
    heavy: tuple[str, ...]


def silent(step: str, done: int, total: int | None) -> None:
    """The progress of a build that nobody watches."""
    del step, done, total


def build(
    snapshot: Mapping[str, Any],
    out: Path,
    base_url: str | None = None,
    progress: Callable[[str, int, int | None], None] = silent,
) -> Report:
    """Make the site from a snapshot (see `schema/snapshot-1.json`) and put it at `out`.

    The same snapshot gives the same bytes. What stood at `out` stays until the new site is whole and checked.

    Args:
        snapshot: the exported state.
        out: a folder that is absent, empty or an earlier site.
        base_url: where it will be published (`https://…`), for canonical links and the sitemap.
        progress: told how many of the pages are made.

    Raises:
        UsageError: `out` holds something else, or the address is none.
        ConfigurationError: Jinja2 or MkDocs is missing, or `out` cannot be written.
        DocumentError: the snapshot is not one this version can show.
        IntegrityError: a dead link, a lost page, or a request to another host.

    """
    base = _base(base_url)
    records = Records(snapshot)
    _see_free(out)
    with _draft(out) as draft:
        count = _write(records, draft, base, progress)
        found = list(problems(draft, base))
        if found:
            more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
            raise IntegrityError(
                f"the site is not whole: {'; '.join(found[:_SHOWN])}{more}", hint="nothing was published"
            )
        sizes = {p.relative_to(draft).as_posix(): p.stat().st_size for p in draft.rglob("*") if p.is_file()}
        _swap(draft, out)
    heavy = tuple(n for n, size in sorted(sizes.items()) if n.endswith(".html") and size > HEAVY)
    return Report(out / addresses.HOME, count, sum(sizes.values()), heavy)


def _write(
    records: Records, draft: Path, base: str | None, progress: Callable[[str, int, int | None], None]
) -> int:
    build_prose(draft / "docs", records.registry["title"])
    _put(draft, addresses.STYLE, (HERE / "theme" / "site.css").read_bytes())
    _put(draft, addresses.SCHEMA, SCHEMA_FILE.read_bytes())
    _put(draft, addresses.SIGNERS, records.snapshot["allowed_signers"].encode())
    whole = json.dumps(records.snapshot, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    _put(draft, addresses.SNAPSHOT, whole.encode())
    for entity in records.entities:
        _put(draft, addresses.file_copy(entity["path"]), entity["yml"].encode())
        for path, armor in entity["signatures"].items():
            _put(draft, addresses.file_copy(path), armor.encode())
    made = []
    for address, html in rendered(records, base):
        made.append(address)
        _put(draft, address, html.encode())
        progress("building pages", len(made), None)
    progress("building pages", len(made), len(made))
    if base:
        _put(
            draft,
            "sitemap.xml",
            environment().get_template("sitemap.xml").render(base=base, pages=made).encode(),
        )
    return sum(1 for _ in draft.rglob("*.html"))


def rendered(records: Records, base: str | None = None) -> Iterator[tuple[str, str]]:
    """All pages but the prose: each one's address and text (DocumentError where one cannot be made)."""
    env, keys = environment(), Keys(records)
    shared = {
        "records": records,
        "keys_of": keys,
        "registry": records.registry,
        "at": addresses,
        "folders": {str(kind): folder for kind, folder in FOLDERS.items()},
        "Kind": Kind,
        "effect": effect,
        "end": end,
        "took_effect": took_effect,
    }
    waiting = pages(records, keys)
    while page := _made("the next page", lambda: next(waiting, None)):
        yield page.address, _render(env, page, shared, base)


def _render(env: Environment, page: Page, shared: Mapping[str, Any], base: str | None) -> str:
    given = {
        **shared,
        "page": page,
        "to": partial(addresses.relative, page.address),
        "canonical": base and base + page.address.removesuffix("index.html"),
        **page.given,
    }
    return _made(f"page '{page.address}'", lambda: env.get_template(page.template).render(given))


def _made(what: str, make: Callable[[], _T]) -> _T:
    """What `make` gives; a document that lacks what a page shows is the snapshot's fault."""
    import jinja2  # noqa: PLC0415 - an extra

    try:
        return make()
    except (jinja2.UndefinedError, TypeError, KeyError, ValueError) as error:
        raise DocumentError(
            f"{what} cannot be made: {error}",
            hint="export the snapshot again with this version of the tool",
        ) from error


def _base(url: str | None) -> str | None:
    if url is None:
        return None
    split = urlsplit(url)
    odd = split.query or split.fragment or "@" in split.netloc or set(url) & set("\"'<>\\ \n\t")
    if split.scheme not in ("https", "http") or not split.hostname or odd:
        raise UsageError(
            f"'{url}' is not the address of a site", hint="give one such as https://example.org/board/"
        )
    return url.rstrip("/") + "/"


def _put(draft: Path, address: str, data: bytes) -> None:
    path = draft / address
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _see_free(out: Path) -> None:
    """Only what this made before may be replaced."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"'{out}' is not a folder", hint="choose another with --out")
    if out.is_dir() and any(out.iterdir()) and not (out / addresses.SNAPSHOT).is_file():
        raise UsageError(f"'{out}' holds other files", hint="choose an empty or new folder with --out")


@contextlib.contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """A folder beside `out`, removed unless it was put in place."""
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.absolute().parent))
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the site at '{out}': {(error.strerror or str(error)).lower()}",
            hint="choose another folder with --out",
        ) from error


def _swap(draft: Path, out: Path) -> None:
    """Put the draft in place; the old site is away for no longer than between two renames."""
    draft.chmod(0o755)
    old = draft.with_name(f"{draft.name}.old")
    if out.exists():
        os.rename(out, old)  # noqa: PTH104 - fails where `replace` would not
    draft.rename(out)
    shutil.rmtree(old, ignore_errors=True)
