"""The salted hash that names prepared data in the registry without telling anything about its files."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from medperf_cli.errors import IntegrityError

SALT_BYTES = 32
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class FileEntry(NamedTuple):
    """One prepared file: SHA-256 (64 lower-case hex digits), size in bytes, path with `/` between names."""

    sha256: str
    size: int
    path: str


def line(entry: FileEntry) -> bytes:
    r"""One line of the list of files: `<sha256> <size> <JSON-quoted path>\n` in UTF-8.

    The path is brought to Unicode NFC, so data copied through a file system that decomposes names keeps
    its hash. JSON quotes it (RFC 8259) with only `"`, `\` and control characters escaped.

    Raises:
        IntegrityError: a figure cannot be, or the name is not text.

    """
    if not _SHA256.match(entry.sha256) or entry.size < 0 or not entry.path:
        raise IntegrityError(f"'{entry}' is not an entry of a list of files")
    path = json.dumps(unicodedata.normalize("NFC", entry.path), ensure_ascii=False)
    try:
        return f"{entry.sha256} {entry.size} {path}\n".encode()
    except UnicodeEncodeError as error:
        raise IntegrityError(
            f"file name {entry.path!a} is not UTF-8 text",
            hint="rename the file, then run the command again",
        ) from error


def dataset_hash(entries: Iterable[FileEntry], salt: bytes) -> str:
    """The hash of prepared data.

    HMAC-SHA256 (RFC 2104); key: the 32 bytes of `salt`; message: the 32 raw bytes (not hex) of the SHA-256
    over all lines, sorted as bytes and joined. Without the salt, which stays at the site, nobody can test
    whether a file they know is in the data. By stock tools:
    `LC_ALL=C sort lines | openssl dgst -sha256 -binary |
    openssl dgst -sha256 -mac HMAC -macopt hexkey:<salt>`.

    Args:
        entries: all files under `data/`, `labels/` and `metadata/`, in any order.
        salt: 32 random bytes, made once per dataset and kept.

    Returns: 64 lower-case hex digits.

    Raises:
        IntegrityError: no files, two of one path, a name that is not text, or a salt of another length.

    """
    if len(salt) != SALT_BYTES:
        raise IntegrityError(
            f"a salt has {SALT_BYTES} bytes, not {len(salt)}", hint="restore the site's salt file"
        )
    listed = list(entries)
    if not listed:
        raise IntegrityError("there are no prepared files to hash", hint="prepare the dataset first")
    _refuse_twins(listed)
    digest = hashlib.sha256(b"".join(sorted(line(entry) for entry in listed))).digest()
    return hmac.new(salt, digest, hashlib.sha256).hexdigest()


def _refuse_twins(entries: list[FileEntry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        path = unicodedata.normalize("NFC", entry.path)
        if path in seen:
            raise IntegrityError(
                f"two files are named '{path}'", hint="names may not differ in Unicode form only"
            )
        seen.add(path)
