"""Cases of rules as they stand on disk (tests/rules): a base, a change to it, what one rule must say."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from medperf_cli.core.check.engine import check
from medperf_cli.core.check.findings import Finding, Report
from medperf_cli.core.entities.parsing import emit_entity, validate
from medperf_cli.core.names import REGISTRY_DIR, EntityPath, Kind, parse_path, signature_path
from medperf_cli.core.snapshot import Change, RawDiffEntry, build_change
from tests.support.keys import member_key
from tests.support.redacting import redaction, take_out
from tests.support.story import STEPS
from tests.support.templates import template
from tests.support.world import World, genesis, login

Files = dict[str, bytes]


@cache
def _told() -> tuple[tuple[Files, list[str]], ...]:
    """Files and trees after 0, 1, … steps of the story."""
    world, stages = World(), [(dict[str, bytes](), list[str]())]
    for _, make in STEPS:
        world.merge(*make(world))
        stages.append((dict(world.files), list(world.trees)))
    return tuple(stages)


def after(title: str | None) -> World:
    """The world after the story's step of that title (None: before genesis), cheaply."""
    titles = [None, *(step for step, _ in STEPS)]
    files, trees = _told()[titles.index(title)]
    return World(dict(files), list(trees))


@dataclass
class Draft:
    """A change being made on a world: the files it adds, and entries that git would list beside them."""

    world: World
    added: Files = field(default_factory=dict)
    entries: list[RawDiffEntry] = field(default_factory=list)

    def do(self, action: Mapping[str, Any]) -> None:
        """Do one action, such as `write: {path: …}`."""
        ((verb, given),) = action.items()
        ACTIONS[verb](self, **(given if isinstance(given, dict) else {"given": given}))

    @property
    def seen_so_far(self) -> World:
        """A world with what was added, to pin in."""
        return World(self.world.files | self.added, self.world.trees, self.world.registry)

    def resolve(self, value: Any) -> Any:
        """Replace `pin <path>`, `digest <path>`, `gone <path>`, `key <name>`, `login <name>`, `tree <n>`."""
        if isinstance(value, dict):
            return {k: self.resolve(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.resolve(v) for v in value]
        word, _, rest = value.partition(" ") if isinstance(value, str) else ("", "", "")
        named: dict[str, Callable[[], Any]] = {
            "pin": lambda: self.seen_so_far.pin(rest),
            "digest": lambda: self.seen_so_far.pin(rest)["sha256"],
            "key": lambda: member_key(rest).public_text,
            "gone": lambda: self.world.state.reader.dropped[parse_path(rest)],
            "login": lambda: login(rest),
            "tree": lambda: self.world.trees[int(rest)],
        }
        return named[word]() if word in named else value

    def change(self) -> Change:
        """The change as git's raw diff would show it."""
        listed = [
            (RawDiffEntry(f"{REGISTRY_DIR}/{path}".encode(), "A", "100644", len(data)), path)
            for path, data in self.added.items()
        ]
        listed += [(entry, "") for entry in self.entries]
        return build_change(self.world.base, listed, lambda oids: {oid: self.added[oid] for oid in oids})


def _put(document: dict[str, Any], dotted: str, value: Any) -> None:
    *above, last = dotted.split(".")
    at: Any = document
    for part in above:
        at = at[int(part)] if isinstance(at, list) else at[part]
    if isinstance(at, list):
        at[int(last)] = value
    else:
        at[last] = value


def _write(draft: Draft, path: str, signer: str | None = None, **changes: Any) -> None:
    """An entity: the version in force (or the story's template), with fields set; null leaves one out."""
    entity = parse_path(path)
    fields = copy.deepcopy(template(draft.seen_so_far, entity))
    for dotted, value in changes.items():
        _put(fields, dotted, draft.resolve(value))
    before = str(entity.at(entity.version - 1))
    world = draft.seen_so_far if before in draft.added else draft.world
    key = None if signer is None else member_key(signer)
    draft.added |= world.write(entity.kind, entity.id, entity.version, key=key, **fields)


def _decide(draft: Draft, by: str, about: str, **given: Any) -> None:
    """A decision; `under` is the authority (null: none), `signer` another key, `version` of the decision."""
    under, signer = given.pop("under", "root/1.yml"), given.pop("signer", None)
    key = None if signer is None else member_key(signer)
    fields = draft.resolve(given)
    draft.added |= draft.world.decide(by, about, authority=under, added=draft.added, key=key, **fields)


def _record(draft: Draft, by: str, about: str, under: str, **given: Any) -> None:
    """An approval in the forge, as the merge bot records it; `signer` is another key than the recorder's."""
    signer = given.pop("signer", None)
    key = None if signer is None else member_key(signer)
    fields = draft.resolve(given)
    draft.added |= draft.world.record(by, about, authority=under, added=draft.added, key=key, **fields)


def _root(draft: Draft, signed_by: dict[str, str], version: int = 2, **changes: Any) -> None:
    """A new root like the one in force, one year longer; `signed_by` names a key for each admin."""
    path = EntityPath(Kind.ROOT, "", version)
    fields = copy.deepcopy(template(draft.world, path))
    fields["expires"] = "2032-01-01T00:00:00Z"
    for dotted, value in changes.items():
        _put(fields, dotted, draft.resolve(value))
    document = draft.world.document(Kind.ROOT, "", version, **fields)
    data = emit_entity(validate(Kind.ROOT, document))
    draft.added[str(path)] = data
    for admin, key in signed_by.items():
        armor = member_key(key).sign(data, path.namespace(draft.world.registry))
        draft.added[str(signature_path(path, admin))] = armor


def _redact(
    draft: Draft,
    paths: list[str],
    signed_by: dict[str, str],
    before: str = "tree 1",
    *,
    stay: bool = False,
    version: int = 1,
    files: list[str] | None = None,
) -> None:
    """A redaction of entities that stand in the world, which then loses them (`stay`: it does not).

    `files` names the dropped files otherwise than as each entity with its signature.
    """
    world = draft.world
    added = redaction(world, paths, signed_by, draft.resolve(before), version=version, files=files)
    if not stay:
        take_out(world, added[f"redactions/{version}.yml"])
    draft.added |= added


def _text(draft: Draft, path: str, old: str, new: str, signer: str | None = "") -> None:
    """Edit the bytes of an added file and sign them again (`signer: null`: leave the old signature)."""
    data = draft.added[path].decode()
    assert old in data, f"'{old}' is not in {path}"
    draft.added[path] = data.replace(old, new).encode("utf-8", "surrogateescape")
    if signer is not None:
        entity = parse_path(path)
        key = member_key(signer or entity.signer or "recorder")
        draft.added |= draft.world.signed(entity, draft.added[path], key)


def _sign(draft: Draft, path: str, by: str, like: str | None = None, registry: str | None = None) -> None:
    """Sign an added file in the namespace of another path or registry."""
    entity, model = parse_path(path), parse_path(like or path)
    armor = member_key(by).sign(draft.added[path], model.namespace(registry or draft.world.registry))
    draft.added[str(signature_path(entity))] = armor


def _bytes(draft: Draft, path: str, text: str) -> None:
    draft.added[path] = text.encode()


def _drop(draft: Draft, given: str) -> None:
    del draft.added[given]


def _step(draft: Draft, given: str) -> None:
    for part in dict(STEPS)[given](draft.world):
        draft.added |= part


def _genesis(draft: Draft, **given: Any) -> None:
    given["admins"] = tuple(given.get("admins", ("ada",)))
    draft.added |= genesis(**draft.resolve(given))


def _entry(draft: Draft, path: str, status: str = "A", mode: str = "100644", size: int = 1) -> None:
    """A line of git's raw diff, of whatever sort; `path` is from the repository's root."""
    draft.entries.append(RawDiffEntry(path.encode(), status, mode, size))


ACTIONS: dict[str, Callable[..., None]] = {
    "write": _write,
    "decide": _decide,
    "record": _record,
    "root": _root,
    "redact": _redact,
    "text": _text,
    "sign": _sign,
    "bytes": _bytes,
    "drop": _drop,
    "step": _step,
    "genesis": _genesis,
    "entry": _entry,
}


@dataclass(frozen=True)
class Case:
    """One case: after which step, what is merged before, what the change is, and what comes out."""

    rule: str
    name: str
    given: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Case:
        return cls(path.parent.name, path.stem, yaml.safe_load(path.read_text(encoding="utf-8")))

    @property
    def bad(self) -> bool:
        return self.name.startswith("bad_")

    def draft(self) -> Draft:
        """The change, on a base where what came before was merged as the check allowed (or unchecked)."""
        world = after(self.given["after"])
        for earlier in self.given.get("merged", []):
            draft = Draft(world)
            for action in earlier:
                draft.do(action)
            if self.given.get("unchecked"):
                world.force(draft.added)
            else:
                world.merge(draft.added, expect=None)
        draft = Draft(world)
        for action in self.given["change"]:
            draft.do(action)
        return draft

    def report(self) -> Report:
        return check(self.draft().change())

    def said(self, report: Report) -> list[Finding]:
        """What the case's own rule found."""
        return [finding for finding in report.findings if finding.rule == self.rule]
