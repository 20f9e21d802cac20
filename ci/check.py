"""The check job: `python -m ci.check` judges the request of its event as one change against main.

The report goes into `report/` and the run's page. It fails where the check rejects, so that a forge that asks
for it lets nobody merge; whether it is AUTO or waits for people, the merge bot finds out itself.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from ci.saying import guarded, say, summarize
from ci.told import Asked, Here, asked, here
from medperf_cli.adapters.credentials import token_for
from medperf_cli.adapters.forge.api import HEADS
from medperf_cli.adapters.store.remote import init
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.check.findings import Verdict
from medperf_cli.errors import ExitCode
from medperf_cli.flows.hosting.pull_check import RECENT, WHOLE, PullCheck, bring, check_pull, is_cut
from medperf_cli.render.findings import as_json, as_markdown, as_text

REPORT = Path("report")
_ELSEWHERE = "It touches nothing in registry/, so there is nothing to judge here.\n"
_MOVED = "the request moved on meanwhile; the run for its new head says what is so"


def main() -> int:
    """Judge, report, and return the exit code: 0 (it may enter, or waits for people), 1 (rejected)."""
    place, request = here(os.environ), asked(os.environ)
    with tempfile.TemporaryDirectory(prefix="medperf-check-") as folder:
        init(Path(folder) / "objects.git").close()
        found = _judged(place, request, Path(folder) / "objects.git")
    if found is None:
        say([_MOVED])
        return ExitCode.FAILED
    _report(found)
    return ExitCode.FAILED if found.verdict is Verdict.REJECT else ExitCode.OK


def _judged(place: Here, request: Asked, path: Path) -> PullCheck | None:
    """The request by what is recent; what that rejects, by the whole history. None where it moved on."""
    token, begin, found = token_for(place.url, None), time.monotonic(), None
    for depth in (RECENT, WHOLE):
        with GitStore(path) as store:
            heads = HEADS[place.vendor]
            main_, head = bring(store, place.url, request.number, heads, token, depth=depth)
            fetched = time.monotonic()
            if head != request.head:
                return None
            found = check_pull(store, request.number, main_, head)
            say([f"fetched in {fetched - begin:.1f} s, judged in {time.monotonic() - fetched:.2f} s"])
            if found.verdict is not Verdict.REJECT or not is_cut(store):
                break
    return found


def _report(found: PullCheck) -> None:
    heading = f"Request {found.number} at `{found.head}` against main at `{found.main}`\n\n"
    findings = as_markdown(found.report).partition("\n\n")[2]
    page = heading + (f"**{found.verdict.name}**\n\n{findings}" if found.concerned else _ELSEWHERE)
    known = {"request": found.number, "main": found.main, "head": found.head, "concerned": found.concerned}
    judged = {**json.loads(as_json(found.report)), "verdict": found.verdict.name}
    REPORT.mkdir(exist_ok=True)
    (REPORT / "report.json").write_text(json.dumps({**known, **judged}, indent=2) + "\n", "utf-8")
    (REPORT / "report.md").write_text(page, "utf-8")
    summarize(page)
    say([*as_text(found.report.findings).splitlines(), found.verdict.name if found.concerned else _ELSEWHERE])


if __name__ == "__main__":
    sys.exit(guarded(main))
