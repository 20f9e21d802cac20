"""The merge job: `python -m ci.merge` is one round of the bot, as `medperf bot run URL --once` makes it.

What it prints is for a log that takes orders, so it goes through `ci.saying`; the rest is the command's.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ci.saying import guarded, say, summarize
from ci.told import here
from ci.world import ROOT, a_home, deps
from medperf_cli.adapters.keys.base import Signer
from medperf_cli.adapters.keys.lent import lent_key
from medperf_cli.errors import ExitCode, UsageError
from medperf_cli.flows.hosting.hosted_bot import Round
from medperf_cli.flows.hosting.hosted_run import run_hosted
from medperf_cli.render.findings import code
from medperf_cli.render.status import as_comment

_KEY = "MEDPERF_RECORDER_KEY"


def main() -> int:
    """Merge what may be merged, and say below each request how it stands."""
    place, root = here(os.environ), os.environ.get(ROOT, "")
    if not root:
        raise UsageError(
            f"no root is pinned in {ROOT}", hint="put the registry's fingerprint there: sha256:..."
        )
    with a_home() as home, _recorder() as signer:
        done = run_hosted(deps(place, home), place.url, root, as_comment, signer)
    _report(done)
    return ExitCode.PARTIAL if done.troubles else ExitCode.OK


@contextlib.contextmanager
def _recorder() -> Iterator[Signer | None]:
    """The recorder's key, where the environment holds one; git and all else no longer find it there.

    GitLab hands over a secret of several lines as a file, whose path is in the variable.
    """
    text = os.environ.pop(_KEY, "")
    if text.startswith("/") and Path(text).is_file():
        text = Path(text).read_text("utf-8", "replace")
    if not text.strip():
        yield None
        return
    with lent_key(text) as signer:
        yield signer


def _report(done: Round) -> None:
    for outcome in done.outcomes:
        commit = f" as {outcome.commit}" if outcome.commit else ""
        say([f"request {outcome.id} {outcome.fate}{commit}"])
        summarize(f"- request {outcome.id}: **{outcome.fate}**{commit}\n")
    for what, error in done.troubles:
        say([f"{what}: {error.message}", *([f"next: {error.hint}"] if error.hint else [])])
        summarize(f"- {code(what)}: {code(error.message)}\n")
    if not done.outcomes:
        say(["no request is open"])


if __name__ == "__main__":
    sys.exit(guarded(main))
