"""The site job: `python -m ci.site [FOLDER]` verifies the registry and builds its pages, into `site/`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ci.saying import guarded, say
from ci.told import here
from ci.world import a_home, deps, replayed
from medperf_cli.errors import ExitCode
from medperf_cli.flows.reading.export import export_snapshot
from site_generator.build import build

_ADDRESS = ("MEDPERF_SITE_URL", "CI_PAGES_URL")


def main() -> int:
    """Build what is verified, or fail and leave the old pages where they are."""
    place = here(os.environ)
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "site")
    address = next((os.environ[name] for name in _ADDRESS if os.environ.get(name)), None)
    with a_home() as home:
        replayed(place, home)
        made = build(export_snapshot(deps(place, home)), out, address)
    say([f"{made.pages} pages, {made.bytes / 1e6:.1f} MB, in {out}"])
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(guarded(main))
