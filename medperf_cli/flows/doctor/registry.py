"""Checks of the registry in use: there, verified, reachable, current; and the clock beside it."""

from __future__ import annotations

import datetime as dt

from medperf_cli.adapters.credentials import token_for
from medperf_cli.adapters.store.remote import head_of
from medperf_cli.core.names import Kind
from medperf_cli.flows.doctor.finding import Finding, World, fail, ok, warn
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.reading.verified_index import reading

_SECONDS = 6.0
_OLD_DAYS = 30
_SOON_DAYS = 90
_FIRST_YEAR = 2025
_NONE = "no registry is in use"
_ADD = "add one: `medperf registry add URL --root sha256:...`"


def registry(world: World) -> Finding:
    """A registry is in use, its index can be read, and it was synced lately (raises as `reading`)."""
    settings = world.deps.settings
    if settings.registry is None:
        return warn(_NONE, _ADD)
    with reading(settings) as (_, meta):
        pass
    if not meta.verified_commit:
        return fail(f"{settings.registry} was never verified", "run `medperf registry sync`")
    synced = dt.datetime.fromtimestamp(place(settings).lock.stat().st_mtime, dt.UTC)
    days = (world.deps.clock() - synced).days
    text = f"{settings.registry} from {meta.address}, verified up to {meta.verified_commit[:12]}"
    if days > _OLD_DAYS:
        return warn(f"{text}, synced {days} days ago", "run `medperf registry sync`")
    return ok(f"{text}, synced {max(0, days)} days ago")


def reachable(world: World) -> Finding:
    """The registry's address answers within seconds."""
    settings = world.deps.settings
    if settings.registry is None:
        return ok("nothing to ask")
    with reading(settings) as (_, meta):
        pass
    if world.offline:
        return ok(f"not asked: {meta.address} (--offline)")
    head = head_of(meta.url, seconds=_SECONDS, token=token_for(meta.url, settings.forge_token_file))
    if head is None:
        return fail(
            f"{meta.address} answers, and has no branch 'main'", "ask the registry's admins for its address"
        )
    return ok(f"{meta.address} answers" + ("" if head == meta.verified_commit else "; there is news to sync"))


def root(world: World) -> Finding:
    """The root in force has not expired, and will not soon."""
    settings = world.deps.settings
    if settings.registry is None:
        return ok("nothing to look at")
    with reading(settings) as (index, _):
        expires = str(index.get(Kind.ROOT, "").document["expires"])
    when = dt.datetime.strptime(expires, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
    left = (when - world.deps.clock()).days
    if left < 0:
        return fail(
            f"the root expired on {expires}: nothing is published under it",
            "its admins renew it: `medperf registry renew-root`",
        )
    if left < _SOON_DAYS:
        return warn(f"the root expires in {left} days", "tell the registry's admins: they must renew it")
    return ok(f"the root holds until {expires}")


def clock(world: World) -> Finding:
    """This machine's clock is not before the last change in the registry, nor before this tool was made."""
    now = world.deps.clock()
    repair = "set the clock: `timedatectl set-ntp true`, or ask who runs this machine"
    if now.year < _FIRST_YEAR:
        return fail(f"the clock says {now:%F %H:%M} UTC", repair)
    settings = world.deps.settings
    if settings.registry is None:
        return ok(f"{now:%F %H:%M} UTC (no registry to compare it with)")
    with reading(settings) as (_, meta):
        last = dt.datetime.fromtimestamp(meta.clock, dt.UTC)
    if now < last:
        return fail(
            f"the clock says {now:%F %H:%M} UTC, before the registry's last change of {last:%F %H:%M}",
            repair,
        )
    return ok(f"{now:%F %H:%M} UTC, after the registry's last change")
