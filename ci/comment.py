"""The comment job: `python -m ci.comment` keeps the status comment of the request that was checked."""

from __future__ import annotations

import os
import sys

from ci.saying import guarded, say
from ci.told import here, ran
from ci.world import a_home, deps
from medperf_cli.adapters.store.remote import init
from medperf_cli.errors import ExitCode, UsageError
from medperf_cli.flows.hosting.connecting import connected, hosted_address
from medperf_cli.flows.hosting.pull_comment import Commenter
from medperf_cli.render.status import as_comment

_NOBODY = "no open request stands at the commit that was checked, or it leaves the registry alone"


def main() -> int:
    """Find the request, judge it again, comment; a request that moved on is left to its own run."""
    place, run = here(os.environ), ran(os.environ)
    with a_home() as home, init(home / "objects.git") as store:
        world = deps(place, home)
        address = hosted_address(world.settings, place.url)
        if address is None:
            raise UsageError(f"'{place.url}' has no web interface to comment in", hint="see MEDPERF_FORGE")
        api, token = connected(world.settings, place.url, address)
        commenter = Commenter(api, place.url, as_comment, world.clock, token)
        pull = commenter.standing_at(run.source, run.branch, run.head)
        status = None if pull is None else commenter.comment(store, pull)
    say([_NOBODY if status is None else f"request {status.number}: {status.fate}"])
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(guarded(main))
