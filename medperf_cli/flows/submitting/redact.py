"""Redactions from draft to history: an admin drafts, others sign the same file, the host applies it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.names import EntityPath, PathError, parse_path, parse_signature_path, signature_path
from medperf_cli.errors import ConfigurationError, RejectedError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting.redacting import Applied, apply, fitting, plan
from medperf_cli.flows.identity import me, signer
from medperf_cli.flows.submitting.desk import Desk, at_desk

_LARGEST = 1024 * 1024


@dataclass(frozen=True)
class Draft:
    """A redaction in a folder: its file, with the signatures that lie beside it, by path in the registry."""

    path: EntityPath
    redaction: Redaction
    files: dict[str, bytes]

    @property
    def signed_by(self) -> tuple[str, ...]:
        """The admins whose signatures are there."""
        names = (parse_signature_path(text).admin for text in self.files if text.endswith(".sig"))
        return tuple(sorted(name for name in names if name))


def draft(deps: Deps, paths: Iterable[str], reason: str, folder: Path) -> Draft | None:
    """Plan what must go with some files, show it, and write a redaction signed with my key; None on no.

    Raises:
        UsageError: a path is none of a registry, or there is a draft in the folder already.
        RejectedError: I am no admin, the registry has format 1, or something that must stay would have to go.

    """
    wanted = [_path(text) for text in paths]
    if not wanted:
        raise UsageError("name what must go", hint="paths such as cubes/acme/forest/1.yml")
    with at_desk(deps) as desk:
        _expect_admin(desk)
        made = plan(desk.store, desk.meta.verified_commit, wanted, reason)
        lines = [f"  registry/{path}  ({why})\n" for path, why in made.reasons.items()]
        if not deps.confirm(_shown(desk, lines, reason)):
            return None
        target = folder / made.path.stem.rpartition("/")[2]
        if target.with_suffix(".yml").exists():
            raise UsageError(f"there is a draft in '{folder}' already", hint="sign it, or remove it first")
        write_atomic(target.with_suffix(".yml"), made.data, parents=True)
        return _sign(desk, read_draft(folder), folder)


def sign(deps: Deps, folder: Path) -> Draft | None:
    """See that a draft fits the registry as verified here, show it, and sign it too; None on no.

    Raises:
        UsageError: there is no draft in the folder.
        ConflictError: it does not fit main.
        RejectedError: I am no admin.

    """
    found = read_draft(folder)
    with at_desk(deps) as desk:
        _expect_admin(desk)
        fitting(desk.store, desk.meta.verified_commit, found.redaction)
        lines = [f"  registry/{path}\n" for path in sorted(found.redaction.digests)]
        if not deps.confirm(_shown(desk, lines, found.redaction.reason)):
            return None
        return _sign(desk, found, folder)


def apply_draft(deps: Deps, folder: Path, repository: Path) -> Applied | None:
    """Rewrite main of a repository as a signed draft says; None on no (raises as `apply`)."""
    found = read_draft(folder)
    lines = "".join(f"  registry/{path}\n" for path in sorted(found.redaction.digests))
    text = f"History of '{repository}' will be rewritten, for ever, without:\n{lines}"
    with GitStore(repository) as store:
        if not deps.confirm(text):
            return None
        return apply(store, found.redaction, found.files)


def read_draft(folder: Path) -> Draft:
    """The one redaction that lies in a folder (raises UsageError, DocumentError)."""
    files = {f"redactions/{file.name}": file for file in sorted(folder.glob("*.*"))}
    found = [text for text in files if text.endswith(".yml")]
    if len(found) != 1:
        raise UsageError(f"there is no draft of a redaction in '{folder}'", hint="see `--help`")
    path = _path(found[0])
    data = _read(files[found[0]])
    redaction = parse(path, data)
    if not isinstance(redaction, Redaction):
        raise UsageError(f"'{found[0]}' is no redaction")
    signatures = {str(signature_path(path, n)): n for n in _names(files, path)}
    return Draft(path, redaction, {str(path): data, **{text: _read(files[text]) for text in signatures}})


def _names(files: Iterable[str], path: EntityPath) -> list[str]:
    """The admins with a signature of a redaction among files."""
    start = f"{path.stem}."
    return [
        text[len(start) : -len(".sig")] for text in files if text.startswith(start) and text.endswith(".sig")
    ]


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST)
    except OSError as error:
        raise ConfigurationError(f"cannot read '{file}': {(error.strerror or '').lower()}") from error


def _path(text: str) -> EntityPath:
    try:
        return parse_path(text.removeprefix("registry/").removesuffix(".yml") + ".yml")
    except PathError as error:
        raise UsageError(str(error), hint="`ls --json` of each group shows paths") from None


def _expect_admin(desk: Desk) -> None:
    root, who = desk.reader().root, me(desk.deps.settings)
    if who not in {admin.member for admin in root.admins.members}:
        raise RejectedError(f"'{who}' is no admin of this registry", hint="admins sign redactions")
    if root.format < 2:  # noqa: PLR2004 - see ADR 28
        raise RejectedError(
            "this registry has format 1, which has no redactions", hint="renew the root first"
        )


def _shown(desk: Desk, lines: Iterable[str], reason: str) -> str:
    head = f"This will be taken out of the history of {desk.meta.address}, with all signatures, for ever:\n"
    return f"{head}{''.join(lines)}Public for ever, reason: {reason}\n"


def _sign(desk: Desk, found: Draft, folder: Path) -> Draft:
    who = me(desk.deps.settings)
    key = signer(desk.deps.settings, interactive=desk.deps.interactive)
    data = found.files[str(found.path)]
    armor = key.sign(data, found.path.namespace(desk.meta.registry))
    name = str(signature_path(found.path, who))
    write_atomic(folder / name.rpartition("/")[2], armor)
    return Draft(found.path, found.redaction, {**found.files, name: armor})
