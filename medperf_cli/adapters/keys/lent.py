"""A private key that came as text, such as a secret of a CI, as a file for as long as it is needed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from medperf_cli.adapters.files import writing
from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner


@contextlib.contextmanager
def lent_key(text: str) -> Iterator[SshKeygenSigner]:
    """Sign with a private key given as text; its file (mode 0600) is gone when the block ends.

    What a CI does to a secret is undone: line ends, and the missing newline at the end that OpenSSH wants.
    """
    with tempfile.TemporaryDirectory(prefix="medperf-key-") as folder:  # mode 0700
        file = Path(folder) / "key"
        with writing(file):
            file.touch(mode=0o600)
            file.write_text(f"{text.replace(chr(13), '').strip()}\n", encoding="utf-8")
        yield SshKeygenSigner(file)
