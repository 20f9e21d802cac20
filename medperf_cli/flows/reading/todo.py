"""What waits for a member, from what is known here: requests, results, things in development, expiry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter, Row
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.errors import UnknownIdError
from medperf_cli.flows.reading.asked import SHORT, Asked, AskedRequest, Waits
from medperf_cli.flows.reading.review_list import owners
from medperf_cli.flows.reading.taking_part import models_taking_part, row_in_force

SOON = dt.timedelta(days=60)
"""How long before something expires it is told."""
_TOLD = dt.timedelta(days=60)
"""How long a rejection is told."""
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Item:
    """One thing that waits: its sort, what it is, and the command to type ('' where others must act)."""

    sort: str
    what: str
    command: str = ""
    since: str = ""
    waits_for: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The item as plain data."""
        about = {"sort": self.sort, "what": self.what, "command": self.command or None}
        return {**about, "since": self.since or None, "waits_for": list(self.waits_for)}


@dataclass(frozen=True)
class Known:
    """What is known without the network: the verified index, requests, who asks, and the time."""

    index: Index
    asked: Asked
    member: str
    now: dt.datetime
    unsent: tuple[tuple[str, str, str], ...] = ()
    """Finished local results that were not submitted: uid, model, dataset."""
    key: str = ""
    """The public key in use, as text; empty where it is not known."""


def todo(known: Known) -> list[Item]:
    """Everything that waits, first what others wait for."""
    return [item for part in PARTS for item in part(known)]


def for_me(asked: Asked, member: str) -> list[AskedRequest]:
    """The open requests in which this member is asked, those that wait longest first."""
    return sorted((r for r in asked.requests if r.waits_on(member)), key=lambda r: (r.since, r.id))


def decide(known: Known) -> Iterator[Item]:
    """Requests that wait for my vote, or for somebody like me to merge them."""
    for request in for_me(known.asked, known.member):
        verbs = {w.verb for w in request.waits if known.member in w.members}
        verb = "merge" if verbs == {"merge"} else "approve"
        yield Item(
            "decide",
            f"{_by(request)}: {request.title}",
            f"medperf review show {request.id[:SHORT]}, then medperf review {verb} {request.id[:SHORT]}",
            request.since,
        )


def decide_in_main(known: Known) -> Iterator[Item]:
    """What was merged too early and is pending in main until I approve it."""
    for kind in (Kind.MEMBER, Kind.BENCHMARK, Kind.ASSOCIATION):
        for row in known.index.entities(kind, Filter(in_force=None, standing="pending")):
            if row.waiting and known.member in row.waiting["members"]:
                yield Item("decide", f"pending in main: {row.path}", _approve(row), _since(row))


def wait(known: Known) -> Iterator[Item]:
    """My requests that wait for others."""
    for request in sorted(known.asked.requests, key=lambda r: (r.since, r.id)):
        if known.member not in _owners(request) or request.waits_on(known.member):
            continue
        members = tuple(sorted({m for w in request.waits for m in w.members}))
        said = "; ".join(dict.fromkeys([*(w.shown for w in request.waits), *request.hindrances]))
        yield Item("waits", f"{request.title}: for {said or 'the merge bot'}", "", request.since, members)
    for kind in (Kind.MEMBER, Kind.BENCHMARK, Kind.ASSOCIATION):
        for row in known.index.entities(kind, Filter(in_force=None, owner=known.member)):
            if row.waiting:
                waits = Waits(row.path, **{**row.waiting, "members": tuple(row.waiting["members"])})
                yield Item("waits", f"{row.path}: for {waits.shown}", "", _since(row), waits.members)


def rejected(known: Known) -> Iterator[Item]:
    """My requests that were rejected lately, unless the same is asked for again or stands in main."""
    earliest = (known.now - _TOLD).strftime(_TIME)
    again = {file.path for request in known.asked.requests for file in request.files}
    for closed in known.asked.closed:
        mine = known.member in owners(closed.paths, closed.author)
        settled = any(path in again or known.index.has(path) for path in closed.paths)
        if mine and closed.verdict == "rejected" and closed.time >= earliest and not settled:
            what = f"{closed.title}: rejected by {closed.member}: {closed.reason}"
            yield Item("rejected", what, "", closed.time)


def run(known: Known) -> Iterator[Item]:
    """Datasets of mine that take part in a benchmark where models have no result on them yet."""
    local = {(model, dataset) for _, model, dataset in known.unsent}
    for row in known.index.entities(Kind.ASSOCIATION, Filter(owner=known.member)):
        owner, name, folder, *subject = row.id.split("/")
        benchmark, dataset = f"{owner}/{name}", "/".join(subject)
        if folder != "datasets":
            continue
        models = [m for m in _models(known.index, benchmark) if (m, dataset) not in local]
        missing = [
            m for m in models if not row_in_force(known.index, Kind.RESULT, f"{benchmark}/{m}/{dataset}")
        ]
        if missing:
            what = f"{dataset}: no result yet of {', '.join(missing)}"
            yield Item("run", what, f"medperf benchmark run -b {benchmark} -d {dataset}")


def submit(known: Known) -> Iterator[Item]:
    """Finished results at this site that were not submitted."""
    if known.unsent:
        names = ", ".join(f"{model} on {dataset}" for _, model, dataset in known.unsent)
        yield Item("submit", f"finished here, not submitted: {names}", "medperf result submit --all")


def develop(known: Known) -> Iterator[Item]:
    """My things in development: nobody can build on them."""
    for kind, option in ((Kind.CUBE, ""), (Kind.DATASET, "-d "), (Kind.BENCHMARK, "")):
        for row in known.index.entities(kind, Filter(owner=known.member, state="development")):
            command = f"medperf {kind} set_operational {option}{row.id}"
            yield Item("development", f"{kind} {row.id} is in development", command)


def expire(known: Known) -> Iterator[Item]:
    """The root, if it expires soon: then nothing can be published."""
    try:
        expires = str(known.index.get(Kind.ROOT, "").document["expires"])
    except UnknownIdError:
        return
    if expires < (known.now + SOON).strftime(_TIME):
        verb = "expired" if expires < known.now.strftime(_TIME) else "expires"
        admins = {a["member"] for a in known.index.get(Kind.ROOT, "").document["admins"]["members"]}
        command = "medperf registry renew-root" if known.member in admins else ""
        yield Item(
            "expires", f"the registry's root {verb} on {expires[:10]}; its admins must renew it", command
        )


def sign(known: Known) -> Iterator[Item]:
    """The key in use, if it may not sign for me."""
    member = row_in_force(known.index, Kind.MEMBER, known.member)
    keys = {} if member is None else {k["key"]: k for k in member.document["keys"]}
    if not keys or not known.key or (known.key in keys and "revoked" not in keys[known.key]):
        return
    what = "is revoked" if known.key in keys else f"is none of {known.member}"
    yield Item("key", f"the key in use {what}: it signs nothing", "medperf key use FILE")


PARTS: tuple[Callable[[Known], Iterator[Item]], ...] = (
    decide,
    decide_in_main,
    rejected,
    run,
    submit,
    develop,
    wait,
    sign,
    expire,
)
"""The parts of the list, in its order."""


def _owners(request: AskedRequest) -> frozenset[str]:
    return owners(tuple(file.path for file in request.files), request.author)


def _by(request: AskedRequest) -> str:
    return ", ".join(sorted(_owners(request)))


def _approve(row: Row) -> str:
    if row.kind is Kind.ASSOCIATION:
        owner, name, folder, *subject = row.id.split("/")
        option = "-d" if folder == "datasets" else "-m"
        return f"medperf association approve -b {owner}/{name} {option} {'/'.join(subject)}"
    return ""


def _since(row: Row) -> str:
    return dt.datetime.fromtimestamp(row.time, dt.UTC).strftime(_TIME)


def _models(index: Index, benchmark: str) -> Iterator[str]:
    """The reference model, and the models whose association is in force and that are in operation."""
    current = row_in_force(index, Kind.BENCHMARK, benchmark)
    if current is None:
        return
    reference = parse_path(current.document["cubes"]["reference_model"]["path"]).id
    yield reference
    for row in models_taking_part(index, benchmark):
        model = parse_path(row.document["subject"]["path"]).id
        if model != reference:
            yield model
