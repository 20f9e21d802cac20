"""The salted hash of prepared data: fixed for ever, and the same by stock tools."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medperf_cli.core.dataset_hash import FileEntry, dataset_hash, line
from medperf_cli.errors import IntegrityError

SALT = bytes(range(32))
ENTRIES = [
    FileEntry(hashlib.sha256(b"one").hexdigest(), 3, "data/b.csv"),
    FileEntry(hashlib.sha256(b"two").hexdigest(), 3, 'data/a "quoted"\n\\é.csv'),
    FileEntry(hashlib.sha256(b"").hexdigest(), 0, "labels/empty"),
]


def test_the_hash_is_fixed() -> None:
    assert dataset_hash(ENTRIES, SALT) == "4e422b1979103f87719e4f3ceb1ed0002ee08c82736cf7ee4a65ba04125892b8"


def test_stock_tools_agree(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"".join(map(line, ENTRIES)))
    command = (
        "LC_ALL=C sort lines | openssl dgst -sha256 -binary |"
        f" openssl dgst -sha256 -mac HMAC -macopt hexkey:{SALT.hex()}"
    )
    told = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert told.stdout.split()[-1] == dataset_hash(ENTRIES, SALT)


def test_a_line_quotes_as_json_does() -> None:
    digest = hashlib.sha256(b"two").hexdigest()
    assert line(ENTRIES[1]).decode() == f'{digest} 3 "data/a \\"quoted\\"\\n\\\\é.csv"\n'


def test_decomposed_names_hash_as_composed_ones_and_may_not_stand_beside_them() -> None:
    composed, decomposed = (ENTRIES[0]._replace(path=p) for p in ("data/\u00fc", "data/u\u0308"))
    assert dataset_hash([composed], SALT) == dataset_hash([decomposed], SALT)
    with pytest.raises(IntegrityError, match="two files"):
        dataset_hash([composed, decomposed], SALT)


@given(st.permutations(ENTRIES), st.integers(0, 2), st.sampled_from(["sha256", "size", "path"]))
@settings(deadline=None, max_examples=30)
def test_order_does_not_matter_and_everything_else_does(
    entries: list[FileEntry], at: int, field: str
) -> None:
    known = dataset_hash(ENTRIES, SALT)
    assert dataset_hash(entries, SALT) == known
    other: Any = {"sha256": "0" * 64, "size": 99, "path": "data/other"}[field]
    changed = [e._replace(**{field: other}) if n == at else e for n, e in enumerate(entries)]
    assert dataset_hash(changed, SALT) != known
    assert dataset_hash(entries, SALT[::-1]) != known
    assert dataset_hash(entries[1:], SALT) != known


@pytest.mark.parametrize(
    "entry",
    [
        FileEntry("A" * 64, 1, "data/a"),
        FileEntry("0" * 63, 1, "data/a"),
        FileEntry("0" * 64, -1, "data/a"),
        FileEntry("0" * 64, 1, ""),
        FileEntry("0" * 64, 1, "data/\udcff"),
    ],
)
def test_what_is_not_an_entry_is_refused(entry: FileEntry) -> None:
    with pytest.raises(IntegrityError):
        dataset_hash([entry], SALT)


def test_no_files_and_a_short_salt_are_refused() -> None:
    with pytest.raises(IntegrityError, match="no prepared files"):
        dataset_hash([], SALT)
    with pytest.raises(IntegrityError, match="32 bytes, not 31"):
        dataset_hash(ENTRIES, SALT[1:])
