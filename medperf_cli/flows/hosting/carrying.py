"""The registry in one file that anybody may carry to a machine without a network."""

from __future__ import annotations

from pathlib import Path

from medperf_cli.adapters.store.bundles import scratch, write_bundle
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.requests import MAIN
from medperf_cli.errors import IntegrityError, UsageError
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.hosting.upstream import HERE
from medperf_cli.flows.reading.registry import VERIFIED, place


def export_registry(deps: Deps, file: Path) -> str:
    """Write the verified main and the requests of the last contact into a git bundle; main's commit.

    Raises:
        UsageError: the file is there already.
        IntegrityError: nothing was verified here yet.
        ConfigurationError: no registry is in use, or the file cannot be written.

    """
    if file.exists():
        raise UsageError(f"'{file}' is there already", hint="name a new file")
    with GitStore(place(deps.settings).mirror) as store, scratch(store) as own:
        main = store.rev(VERIFIED)
        if main is None:
            raise IntegrityError("nothing is verified here yet", hint="run `medperf registry sync` first")
        pulls = store.refs(f"{HERE}pull").items()
        refs = {MAIN: main} | {f"refs/{name.removeprefix(HERE)}": commit for name, commit in pulls}
        for ref, commit in refs.items():
            own.update_ref(ref, commit, None)
        write_bundle(own, file, sorted(refs))
    return main
