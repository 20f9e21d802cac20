"""A request in words: its title and the Markdown of its page, made from the signed files and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.core.names import EntityPath, Kind, PathError, parse_path, parse_signature_path
from medperf_cli.core.quoting import code
from medperf_cli.core.requests import request_id
from medperf_cli.core.ssh_keys import parse_public_key
from medperf_cli.errors import MedperfError

MOST = 20_000
"""Characters of a page's text; forges take more, people do not."""
_WORDS = 300
"""Characters of one stranger's text."""
_ROWS = 12
"""Rows of one list, such as metrics."""
_LOOKED_AT: Mapping[Kind, Sequence[str]] = {
    Kind.ROOT: ("title", "format", "expires", "admins.threshold", "recorder.key", "recorded_kinds"),
    Kind.MEMBER: ("name", "type", "contact"),
    Kind.CUBE: (
        *("type", "state", "description", "licence", "container.container_type", "container.image"),
        *("container.archive.sha256", "container.image_id", "card.intended_use"),
    ),
    Kind.BENCHMARK: (
        *("title", "state", "clinical_task", "population", "committee.threshold", "committee.members"),
        *("cubes.data_preparator", "cubes.reference_model", "cubes.metrics", "disclosure.minimum_cell"),
    ),
    Kind.DATASET: (
        *("state", "description", "location", "ethics_approval", "benchmark", "data_preparator"),
        *("prepared.hash", "prepared.counts"),
    ),
    Kind.ASSOCIATION: ("benchmark", "subject", "test.outcome", "message"),
    Kind.RESULT: ("benchmark", "model", "dataset", "partial", "failed_cases", "unit"),
    Kind.DECISION: ("verdict", "subject", "reason", "authority"),
    Kind.RECORDED: ("verdict", "subject", "authority", "forge", "login", "commit", "how"),
    Kind.REDACTION: ("reason",),
}
"""The fields that people look at first, by kind; the file itself has all of them."""
_HEAD = """\
This page is a summary that `medperf` wrote from the signed files of the request. It is no evidence: what \
counts are the files, their signatures, and the rules of the registry.

- sent by: {author}
- registry: {registry}
- content id: {number} (of the files below, however they are sent)
"""
_TAIL = """
#### Check it yourself

`medperf registry sync`, then `medperf review ls` and `medperf review show` with this request: digests, \
signatures and rules are checked on your machine, against the history that you verified. Without this tool: \
`sha256sum` of a file gives the digest above, and `ssh-keygen -Y verify` its signer, with the keys that \
`medperf registry export-allowed-signers` prints.
"""


def request_title(files: Mapping[str, bytes]) -> str:
    """One line that a request is known by, of names that fit the grammar of paths only."""
    paths = _paths(files)
    first = paths[0] if paths else None
    if first is None:
        return "signatures"
    named = f"{first.kind} {first.id or first.version}".strip()
    return named if len(paths) == 1 else f"{named} and {len(paths) - 1} more"


def request_body(files: Mapping[str, bytes], *, author: str, registry: str) -> str:
    """The Markdown for the page of the request that adds `files` (by path relative to `registry/`).

    At most `MOST` characters. Every word of a stranger stands in a code span, where no forge sees markup,
    links, mentions or numbers of requests.

    Args:
        files: what the request adds.
        author: the member who answers for it.
        registry: the registry's id.

    """
    head = _HEAD.format(author=_code(author), registry=_code(registry), number=_code(_number(files)))
    paths = _paths(files)
    room, parts = MOST - len(head) - len(_TAIL) - _WORDS, [head]
    for number, path in enumerate(paths):
        section = "\n".join(("", *_section(path, files))) + "\n"
        if len(section) > room:
            parts.append(f"\nand {len(paths) - number} more files, which the request itself shows.\n")
            break
        room -= len(section)
        parts.append(section)
    return "".join((*parts, _TAIL))


def _code(text: object) -> str:
    return code(str(text), _WORDS)


def _paths(files: Mapping[str, bytes]) -> list[EntityPath]:
    """Entities in path order, but what others are about before the votes."""
    found = [parse_path(path) for path in files if path.endswith(".yml")]
    return sorted(found, key=lambda path: (path.kind in (Kind.DECISION, Kind.RECORDED), path))


def _number(files: Mapping[str, bytes]) -> str:
    try:
        return request_id(files)
    except PathError:
        return ""


def _section(path: EntityPath, files: Mapping[str, bytes]) -> Iterator[str]:
    data = files[str(path)]
    yield f"#### {path.kind} {_code(_name(path))}"
    yield ""
    yield f"- file: {_code(f'registry/{path}')}"
    yield f"- SHA-256: {_code(sha256(data))}"
    yield f"- signed by: {_signers(path, files)}"
    try:
        document = parse(path, data).document()
    except MedperfError:
        yield "- it cannot be read"
        return
    for field in _LOOKED_AT.get(path.kind, ()):
        value = _value(document, field)
        if value not in (None, "", [], {}):
            yield f"- {field.replace('_', ' ').replace('.', ', ')}: {_shown(value)}"
    yield from _more(path.kind, document)


def _name(path: EntityPath) -> str:
    subject = path.subject.stem if path.kind in (Kind.DECISION, Kind.RECORDED) else path.id
    return f"{subject}, version {path.version}" if subject else f"version {path.version}"


def _signers(path: EntityPath, files: Mapping[str, bytes]) -> str:
    if path.signer is not None:
        return _code(path.signer)
    if path.kind is Kind.RECORDED:
        return "the registry's recorder"
    beside = (parse_signature_path(name) for name in sorted(files) if name.endswith(".sig"))
    found = [_code(signature.admin) for signature in beside if signature.entity == path]
    return ", ".join(found[:_ROWS]) or "nobody yet"


def _value(document: Mapping[str, Any], field: str) -> Any:
    found: Any = document
    for name in field.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _shown(value: Any) -> str:
    """A value on one line; a pin as path and digest."""
    if isinstance(value, Mapping) and set(value) == {"path", "sha256"}:
        return f"{_code(value['path'])} (SHA-256 {_code(value['sha256'])})"
    if isinstance(value, Mapping):
        return _code(", ".join(f"{key} {number}" for key, number in sorted(value.items())))
    if isinstance(value, list | tuple):
        return ", ".join(_code(item) for item in value[:_ROWS]) + (" and more" if len(value) > _ROWS else "")
    return _code(("no", "yes")[value] if isinstance(value, bool) else value)


def _more(kind: Kind, document: Mapping[str, Any]) -> Iterator[str]:
    """What has rows of its own: keys, metrics, scores, admins, files taken out."""
    rows: list[str] = []
    if kind is Kind.MEMBER:
        logins = document.get("logins", ())
        rows = [f"account: {_code(row['login'])} on {_code(row['forge'])}" for row in logins]
        rows += [_key(key) for key in document.get("keys", ())]
    elif kind is Kind.ROOT:
        rows = [f"admin: {_code(admin['member'])}" for admin in document["admins"]["members"]]
    elif kind is Kind.BENCHMARK:
        rows = [_metric(metric) for metric in document.get("metrics", ())]
    elif kind is Kind.RESULT:
        rows = [_score(metric) for metric in document.get("metrics", ())]
    elif kind is Kind.REDACTION:
        groups = document.get("dropped", ())
        rows = [f"takes out: {_code(file['path'])}" for group in groups for file in group["files"]]
    yield from (f"- {row}" for row in rows[:_ROWS])
    if len(rows) > _ROWS:
        yield f"- and {len(rows) - _ROWS} more"


def _key(key: Mapping[str, Any]) -> str:
    revoked = key.get("revoked")
    ended = f", revoked: {_code(revoked['reason'])}" if revoked else ""
    return f"key {_code(key['label'])}: {_code(parse_public_key(key['key']).fingerprint)}{ended}"


def _metric(metric: Mapping[str, Any]) -> str:
    primary = ", the primary one" if metric.get("primary") else ""
    key, kind, better = (_code(metric[name]) for name in ("key", "kind", "better"))
    return f"metric {key}: {kind}, {better} is better{primary}"


def _score(metric: Mapping[str, Any]) -> str:
    """A headline score as the result has it; the pooled ones stand on the registry's pages."""
    name = f"score {_code(metric['key'])}:"
    if metric["kind"] == "reported":
        return f"{name} {_code(metric['value'])} (the cube's own number)"
    if metric["kind"] == "ratio":
        ratio = f"{metric['numerator']} / {metric['denominator']}"
        if metric["denominator"]:
            ratio += f" = {metric['numerator'] / metric['denominator']:.3g}"
        return f"{name} {_code(ratio)}, over {_code(metric['support'])} of {_code(metric['count'])}"
    return f"{name} mean {_code(metric['mean'])}, sd {_code(metric['sd'])}, over {_code(metric['count'])}"
