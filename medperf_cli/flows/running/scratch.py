"""A folder for the scratch files of one command, removed at its end, or by the next one if it was killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from medperf_cli.adapters.files import writing
from medperf_cli.adapters.store.locks import exclusive
from medperf_cli.errors import ConflictError

_SECONDS = 60.0


@contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """A new folder below `root`; those whose process is gone are removed first: they may hold patient data.

    Raises:
        ConfigurationError: `root` cannot be written to.

    """
    with ExitStack() as held:
        with exclusive(root / "lock", "making a scratch folder", wait=_SECONDS):
            _sweep(root)
            with writing(root):
                folder = Path(tempfile.mkdtemp(prefix="command-", dir=root))
            held.callback(shutil.rmtree, folder, ignore_errors=True)
            held.enter_context(exclusive(folder / "lock", "running cubes"))
        yield folder


def _sweep(root: Path) -> None:
    for folder in root.glob("command-*"):
        try:
            with exclusive(folder / "lock", "removing a scratch folder"):
                shutil.rmtree(folder, ignore_errors=True)
        except ConflictError:
            continue  # its command still runs
