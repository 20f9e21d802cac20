"""What somebody means by a claim: a path, an id, the address of a page, or a file on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Meta
from medperf_cli.adapters.store.index_snapshot import IndexSnapshot
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import (
    FOLDERS,
    KINDS,
    REGISTRY_DIR,
    EntityPath,
    Kind,
    PathError,
    parse_path,
    parse_signature_path,
)
from medperf_cli.core.snapshot import MAX_FILE
from medperf_cli.core.strict_yaml import load_strict
from medperf_cli.errors import DocumentError, IntegrityError, UnknownIdError, UsageError
from medperf_cli.flows.reading.asked import SHORT, Asked
from medperf_cli.flows.reading.proof_redactions import took_out

NAMED = (Kind.BENCHMARK, Kind.CUBE, Kind.DATASET, Kind.MEMBER)
"""Kinds with a page for the name; the ids of others are made of theirs."""
_MADE_OF = (Kind.ASSOCIATION, Kind.RESULT)
_SHOWN = 5
_NO_PAGE = "a list is none: open one of its rows, and give that address"
_NO_CLAIM = "name a path (`ls --json` shows them), an id, a file, or the address of a page"


@dataclass(frozen=True)
class Claim:
    """The version that is meant, how it was found, and whether by a page, which nobody read."""

    path: EntityPath
    meant: str
    page: bool = False


def claim_of(index: Index, meta: Meta, asked: Asked, text: str) -> Claim:
    """The version that `text` means, which stands in the registry.

    Args:
        index: the verified index.
        meta: which registry it is of.
        asked: what open requests ask for, as of the last contact.
        text: what somebody typed.

    Raises:
        UsageError: it is no claim, or the address of a page that shows many.
        UnknownIdError: there is no such thing, or more than one.
        IntegrityError: it is a file that does not stand in the registry with these bytes, or of another one.

    """
    found = _meant(index, meta, asked, text)
    if not index.has(str(found.path)):
        _expect_not_redacted(index, found.path)
        request = _asking(asked, found.path)
        if request is None:
            raise UnknownIdError(f"'{found.path}' is not in the registry", hint=_NO_CLAIM)
        raise UnknownIdError(
            f"'{found.path}' is only asked for, in request {request}: it counts for nothing yet",
            hint=f"`medperf review show {request[:SHORT]}` shows it, and whom it waits for",
        )
    return found


def _expect_not_redacted(index: Index, path: EntityPath) -> None:
    by = took_out(index, path)
    if by is not None:
        reason = index.stored(str(by)).row.document["reason"]
        raise UnknownIdError(
            f"'{path}' was taken out of history by redaction {by.version} and counts no more: {reason}",
            hint=f"`medperf verify {by.stem}` says who signed that, and what went with it",
        )


def _asking(asked: Asked, path: EntityPath) -> str | None:
    """The open request that would add a file of this path."""
    return next((r.id for r in asked.requests if any(f.path == str(path) for f in r.files)), None)


def _meant(index: Index, meta: Meta, asked: Asked, text: str) -> Claim:
    if "://" in text:
        return _page(index, urlsplit(text).path, text)
    file = _local(text)
    if file is not None and file.suffix != ".html":
        return _file(index, meta, asked, file)
    if text.endswith((".html", "/")):
        return _page(index, text, text)
    return _by_path(text.removeprefix(f"{REGISTRY_DIR}/")) or _by_id(index, text)


def _local(text: str) -> Path | None:
    """A file of this name on this machine, as far as this user can see."""
    try:
        file = Path(text).expanduser()
        return file if file.is_file() else None
    except (OSError, RuntimeError, ValueError):  # a locked folder, nobody's home, no name at all
        return None


def _by_path(text: str) -> Claim | None:
    try:
        if text.endswith(".sig"):
            return Claim(parse_signature_path(text).entity, "the file that this signature signs")
        return Claim(parse_path(f"{text.removesuffix('.yml')}.yml"), "a path of the registry")
    except PathError:
        return None


def _page(index: Index, address: str, shown: str) -> Claim:
    """A page's address follows the path of what it shows; where the site stands does not matter."""
    words = [unquote(word) for word in address.split("/")]
    tails = [words[at:] for at, word in enumerate(words) if word in KINDS]
    found = [path for tail in tails for path in [_shown_by(index, tail)] if path is not None]
    if not found:
        raise UsageError(f"'{shown}' is no page about one claim of this registry", hint=_NO_PAGE)
    path = next((path for path in found if index.has(str(path))), found[0])
    return Claim(path, "what the page at this address shows", page=True)


def _shown_by(index: Index, words: list[str]) -> EntityPath | None:
    """The version that a page shows: its own page, the copy of its file, or the page of its name."""
    folder, *names = words
    page = names[-1] if names else ""
    if page.endswith((".html", ".yml", ".sig")) and page != "index.html":
        claim = _by_path("/".join(words).removesuffix(".html"))
        return None if claim is None else claim.path
    kind, entity_id = KINDS[folder], "/".join(name for name in names if name not in ("", "index.html"))
    known = kind in NAMED and entity_id in index.ids(kind)
    return parse_path(index.get(kind, entity_id).path) if known else None


def _by_id(index: Index, text: str) -> Claim:
    """An id, or any part of one that only one thing has; `cubes/acme/forest` says of which kind it is."""
    folder, _, rest = text.partition("/")
    if text in ("root", str(Kind.ROOT)):
        return Claim(parse_path(index.get(Kind.ROOT, "").path), "the root in force")
    kinds = [KINDS[folder]] if folder in KINDS and rest else [*NAMED, *_MADE_OF]
    partial = rest if len(kinds) == 1 else text
    for fits in _fits(index, kinds, partial):
        if len(fits) == 1:
            kind, entity_id = fits[0]
            return Claim(parse_path(index.get(kind, entity_id).path), f"{kind} '{entity_id}'")
        if fits:
            names = [f"{FOLDERS[kind]}/{entity_id}" for kind, entity_id in fits]
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            raise UnknownIdError(
                f"'{text}' means {len(names)} things: {', '.join(names[:_SHOWN])}{more}",
                hint="give one of these, or more of the id",
            )
    raise UnknownIdError(
        f"nothing in the registry is called '{text[:100]}'",
        hint=f"{_NO_CLAIM}; `medperf review ls` has what is only asked for",
    )


def _fits(index: Index, kinds: list[Kind], partial: str) -> list[list[tuple[Kind, str]]]:
    """What has exactly this id, what has it as its last name, what has it anywhere."""
    known = [(kind, entity_id) for kind in kinds for entity_id in index.ids(kind)] if partial else []
    exact = [pair for pair in known if pair[1] == partial]
    last = [pair for pair in known if pair[1].rpartition("/")[2] == partial]
    whole = [pair for pair in last if pair[0] in NAMED]
    inside = [pair for pair in known if partial in pair[1]]
    named = [pair for pair in inside if pair[0] in NAMED]
    return [exact, whole, last, named, inside]


def _file(index: Index, meta: Meta, asked: Asked, file: Path) -> Claim:
    try:
        if file.stat().st_size > MAX_FILE:
            raise UsageError(f"'{file}' is larger than any file of a registry", hint=_NO_CLAIM)
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"'{file}': {(error.strerror or 'cannot be read').lower()}") from None
    if data.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        found = IndexSnapshot(index).signature(data)
        if found is None:
            raise IntegrityError(
                f"no file of this registry has the signature in '{file}'",
                hint="sync, and ask who sent it what it signs",
            )
        return Claim(parse_signature_path(found).entity, f"exactly the signature registry/{found}")
    path = _says_to_be(meta, file, data)
    there = IndexSnapshot(index).get(str(path))
    if there is None:
        _expect_not_redacted(index, path)
    if there is None and _asking(asked, path):
        return Claim(path, "what an open request asks for")
    if there is None:
        raise IntegrityError(
            f"'{file}' says that it is registry/{path}, which is not in the registry: it counts for nothing",
            hint="`medperf registry sync`; `medperf review ls` shows whether it is asked for",
        )
    if there != data:
        raise IntegrityError(
            f"'{file}' is not registry/{path}: there stands sha256 {sha256(there)}, here {sha256(data)}",
            hint=f"do not use it; `medperf verify {path}` explains the true one",
        )
    return Claim(path, f"exactly the bytes of registry/{path}")


def _says_to_be(meta: Meta, file: Path, data: bytes) -> EntityPath:
    """The path that a file's own words give it."""
    try:
        document = load_strict(data)
        registry, kind = str(document.get("registry")), str(document.get("schema")).partition("/")[0]
        middle = f"{document['id']}/" if document.get("id") else ""
        path = parse_path(f"{FOLDERS[Kind(kind)]}/{middle}{document['version']}.yml")
    except (DocumentError, PathError, KeyError, ValueError):
        if meta.registry.encode() in data:
            raise IntegrityError(
                f"'{file}' names this registry, and no file of it can be written so: it was altered",
                hint="mail may change line ends and spaces: ask for an archive, or verify its path or id",
            ) from None
        raise UsageError(f"'{file}' is no file of a registry", hint=_NO_CLAIM) from None
    if registry != meta.registry:
        raise IntegrityError(
            f"'{file}' is of registry {registry[:32]}, not of the one in use, {meta.registry}",
            hint="`medperf registry use` chooses another",
        )
    return path
