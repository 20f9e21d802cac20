"""What waits for me here: the registry as it is known, and the results that were run at this site."""

from __future__ import annotations

from collections.abc import Iterator

from medperf_cli.adapters.store.index import Index
from medperf_cli.adapters.store.settings import Settings
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.identity import me
from medperf_cli.flows.reading.asked import Asked, read_asked
from medperf_cli.flows.reading.registry import place
from medperf_cli.flows.reading.todo import Item, Known, todo
from medperf_cli.flows.reading.verified_index import reading
from medperf_cli.flows.submitting import outbox


def what_waits(deps: Deps) -> list[Item]:
    """Everything that waits for me; nobody is asked over the network.

    Raises:
        ConfigurationError: no registry is in use, it was never synced, or no member is chosen.

    """
    asked = read_asked(place(deps.settings))
    with reading(deps.settings) as (index, _):
        unsent, key = _unsent(deps, index), _public_key(deps.settings)
        found = todo(Known(index, asked, me(deps.settings), deps.clock(), unsent, key))
    return [*_unsent_items(deps), *found]


def _unsent_items(deps: Deps) -> Iterator[Item]:
    """What was signed and has not arrived."""
    for item in outbox.items(place(deps.settings)):
        why = item.failure.message if item.failure else "not tried yet"
        yield Item("unsent", f"{item.title}: {why}", item.next_step, item.since)


def _public_key(settings: Settings) -> str:
    """The public half of the key in use, where it stands beside it: nobody is asked for a passphrase."""
    if settings.key is None:
        return ""
    file = settings.key.with_name(f"{settings.key.name.removesuffix('.pub')}.pub")
    try:
        return " ".join(file.read_text(encoding="utf-8").split()[:2])
    except (OSError, UnicodeDecodeError):
        return ""


def known_requests(deps: Deps, *, online: bool) -> Asked:
    """What is asked for, as of now or of the last contact (raises as `keep_up`, ConfigurationError)."""
    here = place(deps.settings)
    if not online or deps.settings.offline:
        return read_asked(here)
    from medperf_cli.flows.submitting.desk import keep_up  # noqa: PLC0415 - git and pydantic

    return keep_up(deps)[1]


def _unsent(deps: Deps, index: Index) -> tuple[tuple[str, str, str], ...]:
    """Finished results that fit the associations and were not submitted; mostly nothing was run at all."""
    if not deps.settings.runs.is_dir() or not any(deps.settings.runs.iterdir()):
        return ()
    from medperf_cli.adapters.executor.spool import Spool  # noqa: PLC0415 - start-up time
    from medperf_cli.flows.running.local_results import local_results  # noqa: PLC0415 - as above

    found = local_results(Spool(deps.settings.home, clock=deps.clock), index, me(deps.settings))
    return tuple((r.uid, r.model, r.dataset.entity.id) for r in found if r.submittable)
