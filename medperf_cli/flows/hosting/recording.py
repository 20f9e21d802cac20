"""Approvals given in a forge's page, written down as `recorded/` files where the root allows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.forge.api import Account, PageApproval, Pull
from medperf_cli.adapters.keys.base import Signer
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.engine import check_bounded
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.check.waiting_root import barred
from medperf_cli.core.entities.decision import DecisionVerdict
from medperf_cli.core.entities.member import Member
from medperf_cli.core.entities.parsing import SINCE, emit_entity, validate
from medperf_cli.core.entities.recorded import RECORDABLE, How
from medperf_cli.core.entities.root import Root
from medperf_cli.core.lifecycle.reader import Reader
from medperf_cli.core.lifecycle.standing import Lifecycle
from medperf_cli.core.lifecycle.waiting import Waiting, undecided
from medperf_cli.core.names import EntityPath, Kind, signature_path
from medperf_cli.core.snapshot import Overlay
from medperf_cli.errors import DocumentError
from medperf_cli.flows.hosting.gathering import Gathered


@dataclass(frozen=True)
class Act:
    """That an account approved `commit`, the head of a request, in the page: by a review or by merging it."""

    account: Account
    commit: str
    how: How


@dataclass(frozen=True)
class Recorder:
    """Who writes down what a forge's page says: a key, and the repository it speaks of."""

    signer: Signer
    host: str
    repository: str

    def is_named_by(self, root: Root) -> bool:
        """Whether a root in force names this key as its recorder."""
        return root.recorder is not None and root.recorder.key == self.signer.public_key.text


def records(root: Root) -> bool:
    """Whether a root in force lets anything be recorded at all."""
    return root.format >= SINCE[Kind.RECORDED] and root.recorder is not None and bool(root.recorded_kinds)


def recordable(state: Lifecycle, waiting: Iterable[Waiting]) -> list[Waiting]:
    """What of that waits for approvals for which the root in force takes a forge's word."""
    root = state.reader.root
    kinds = RECORDABLE & {Kind(kind) for kind in root.recorded_kinds} if records(root) else frozenset[Kind]()
    approvals = (w for w in waiting if w.verdict is DecisionVerdict.APPROVE and w.count)
    return [w for w in approvals if w.path.kind in kinds]


def voters(state: Lifecycle, waiting: Waiting, host: str) -> dict[int, str]:
    """Who may still give such an approval by an account on a forge: members by the account's number.

    They are of the body that decides, did not vote yet, and did not make the request. Whoever took back an
    approval of it is none of them (REC004).
    """
    said = state.decisions(waiting.path) if state.reader.digest(waiting.path) else []
    retracted = {path.parts[-1] for path, vote in said if vote.verdict is DecisionVerdict.RETRACT}
    found = ((state.member_in_force(name), name) for name in waiting.members if name not in retracted)
    return {login: name for member, name in found for login in _numbers(member, host)}


def _numbers(member: Member | None, host: str) -> Iterator[int]:
    logins = () if member is None else member.logins
    return (login.number for login in logins if login.forge == host)


def acts_of(pull: Pull, approvals: Sequence[PageApproval], *, merge: bool = False) -> list[Act]:
    """What counts of what the page says about a request: reviews of its head, and if asked for, its merge."""
    found = [Act(a.account, a.commit, How.REVIEW) for a in approvals if a.commit == pull.head]
    if merge and pull.merged_by is not None:
        found.append(Act(pull.merged_by, pull.head, How.MERGE))
    return [act for act in found if act.account.number > 0]  # not of an account that was deleted


def asked_of_the_page(gathered: Gathered, recorder: Recorder) -> list[Waiting]:
    """What an open request waits for that its page could give; empty where asking the page is no use.

    Only what the request itself asks for: whoever approves a retraction does not approve what it is about.
    """
    if gathered.verdict is Verdict.REJECT:
        return []
    state = Lifecycle(Reader(gathered.change.base))
    after = Lifecycle(Reader(Overlay(gathered.change.base, gathered.change.added)))
    waiting = undecided(after, {*gathered.change.entities, *gathered.waiting_in_main})
    shown = (w for w in waiting if w.path in gathered.asks_for)
    return [w for w in recordable(state, shown) if voters(state, w, recorder.host)]


def with_recorded(store: GitStore, gathered: Gathered, recorder: Recorder, acts: Sequence[Act]) -> Gathered:
    """The same request with what its page says of it written down, as far as that counts.

    Args:
        store: the repository.
        gathered: the request against the commit of main it would enter.
        recorder: who writes it down.
        acts: what happened in the page, on the request's head.

    Raises:
        ConfigurationError: the recorder's key cannot sign.

    """
    mine = [act for act in acts if act.commit == gathered.request.head]
    base, added = gathered.change.base, gathered.change.added
    writer = Writer(store, gathered.main, recorder, int(gathered.request.id), Overlay(base, added))
    files = writer.files(asked_of_the_page(gathered, recorder), mine) if mine else {}
    if not files:
        return gathered
    wider = dataclasses.replace(gathered.change, added={**added, **files})
    report = check_bounded(wider)
    if barred(report):  # with these the change would be too large
        return gathered
    return dataclasses.replace(gathered, change=wider, report=report)


@dataclass(frozen=True)
class Writer:
    """Writes and signs the files about one request.

    `main` is the commit they will stand on, `after` what stands there with the request's own files.
    """

    store: GitStore
    main: str
    recorder: Recorder
    request: int
    after: Overlay

    def files(self, waiting: Iterable[Waiting], acts: Sequence[Act]) -> dict[str, bytes]:
        """A file and its signature for each member whose account approved; the first act of one counts."""
        state = Lifecycle(Reader(self.after.base))
        found: dict[str, bytes] = {}
        if not self.recorder.is_named_by(state.reader.root):
            return found
        for wanted in waiting:
            members = voters(state, wanted, self.recorder.host)
            voted = set[str]()
            for act in acts:
                member = members.get(act.account.number)
                if member is not None and member not in voted:
                    written = self._file(state, wanted, member, act)
                    found |= written
                    voted |= {member} if written else set()
        return found

    def _file(self, state: Lifecycle, wanted: Waiting, member: str, act: Act) -> Mapping[str, bytes]:
        authority = state.authority(wanted.role, wanted.path)
        earlier = state.reader.versions(Kind.RECORDED, f"{wanted.path.stem}/{member}")
        path = EntityPath(Kind.RECORDED, f"{wanted.path.stem}/{member}", len(earlier) + 1)
        document: dict[str, Any] = {
            "schema": "recorded/1",
            "registry": state.reader.first_root.registry,
            "id": path.id,
            "version": path.version,
            "previous": state.reader.digest(earlier[-1]) if earlier else None,
            "seen": self.store.registry_tree(self.main),
            "subject": Reader(self.after).pin(wanted.path).document(),
            "verdict": DecisionVerdict.APPROVE,
            "authority": None if authority is None else state.reader.pin(authority).document(),
            "forge": self.recorder.host,
            "repository": self.recorder.repository,
            "request": self.request,
            "login": act.account.login,
            "number": act.account.number,
            "commit": act.commit,
            "how": act.how,
        }
        try:
            entity = validate(Kind.RECORDED, {k: v for k, v in document.items() if v is not None})
        except DocumentError:  # a login that no member file could name
            return {}
        data = emit_entity(entity)
        armor = self.recorder.signer.sign(data, path.namespace(state.reader.first_root.registry))
        return {str(path): data, str(signature_path(path)): armor}
