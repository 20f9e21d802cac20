"""Field types shared by all kinds: bounded text, digests, times, urls, pins and assets."""

from __future__ import annotations

import enum
import functools
import re
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from medperf_cli.core import names
from medperf_cli.core.sshsig import parse_public_key
from medperf_cli.errors import SignatureError

_DIGITS = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z\Z")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_URL = re.compile(r"https://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+\Z")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?\Z")
"""Its last label starts with a letter: one that starts with a digit may be a numeric address."""
_LOCAL_SUFFIXES = (
    *(".local", ".localhost", ".localdomain", ".internal", ".lan", ".home", ".corp", ".intranet"),
    *(".invalid", ".arpa", ".onion", ".test"),
)


class Record(BaseModel):
    """A frozen mapping with known fields only; the order of fields is the order in the file."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        populate_by_name=False,
        allow_inf_nan=False,
        defer_build=True,  # start-up time: hardly a command needs all kinds
    )

    def document(self) -> dict[str, Any]:
        """The record as plain values: keys in schema order, free mappings sorted, absent fields left out."""
        values = self.__dict__
        pairs = ((key, values[name]) for key, name in _keys(type(self)))
        return {key: v if type(v) in _PLAIN else _plain(v) for key, v in pairs if v is not None}


_PLAIN = frozenset({str, int, float, bool})


@functools.cache
def _keys(record: type[Record]) -> tuple[tuple[str, str], ...]:
    """A record's keys in the file, each with the name of its field."""
    return tuple((info.alias or name, name) for name, info in record.model_fields.items())


def _plain(value: Any) -> Any:
    match value:
        case Record():
            return value.document()
        case dict():
            return {key: _plain(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [v if type(v) in _PLAIN else _plain(v) for v in value]
        case enum.Enum():
            return value.value
        case _:
            return value


def _name(text: str) -> str:
    if not names.is_name(text):
        raise ValueError(f"'{text}' is not a name: 2 to 32 of a-z, 0-9 and single inner hyphens")
    return text


def _path(text: str) -> str:
    names.parse_path(text)
    return text


def _stripped(text: str) -> str:
    if text != text.strip():
        raise ValueError("starts or ends with white space")
    return text


def _one_line(text: str) -> str:
    if "\n" in text:
        raise ValueError("must be one line")
    return _stripped(text)


def _time(text: str) -> str:
    return text if _is_time(text) else _spelled_time(text)


def _is_time(text: str) -> bool:
    """Whether a time is right, quickly; no more than whether there is such a day is left to the library."""
    try:
        return bool(_DIGITS.match(text)) and bool(datetime.fromisoformat(text[:10]))
    except ValueError:
        return False


def _spelled_time(text: str) -> str:
    try:
        parsed = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"'{text}' is not a UTC time such as 2026-01-31T12:00:00Z") from None
    if parsed.strftime(_TIME) != text:
        raise ValueError(f"'{text}' is not written as 2026-01-31T12:00:00Z")
    return text


def _url(text: str) -> str:
    """A public https address, by its syntax; `urlsplit` alone drops line breaks and keeps odd characters."""
    if not _URL.match(text):
        raise ValueError(f"'{text}' is not a plain https:// address")
    split = urlsplit(text)
    host = split.hostname or ""
    if "@" in split.netloc or split.port == 0:  # a port that is no number raises ValueError here
        raise ValueError(f"'{text}' is not a plain https:// address")
    if not _HOST.match(host) or host.endswith(_LOCAL_SUFFIXES):
        raise ValueError(f"'{host}' is not a public host name (numeric addresses are none)")
    return text


def _public_key(text: str) -> str:
    try:
        parse_public_key(text)
    except SignatureError as error:
        raise ValueError(error.message) from None
    return text


def _mount(text: str) -> str:
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts or str(path) != text or text == "/" or ":" in text:
        raise ValueError(f"'{text}' is not an absolute, normal path inside a container")
    return text


Name = Annotated[str, AfterValidator(_name)]
Path = Annotated[str, Field(max_length=400), AfterValidator(_path)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Text = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_stripped)]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*([_-][a-z0-9]+)*$", max_length=48)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ImageDigest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
RegistryId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
TreeId = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Time = Annotated[str, AfterValidator(_time)]
Url = Annotated[str, Field(max_length=400), AfterValidator(_url)]
Mailbox = Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", max_length=200)]
PublicKeyText = Annotated[str, Field(max_length=2000), AfterValidator(_public_key)]
MountPath = Annotated[str, Field(max_length=400), AfterValidator(_mount)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Pin(Record):
    """One exact file of the registry: its path and the SHA-256 of its bytes."""

    path: Path
    sha256: Sha256

    @property
    def entity(self) -> names.EntityPath:
        """The path, parsed."""
        return names.parse_path(self.path)


class Asset(Record):
    """A file kept outside the registry, known by its SHA-256 and size in bytes."""

    sha256: Sha256
    size: Count
    urls: Annotated[tuple[Url, ...], Field(max_length=8, strict=False)] = ()
