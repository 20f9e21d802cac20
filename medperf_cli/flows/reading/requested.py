"""What does not count yet, as rows: files of open requests as of the last contact, and whom they wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.core.names import EntityPath, Kind
from medperf_cli.flows.reading.asked import SHORT, AskedFile, AskedRequest, Waits

REQUESTED = "requested"
"""The standing of what only an open request holds."""
WAITING = ("request", "what", "waits", "since")
"""What the second table of a list shows, of what does not count yet."""
_TITLES = ("title", "name", "description")


def requested(
    requests: Iterable[AskedRequest], index: Index, kind: Kind, where: Filter
) -> Iterator[dict[str, Any]]:
    """What open requests would add of a kind, if it fits the filter and does not stand in main."""
    for request in requests:
        for file in request.files:
            path = file.entity
            if path.kind is not kind or not _fits(file, where) or index.has(file.path):
                continue
            title = next((file.fields[n] for n in _TITLES if file.fields.get(n)), None)
            row = {
                "id": path.id or "root",
                "version": path.version,
                "standing": REQUESTED,
                "in_force": False,
                "state": file.fields.get("state"),
                "type": file.fields.get("type"),
                "title": title,
                "signer": path.signer,
                "path": file.path,
                "sha256": file.sha256,
            }
            about = _ASKED.get(kind, _named)(path, file.fields)
            yield {**row, **about, **_asked_waits(request, file.path)}


def _fits(file: AskedFile, where: Filter) -> bool:
    path, fields = file.entity, file.fields
    given = [
        (where.owner, path.signer),
        (where.state, fields.get("state")),
        (where.type, fields.get("type")),
        (where.benchmark, _benchmark_of(path, fields)),
        (where.standing, REQUESTED),
    ]
    named = where.name is None or where.name in path.id
    return named and all(wanted is None or wanted == found for wanted, found in given)


def _benchmark_of(path: EntityPath, fields: dict[str, Any]) -> str | None:
    if path.kind in (Kind.ASSOCIATION, Kind.RESULT, Kind.RELEASE, Kind.BENCHMARK):
        return "/".join(path.parts[:2])
    return fields.get("benchmark")


def _asked_waits(request: AskedRequest, path: str) -> dict[str, Any]:
    """Who must act before a requested file takes effect; what needs nobody waits for the rest."""
    waits = next((w for w in request.waits if w.path == path), next(iter(request.waits), None))
    said = request.hindrances[0] if request.hindrances else "the merge bot"
    about = waits_fields(waits) if waits else {"waits": said, "waits_for": []}
    return {"request": request.id, **about, "since": request.since}


def waits_fields(waits: Waits) -> dict[str, Any]:
    """Whom something waits for, as a list shows it and as data."""
    about = {"waits": waits.shown, "waits_for": list(waits.members), "waits_role": waits.role}
    return {**about, "waits_count": waits.count, "waits_verb": waits.verb}


def associated(path: EntityPath, document: Mapping[str, Any]) -> dict[str, Any]:
    """What an association is about."""
    owner, name, folder, *subject = path.parts
    about = {"benchmark": f"{owner}/{name}", "type": folder.removesuffix("s"), "subject": "/".join(subject)}
    return {**about, "message": document.get("message")}


def ran(path: EntityPath, _fields: Mapping[str, Any]) -> dict[str, Any]:
    """Which model a result is of, on which dataset, in which benchmark."""
    names = path.parts
    pairs = ("/".join(names[i : i + 2]) for i in (0, 2, 4))
    return dict(zip(("benchmark", "model", "dataset"), pairs, strict=True))


def _decided(path: EntityPath, fields: Mapping[str, Any]) -> dict[str, Any]:
    about = {"subject": str(path.subject), "member": path.signer}
    return {**about, "verdict": fields.get("verdict"), "reason": fields.get("reason")}


def _named(_path: EntityPath, _fields: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def waiting_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of listed rows those that wait, as the second table shows them: short ids, days."""
    return [
        {
            "request": (row["request"] or "in main")[:SHORT],
            "what": row.get("subject") or _what(row),
            "waits": row["waits"],
            "since": str(row["since"])[:10],
        }
        for row in rows
        if row.get("since")
    ]


def _what(row: Mapping[str, Any]) -> str:
    if "dataset" in row and "model" in row:
        return f"{row['model']} on {row['dataset']}"
    return f"{row['id']} {row['version']}"


_ASKED: dict[Kind, Callable[[EntityPath, Mapping[str, Any]], dict[str, Any]]] = {
    Kind.ASSOCIATION: associated,
    Kind.RESULT: ran,
    Kind.DECISION: _decided,
}
