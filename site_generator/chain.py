"""Why one file counts: the files it rests on, from its signature up to the root, and how to check them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.names import REGISTRY_DIR, Kind, parse_path
from site_generator.member_keys import Keys, SigningKey
from site_generator.proof import principal
from site_generator.records import Entity, Place, Records, result_ids

CHECK_ALL = f"""\
one() {{  # commit, file, digest, signature, signer, namespace
  git show "$1:{REGISTRY_DIR}/$2" > file.yml && git show "$1:{REGISTRY_DIR}/$4" > file.sig &&
  printf '%s  file.yml\\n' "$3" | sha256sum -c --quiet &&
  ssh-keygen -Y verify -f allowed_signers -I "$5" -n "$6" -s file.sig < file.yml
}}"""


@dataclass(frozen=True)
class Rest:
    """A file that must count too: why, which, the decisions that made it count, the key that signed it."""

    why: str
    entity: Entity
    decisions: tuple[Mapping[str, Any], ...]
    key: SigningKey | None


def chain(records: Records, keys: Keys, entity: Entity) -> list[Rest]:
    """What the entity rests on, itself first, the root last."""
    found: dict[str, Rest] = {}
    for why, one in _rests(records, keys, entity):
        decisions = tuple(d for d in one["decisions"] if d["counted"] and d["verdict"] == "approve")
        found.setdefault(one["path"], Rest(why, one, decisions, keys.signer(one)))
    return list(found.values())


def _rests(records: Records, keys: Keys, entity: Entity) -> Iterator[tuple[str, Entity]]:
    yield "This file", entity
    subjects = [("What it decides about", e) for e in [records.by_path.get(_subject(entity))] if e]
    if entity["kind"] == Kind.RESULT:
        subjects = list(_associations(records, entity))
    yield from subjects
    own = [entity, *(e for _, e in subjects)]
    for one in own:
        benchmark = _benchmark(records, one)
        if benchmark is not None:
            yield "The benchmark, with its committee", benchmark
            own.append(benchmark)
            break
    for one in own:
        key = keys.signer(one)
        if key is not None:
            yield f"The key of {key.member} was admitted with", key.admission
    roots = records.versions(Kind.ROOT, "")
    yield from (("The root", root) for root in reversed(roots) if root["in_force"] or root is roots[0])


def _subject(entity: Entity) -> str:
    vote = entity["kind"] in (Kind.DECISION, Kind.RECORDED)
    return str(entity["document"]["subject"]["path"]) if vote else ""


def _associations(records: Records, result: Entity) -> Iterator[tuple[str, Entity]]:
    benchmark, model, dataset = result_ids(result)
    asked = records.association(benchmark, "model", model)
    if asked is not None:
        yield f"{model} takes part", asked
    asked = records.association(benchmark, "dataset", dataset)
    if asked is not None:
        yield f"{dataset} takes part", asked


def _benchmark(records: Records, entity: Entity) -> Entity | None:
    """The benchmark version that a result or association names."""
    if entity["kind"] not in (Kind.RESULT, Kind.ASSOCIATION):
        return None
    return records.pinned(entity["document"]["benchmark"])


def off_board(records: Records, result: Entity) -> list[str]:
    """Who takes no part any more, where a result that counts is not on its board for that."""
    benchmark, model, dataset = result_ids(result)
    charter = records.shown(Kind.BENCHMARK, benchmark)
    path = "" if charter is None else charter["document"]["cubes"]["reference_model"]["path"]
    reference = bool(path) and parse_path(path).id == model
    absent = [] if reference or _takes_part(records, benchmark, "model", model) else [f"model {model}"]
    return absent + ([] if _takes_part(records, benchmark, "dataset", dataset) else [f"dataset {dataset}"])


def _takes_part(records: Records, benchmark: str, place: Place, subject: str) -> bool:
    asked = records.association(benchmark, place, subject)
    return asked is not None and bool(asked["in_force"])


def script(links: Sequence[Rest], records: Records) -> str:
    """Commands for a shell that check every file of a chain, and every decision that made it count."""
    lines = [CHECK_ALL]
    for link in links:
        lines += _checks(link.entity, records)
        decided = (records.by_path.get(d["path"]) for d in link.decisions)
        lines += [line for decision in decided if decision for line in _checks(decision, records)]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _checks(entity: Entity, records: Records) -> list[str]:
    """A line a signature; all words are of the registry's grammar or hexadecimal: none needs quoting."""
    path = parse_path(entity["path"])
    namespace = path.namespace(records.registry["id"])
    return [
        f"one {entity['commit']} {path} {entity['sha256']} {text} {principal(text)} {namespace}"
        for text in entity["signatures"]
    ]
