"""A user's settings: one YAML file per profile below `~/.medperf` (`MEDPERF_HOME`), each overridable."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import write_atomic
from medperf_cli.adapters.store.profiles import chosen, home_folder
from medperf_cli.errors import ConfigurationError, UsageError

FORGES = ("auto", "bare", "github", "gitlab", "forgejo")
"""What `forge` may be."""
_PATHS = ("key", "forge_token_file")
LISTS = ("assets",)
"""Settings that have several values."""
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_NUMBERS = ("timeout_minutes", "minimum_cell", "parallel", "output_gigabytes")
_LARGEST = 1_000_000
"""Of any of these; a number beyond is a slip of the finger."""
_WORD = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_REPAIR = "repair the file, or remove it: then the defaults hold"


@dataclass(frozen=True)
class Settings:
    """What one profile says; environment variables `MEDPERF_<FIELD>` win over the file.

    `assets` are folders searched for files by SHA-256 (a share, a USB stick). `timeout_minutes` bounds one
    task. `minimum_cell` raises the smallest cell (patients) that may leave this site; nothing lowers it.
    `output_gigabytes` lowers what one task may write (GiB; else half of what is free). `cube_writable_root`
    lets a cube that needs it write to an ephemeral root file system. `offline` keeps what is signed in the
    outbox, and asks no registry's remote unless told to.

    `forge` says who hosts the registry (`auto` goes by the host's name), `forge_api` where its web interface
    is if that is unusual, `forge_token_file` is a file whose first line is a token for it.
    """

    home: Path
    profile: str = "default"
    registry: str | None = None
    member: str | None = None
    key: Path | None = None
    assets: tuple[Path, ...] = ()
    timeout_minutes: int = 24 * 60
    minimum_cell: int = 11
    parallel: int = 1
    output_gigabytes: int | None = None
    cube_writable_root: bool = False
    offline: bool = False
    forge: str = "auto"
    forge_api: str | None = None
    forge_token_file: Path | None = None

    @property
    def file(self) -> Path:
        """Where the profile is kept."""
        return self.home / "profiles" / f"{self.profile}.yml"

    @property
    def assets_folder(self) -> Path:
        """The local store of assets, by SHA-256."""
        return self.home / "assets"

    @property
    def hashes(self) -> Path:
        """The cache of the hashes of assets."""
        return self.home / "hashes.sqlite"

    @property
    def runs(self) -> Path:
        """The spool of cells."""
        return self.home / "runs"

    @property
    def scratch(self) -> Path:
        """Working folders of tasks that are not cells."""
        return self.home / "scratch"

    def registry_folder(self, registry: str) -> Path:
        """The local copy of a registry: its mirror, index and outbox."""
        return self.home / "registries" / registry

    def dataset_folder(self, registry: str, dataset: str) -> Path:
        """Where a dataset's prepared files, salt and hash cache are; they never leave."""
        return self.home / "data" / registry / dataset


def fields() -> tuple[str, ...]:
    """The names that can be set."""
    return tuple(f.name for f in dataclasses.fields(Settings) if f.name not in ("home", "profile"))


def load(environ: Mapping[str, str], home: Path | None = None) -> Settings:
    """Read the profile in use.

    Args:
        environ: the process's environment.
        home: the user's home folder in place of the environment's, for the default place.

    Raises:
        ConfigurationError: the file is damaged or a value makes no sense.

    """
    settings = located(environ, home)
    given = stored(settings)
    given.update(_overriding(environ))
    return _with(settings, given, settings.file)


def located(environ: Mapping[str, str], home: Path | None = None) -> Settings:
    """The profile in use with no value read, so that a damaged file can still be named and repaired."""
    base = home_folder(environ, home)
    return Settings(home=base, profile=chosen(environ, base)[0])


def origins(environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Where each value comes from: the variable's name, `file`, or `default` (raises ConfigurationError)."""
    given, overriding = stored(settings), _overriding(environ)
    return {
        name: _variable(name) if name in overriding else "file" if name in given else "default"
        for name in fields()
    }


def _variable(name: str) -> str:
    return f"MEDPERF_{name.upper()}"


def _overriding(environ: Mapping[str, str]) -> dict[str, Any]:
    found = {name: environ.get(_variable(name)) for name in fields()}
    return {name: text.split(":") if name in LISTS else text for name, text in found.items() if text}


def save(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Write some settings to the profile's file and return all of them.

    Raises:
        UsageError: there is no such setting.
        ConfigurationError: a value makes no sense, or the file is damaged; nothing is written.

    """
    there = stored(settings, strict=False)
    unknown = sorted(k for k in changes if k not in fields() and not (changes[k] is None and k in there))
    if unknown:
        raise UsageError(f"'{unknown[0]}' is not a setting", hint=_known(unknown[0]))
    changed = _with(settings, {k: v for k, v in changes.items() if v is not None}, settings.file)
    there |= {k: _plain(k, v) for k, v in changes.items()}
    _write(settings.file, {k: v for k, v in there.items() if v is not None})
    return changed


def _write(file: Path, values: Mapping[str, Any]) -> None:
    import yaml  # noqa: PLC0415 - start-up time

    text = yaml.safe_dump(dict(values), sort_keys=True, allow_unicode=True)
    write_atomic(file, text.encode(), mode=0o600, parents=True)


def _known(name: str) -> str:
    import difflib  # noqa: PLC0415 - start-up time

    near = difflib.get_close_matches(name, fields(), n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{meant}settings are: {', '.join(fields())}"


def stored(settings: Settings, *, strict: bool = True) -> dict[str, Any]:
    """What the profile's file says, values unchecked; if not `strict` unknown settings are let pass.

    Raises:
        ConfigurationError: it cannot be read, or is damaged.

    """
    file = settings.file
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not utf-8 text"
        raise ConfigurationError(
            f"cannot read settings '{file}': {(reason or str(error)).lower()}", hint=_REPAIR
        ) from None
    found = _parse(file, text)
    unknown = sorted(str(k) for k in found if k not in fields()) if strict else []
    if unknown:
        remove = f"`medperf profile unset {unknown[0]}` removes it; "
        raise ConfigurationError(
            f"settings '{file}': '{unknown[0]}' is not a setting", hint=remove + _known(unknown[0])
        )
    return found


def _parse(file: Path, text: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - start-up time

    try:
        found = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigurationError(f"settings '{file}' are damaged: not a YAML mapping", hint=_REPAIR)
    return {str(name): value for name, value in found.items()}


def _with(settings: Settings, given: Mapping[str, Any], file: Path) -> Settings:
    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            values[name] = _value(name, value)
        except (KeyError, TypeError, ValueError):
            raise ConfigurationError(
                f"settings '{file}': '{name}' cannot be '{value}'",
                hint=f"`medperf profile set {name} VALUE` sets it, {_variable(name)} overrides it",
            ) from None
    return dataclasses.replace(settings, **values)


def _value(name: str, value: Any) -> Any:
    if name in LISTS:
        return tuple(_path(item) for item in (value if isinstance(value, list | tuple) else [value]))
    if name in _NUMBERS:
        return _number(name, value)
    if name in ("cube_writable_root", "offline"):
        return _WORDS[str(value).lower()]
    if name in _PATHS:
        return _path(value)
    if name in _WORDED:
        return _WORDED[name](value)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _WORD.match(text):  # it becomes part of a path
        raise ValueError(name)
    return text


def _number(name: str, value: Any) -> int:
    if isinstance(value, bool | float):
        raise TypeError(name)
    number = int(value)
    least = Settings.minimum_cell if name == "minimum_cell" else 1
    if not least <= number <= _LARGEST:
        raise ValueError(name)
    return number


def _path(value: Any) -> Path:
    """A path with a name in it (raises ValueError, TypeError)."""
    if not os.fspath(value) or "\0" in os.fspath(value):
        raise ValueError(value)
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # a user that does not exist
        raise ValueError(value) from error


def _one_of(known: tuple[str, ...], value: Any) -> str:
    if value not in known:
        raise ValueError(value)
    return str(value)


def _web_address(value: Any) -> str:
    text = str(value)
    if not re.match(r"https?://[^\s/@]+(/\S*)?\Z", text):  # no user, no password: they would be shown
        raise ValueError(text)
    return text.rstrip("/")


_WORDED: dict[str, Callable[[Any], str]] = {
    "forge": lambda value: _one_of(FORGES, value),
    "forge_api": _web_address,
}


def _plain(name: str, value: Any) -> Any:
    """A value as the file holds it; a path means the same from everywhere."""
    if isinstance(value, list | tuple):
        return [_absolute(item) for item in value]
    return _absolute(value) if name in _PATHS and value is not None else value


def _absolute(path: Any) -> str:
    return str(Path(path).expanduser().absolute())
