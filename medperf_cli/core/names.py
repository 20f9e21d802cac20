"""Names, ids and the grammar of paths in a registry; nothing here reads a file."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from functools import lru_cache

REGISTRY_DIR = "registry"
GITATTRIBUTES = ".gitattributes"
GITATTRIBUTES_BYTES = b"* -text\n"

NAME_PATTERN = r"(?=.{2,32}\Z)[a-z0-9]+(-[a-z0-9]+)*\Z"
_NAME = re.compile(NAME_PATTERN)
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))]
)
_VERSION = re.compile(r"[1-9][0-9]{0,5}\Z")
_MAX_PATH = 400


class Kind(enum.StrEnum):
    """The kinds of signed files; the value is the word in `schema` and in signature namespaces."""

    ROOT = "root"
    MEMBER = "member"
    CUBE = "cube"
    BENCHMARK = "benchmark"
    DATASET = "dataset"
    ASSOCIATION = "association"
    RESULT = "result"
    RELEASE = "release"
    DECISION = "decision"
    RECORDED = "recorded"
    REDACTION = "redaction"

    __hash__ = str.__hash__  # paths are looked up by the thousand, and Enum's own is written in Python


FOLDERS: dict[Kind, str] = {
    Kind.ROOT: "root",
    Kind.MEMBER: "members",
    Kind.CUBE: "cubes",
    Kind.BENCHMARK: "benchmarks",
    Kind.DATASET: "datasets",
    Kind.ASSOCIATION: "associations",
    Kind.RESULT: "results",
    Kind.RELEASE: "releases",
    Kind.DECISION: "decisions",
    Kind.RECORDED: "recorded",
    Kind.REDACTION: "redactions",
}
KINDS: dict[str, Kind] = {folder: kind for kind, folder in FOLDERS.items()}

_ID_LENGTH: dict[Kind, int] = {
    Kind.ROOT: 0,
    Kind.MEMBER: 1,
    Kind.CUBE: 2,
    Kind.BENCHMARK: 2,
    Kind.DATASET: 2,
    Kind.ASSOCIATION: 5,
    Kind.RESULT: 6,
    Kind.RELEASE: 2,
    Kind.REDACTION: 0,
}
SUBJECT_FOLDERS = ("datasets", "models")
VOTES = (Kind.DECISION, Kind.RECORDED)
"""Kinds of files about other files: a member's signed word, and a forge's."""
UNDECIDABLE = frozenset({Kind.ROOT, Kind.DECISION, Kind.RECORDED, Kind.REDACTION})
"""Kinds no decision may be about."""


class PathError(ValueError):
    """A path does not fit the grammar; the text says where."""


def is_name(text: str) -> bool:
    """Whether `text` may stand as one name in a path (2 to 32 of a-z, 0-9 and single inner hyphens)."""
    return bool(_NAME.match(text)) and text not in _RESERVED


@dataclass(frozen=True, order=True, slots=True)
class EntityPath:
    """Where one version of one entity stands, relative to `registry/`.

    `id` is what stands between folder and version (`mgh/chest-ct`; empty for root and redaction).
    For a decision or recorded approval it is the subject's path without `.yml`, then the member.
    """

    kind: Kind
    id: str
    version: int

    def __hash__(self) -> int:
        # Of what tells paths apart the id is most, and its hash is kept by Python.
        return hash(self.id) + self.version

    def __str__(self) -> str:
        middle = f"{self.id}/" if self.id else ""
        return f"{FOLDERS[self.kind]}/{middle}{self.version}.yml"

    @property
    def stem(self) -> str:
        """The path without `.yml`."""
        return str(self)[: -len(".yml")]

    @property
    def parts(self) -> tuple[str, ...]:
        """The names in the id."""
        return tuple(self.id.split("/")) if self.id else ()

    @property
    def subject(self) -> EntityPath:
        """What a decision or recorded approval is about.

        Raises:
            PathError: for any other kind.

        """
        if self.kind not in VOTES:
            raise PathError(f"'{self}' is not about another file")
        return parse_path(self.id.rpartition("/")[0] + ".yml")

    @property
    def signer(self) -> str | None:
        """The member who must sign it; None where admins or the recorder do (root, redaction, recorded)."""
        match self.kind:
            case Kind.ROOT | Kind.REDACTION | Kind.RECORDED:
                return None
            case Kind.ASSOCIATION:
                return self.parts[3]
            case Kind.RESULT:
                return self.parts[4]
            case Kind.DECISION:
                return self.parts[-1]
            case _:
                return self.parts[0]

    def at(self, version: int) -> EntityPath:
        """The same entity at another version."""
        return EntityPath(self.kind, self.id, version)

    def namespace(self, registry: str) -> str:
        """The SSHSIG namespace of signatures over this file (from the path, never from the file)."""
        return f"{self.kind}.v1@{registry}"


@dataclass(frozen=True, order=True, slots=True)
class SignaturePath:
    """A signature beside an entity; `admin` names the signer for root and redaction files."""

    entity: EntityPath
    admin: str | None = None

    def __str__(self) -> str:
        middle = f".{self.admin}" if self.admin else ""
        return f"{self.entity.stem}{middle}.sig"


def signature_path(entity: EntityPath, signer: str | None = None) -> SignaturePath:
    """The path of the signature of `entity`; for root and redaction, the one made by admin `signer`."""
    if entity.kind in (Kind.ROOT, Kind.REDACTION):
        if signer is None:
            raise PathError(f"'{entity}' has one signature per admin; name the admin")
        return SignaturePath(entity, signer)
    return SignaturePath(entity)


def entity_path(kind: Kind, entity_id: str, version: int) -> EntityPath:
    """Build a path and check it against the grammar (raises PathError)."""
    return parse_path(str(EntityPath(kind, entity_id, version)))


@lru_cache(maxsize=16_384)
def parse_path(text: str) -> EntityPath:
    """Read the path of an entity relative to `registry/`, such as `cubes/mgh/unet/1.yml`.

    Rules ask for the same few hundred pins again and again: the last ones are kept.

    Raises:
        PathError: when it does not fit the grammar, saying what was expected.

    """
    if len(text) > _MAX_PATH:
        raise PathError(f"path is longer than {_MAX_PATH} characters")
    if not text.endswith(".yml"):
        raise PathError(f"'{text}' does not end in '.yml'")
    folder, *names = text[: -len(".yml")].split("/")
    kind = KINDS.get(folder)
    if kind is None:
        raise PathError(f"'{folder}' is not a folder of a registry")
    if not names or not _VERSION.match(names[-1]):
        raise PathError(f"'{text}' does not end in a version number from 1")
    *names, version = names
    _check_names(kind, names, text)
    return EntityPath(kind, "/".join(names), int(version))


def parse_signature_path(text: str) -> SignaturePath:
    """Read the path of a signature relative to `registry/` (raises PathError)."""
    if not text.endswith(".sig"):
        raise PathError(f"'{text}' does not end in '.sig'")
    stem = text[: -len(".sig")]
    head, _, last = stem.rpartition("/")
    version, dot, admin = last.partition(".")
    entity = parse_path(f"{head}/{version}.yml")
    many = entity.kind in (Kind.ROOT, Kind.REDACTION)
    if many != bool(dot):
        expected = "'<N>.<admin>.sig'" if many else "'<N>.sig'"
        raise PathError(f"'{text}' is not a signature path: expected {expected}")
    if dot and not is_name(admin):
        raise PathError(f"'{admin}' is not a member's name")
    return SignaturePath(entity, admin or None)


def _check_names(kind: Kind, names: list[str], text: str) -> None:
    if kind in VOTES:
        if len(names) < 3:  # noqa: PLR2004 - folder, version, member at the least
            raise PathError(f"'{text}' names no subject and member")
        *subject, member = names
        about = parse_path("/".join(subject) + ".yml")
        if about.kind in UNDECIDABLE:
            raise PathError(f"'{text}': a {about.kind} is not decided on by a {kind} file")
        names = [member]
    elif len(names) != _ID_LENGTH[kind]:
        raise PathError(f"'{text}' has {len(names)} names where a {kind} has {_ID_LENGTH[kind]}")
    if kind is Kind.ASSOCIATION and names[2] not in SUBJECT_FOLDERS:
        raise PathError(f"'{text}': expected 'datasets' or 'models', not '{names[2]}'")
    for name in names:
        if not is_name(name):
            raise PathError(f"'{name}' is not a name: 2 to 32 of a-z, 0-9 and single inner hyphens")
