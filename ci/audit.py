"""The audit job: `python -m ci.audit` replays the registry from genesis, and looks at main's protections.

It fails where something is wrong: that mails whoever watches the repository, and needs no right to write.
"""

from __future__ import annotations

import os
import sys

from ci.saying import guarded, say, summarize
from ci.told import here
from ci.world import a_home, replayed
from medperf_cli.errors import ExitCode


def main() -> int:
    """Verify everything again as a newcomer would."""
    place = here(os.environ)
    with a_home() as home:
        added = replayed(place, home)
    done = added.synced
    told = [
        f"replayed {done.judged} changes with {done.entities} files from {added.root} to {done.commit}",
        *(["the root has expired: an admin renews it with `medperf registry renew-root`"] * done.expired),
    ]
    say(told)
    summarize("".join(f"- {line}\n" for line in told))
    return ExitCode.FAILED if done.expired else ExitCode.OK


if __name__ == "__main__":
    sys.exit(guarded(main))
