"""A hosted registry with a cube that names a patient, and admins who take it out of history."""

from __future__ import annotations

from collections.abc import Mapping

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.entities.parsing import parse
from medperf_cli.core.entities.redaction import Redaction
from medperf_cli.core.names import Kind, parse_path, signature_path
from medperf_cli.core.requests import MAIN
from medperf_cli.flows.hosting.redacting import Applied, Plan, apply, plan
from medperf_cli.flows.reading.listing import listed
from tests.support.acting import act, decide, root, write
from tests.support.hosting import Hosted
from tests.support.keys import member_key
from tests.support.office import Office
from tests.support.world import REGISTRY

NAMED = "cubes/acme/forest/1.yml"
PATIENT = "Trained on Jane Doe"


def named_patient(host: Hosted) -> None:
    """Format 2; a cube whose description names a patient, and things before and after it."""
    enter(host, root(2, "ada", format=2))
    enter(host, write("cubes/acme/tree/1.yml"))
    enter(host, write(NAMED, description=PATIENT))
    enter(host, write("cubes/st-mary/own/1.yml"))
    enter(host, write("cubes/acme/forest/2.yml", description="No patient"))
    enter(host, write("members/zoe/1.yml"), decide("ada", "members/zoe/1.yml", under="root/2.yml"))


def enter(host: Hosted, *actions: dict[str, object]) -> str:
    return host.enter(act(host.world, *actions).added)


def planned(store: GitStore, *paths: str) -> Plan:
    return plan(store, store.rev(MAIN) or "", [parse_path(p) for p in paths], "it named a patient")


def signed(made: Plan, **by: str) -> dict[str, bytes]:
    """The draft's file with signatures; `by` names a key for each admin."""
    files = {str(made.path): made.data}
    for admin, key in by.items():
        armor = member_key(key).sign(made.data, made.path.namespace(REGISTRY))
        files[str(signature_path(made.path, admin))] = armor
    return files


def applied(store: GitStore, made: Plan, files: Mapping[str, bytes]) -> Applied:
    redaction = parse(made.path, made.data)
    assert isinstance(redaction, Redaction)
    return apply(store, redaction, files)


def redact(store: GitStore, *paths: str) -> Applied:
    made = planned(store, *paths)
    return applied(store, made, signed(made, ada="ada"))


def cubes(who: Office) -> set[str]:
    return {row["path"] for row in listed(who.deps, Kind.CUBE, Filter(in_force=None))}


def from_now(told: Hosted) -> None:
    """Make the world what main holds now."""
    with told.store() as store:
        snapshot = store.snapshot(told.main())
        told.world.files = {path: snapshot.get(path) or b"" for path in snapshot.list("")}
        told.world.trees.insert(0, store.registry_tree(told.main()) or "")
