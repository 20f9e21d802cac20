"""`outbox import`: requests from a bundle that somebody carried; hostile until judged, and its signers' own.

Nothing of a bundle enters the clone: it is unpacked beside it, judged as a bare repository's hook judges a
push, and only the bytes of files that were judged go on, as items of the outbox.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from medperf_cli.adapters.store.bundles import Bundle, read_bundle, scratch, unbundle
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import Kind, PathError, parse_path, parse_signature_path, signature_path
from medperf_cli.core.requests import MAIN, RefUpdate, parse_ref
from medperf_cli.core.ssh_keys import parse_public_key
from medperf_cli.core.trust.verified import signing_key
from medperf_cli.errors import ConflictError, IntegrityError, MedperfError, RejectedError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting.closings import TIME, closing_files
from medperf_cli.flows.hosting.receive import MAX_UPDATES, Receiver, lines
from medperf_cli.flows.hosting.request_commits import lacking, note
from medperf_cli.flows.submitting import outbox
from medperf_cli.flows.submitting.desk import Desk, at_desk
from medperf_cli.flows.submitting.forges import remembered_forge
from medperf_cli.flows.submitting.outbox import Item, Sort
from medperf_cli.flows.submitting.outbox_send import Tried, reaching, send_items
from medperf_cli.flows.submitting.summary import request_title

MOST_BYTES = 32 * 1024 * 1024
"""Of a bundle, as of a push to a bare repository."""
_TAKEN = "TREE002"
_LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""Before any registry; what a stranger's commit says of its time is no more than that."""


def import_bundle(deps: Deps, file: Path) -> list[Tried]:
    """Judge a bundle, show what is in it and who signed it, ask, and send it for its signers.

    Whoever carries it signs nothing and needs to be no member. What cannot be sent now waits in the outbox.

    Raises:
        UsageError: there is no such file, or nothing in it is new.
        IntegrityError: it is damaged, of another registry, or more than a bundle may hold.
        RejectedError, ConflictError: something in it may not enter; nothing of it was sent.
        NetworkError: the remote does not answer; all of it waits in the outbox.

    """
    bundle = read_bundle(file, MOST_BYTES)
    _expect_requests(file, bundle)
    with at_desk(reaching(deps)) as desk:
        with scratch(desk.store) as store:
            _expect_bases(desk, bundle)
            unbundle(store, file, bundle, MOST_BYTES)
            found = list(_items(desk, store, bundle))
        if not found:
            raise UsageError(
                f"all that '{file}' holds has arrived already",
                hint="nothing is left to do; `medperf review ls` says how it stands",
            )
        for item in found:
            desk.deps.talk.say(_signed(desk, item))
        return _hand_over(desk, found)


def _hand_over(desk: Desk, found: list[Item]) -> list[Tried]:
    """Keep the items, then send them; what the user does not want is forgotten again."""
    known = {item.id: item for item in outbox.items(desk.place)}
    wanted = [joined(known.get(item.id), item) for item in found]
    new = [item for item in wanted if known.get(item.id) is not item]
    for item in new:
        outbox.keep(desk.place, item)
    answer: list[bool] = []

    def asked(text: str) -> bool:
        answer.append(desk.deps.confirm(text))
        return answer[0]

    try:
        return send_items(desk, wanted, asked)
    finally:
        if answer != [True]:
            for item in new:
                _put_back(desk, item, known.get(item.id))


def joined(kept: Item | None, carried: Item) -> Item:
    """What is sent where an item of this name waits here already: with what only the carried one holds.

    That may be another admin's signature under the same root, or a further decision of the same member.
    """
    if kept is None:
        return carried
    if carried.sort is Sort.CLOSING or carried.files.keys() <= kept.files.keys():
        return kept
    return dataclasses.replace(kept, files={**carried.files, **kept.files})


def _put_back(desk: Desk, item: Item, before: Item | None) -> None:
    if before is None:
        outbox.forget(desk.place, item)
    else:
        outbox.keep(desk.place, before)


def _expect_requests(file: Path, bundle: Bundle) -> None:
    """See that a bundle names requests, not too many, and nothing else."""
    if not 0 < len(bundle.refs) <= MAX_UPDATES:
        raise IntegrityError(f"'{file}' holds {len(bundle.refs)} refs; 1 to {MAX_UPDATES} may be carried")
    for name in bundle.refs:
        try:
            parse_ref(name, bare=True)
        except PathError as error:
            raise IntegrityError(f"'{file}' holds something else than requests: {error}") from None


def _expect_bases(desk: Desk, bundle: Bundle) -> None:
    """See that a bundle stands on commits of the main that was verified here."""
    main = set(desk.store.first_parents(desk.meta.verified_commit))
    if not bundle.wanted or not set(bundle.wanted) <= main:
        raise IntegrityError(
            "this bundle does not stand on the registry as it is verified here",
            hint="`medperf registry sync`, or use the registry that it was made for: `medperf registry use`",
        )


def _items(desk: Desk, store: GitStore, bundle: Bundle) -> Iterator[Item]:
    """What of a bundle has not arrived yet, judged as by the hook (raises as `import_bundle`)."""
    main = desk.meta.verified_commit
    store.update_ref(MAIN, main, None)
    receiver = Receiver(store, desk.deps.clock(), None)
    current = desk.composer.snapshot
    known = remembered_forge(desk.deps.settings, desk.store, desk.meta).list()
    places = [main, *(request.head for request in known)]
    for name, commit in sorted(bundle.refs.items(), key=lambda ref: (not ref[0].endswith("/head"), ref[0])):
        if _arrived(desk, places, store, name, commit):
            store.update_ref(name, commit, None)
            continue
        _judge(receiver, RefUpdate(None, commit, name))
        store.update_ref(name, commit, None)
        item = _item(desk, store, name, commit)
        if item.sort is Sort.CLOSING or lacking(current, item.files):
            yield item


def _judge(receiver: Receiver, update: RefUpdate) -> None:
    found = receiver.judge([update]).get(update.ref, [])
    if not found:
        return
    text = "\n  ".join([f"'{update.ref}' of the bundle is refused:", *lines(found)])
    if any(finding.rule == _TAKEN for finding in found):
        raise ConflictError(text, hint="its signer syncs and asks again, for the version that is free")
    raise RejectedError(text, hint="tell who signed it; nothing of the bundle was sent")


def _arrived(desk: Desk, places: Sequence[str], store: GitStore, name: str, commit: str) -> bool:
    """Whether the entities of a head stand in main or in an open request, at one of these commits."""
    try:
        if parse_ref(name).member is not None:
            return False
        files = store.change(store.parent(commit), commit).added
    except (ValueError, MedperfError):
        return False
    entities = {path: data for path, data in files.items() if path.endswith(".yml")}
    return bool(entities) and any(not lacking(desk.store.snapshot(p), entities) for p in places)


def _item(desk: Desk, store: GitStore, name: str, commit: str) -> Item:
    ref, said = parse_ref(name), note(store, commit)
    files = closing_files(store, commit) if ref.closed else store.change(said.parent, commit).added
    since = min(max(said.time, _LONG_AGO), desk.deps.clock()).strftime(TIME)
    if ref.member is None:
        author = _responsible(files)
        return Item(Sort.SUBMISSION, ref.id, request_title(files), author, since, files, carried=True)
    sort = Sort.CLOSING if ref.closed else Sort.DECISION
    title = f"{sort} of {ref.member} on request {ref.id}"
    return Item(sort, ref.id, title, ref.member, since, files, head=said.parent, carried=True)


def _responsible(files: Mapping[str, bytes]) -> str:
    """Who answers for a request: the signer of its first file, or the first admin; else the recorder does."""
    for path in sorted(files):
        signer = parse_path(path).signer if path.endswith(".yml") else parse_signature_path(path).admin
        if signer is not None:
            return signer
    return str(Kind.RECORDED)


def _signed(desk: Desk, item: Item) -> str:
    """Who signed what, with digests and keys; the signatures were verified by the rules before."""
    parts = [f"{item.sort} {item.id} belongs to {item.author}; you only carry it"]
    for text in item.paths:
        if not text.endswith(".yml") or item.sort is Sort.CLOSING:
            continue
        path, data = parse_path(text), item.files[text]
        armor = item.files.get(str(signature_path(path))) if path.signer else None
        if armor is not None:
            key = parse_public_key(signing_key(path, data, armor, desk.meta.registry)).fingerprint
            parts.append(f"  registry/{text} sha256 {sha256(data)} signed by {path.signer} with {key}")
    return "\n".join(parts)
