"""The audit job: `python -m ci.audit` replays the registry from genesis, and compares main's protections.

It fails where something is wrong: that mails whoever watches the repository, and needs no right to write.
What the token of the job may not see is said, and is no failure.
"""

from __future__ import annotations

import os
import sys

from ci.saying import guarded, say, summarize
from ci.told import here
from ci.world import a_home, deps, pinned_root, replayed
from medperf_cli.core.quoting import code
from medperf_cli.errors import ExitCode
from medperf_cli.flows.doctor.checkup import rows_of, worst
from medperf_cli.flows.doctor.finding import State
from medperf_cli.flows.doctor.registry_host import host_checkup
from medperf_cli.render.doctor import as_text


def main() -> int:
    """Verify everything again as a newcomer would, then look at how it is hosted."""
    place = here(os.environ)
    with a_home() as home:
        added = replayed(place, home)
        hosted = host_checkup(deps(place, home), place.url, pinned_root())
    done, rows = added.synced, rows_of(hosted)
    told = [
        f"replayed {done.judged} changes with {done.entities} files from {added.root} to {done.commit}",
        *(["the root has expired: an admin renews it with `medperf registry renew-root`"] * done.expired),
    ]
    say([*told, *as_text(rows).splitlines()])
    shown = (f"{row['state']} {row['check']}: {code(row['found'])}" for row in rows)
    summarize("".join(f"- {line}\n" for line in (*told, *shown)))
    return ExitCode.FAILED if done.expired or worst(hosted) is State.FAIL else ExitCode.OK


if __name__ == "__main__":
    sys.exit(guarded(main))
