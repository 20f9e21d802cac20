"""A user's settings: one YAML file per profile below `~/.medperf` (`MEDPERF_HOME`), each overridable."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medperf_cli.adapters.files import write_atomic
from medperf_cli.errors import ConfigurationError, UsageError

LISTS = ("assets",)
"""Settings that have several values."""
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_NUMBERS = ("timeout_minutes", "minimum_cell", "parallel", "output_gigabytes")


@dataclass(frozen=True)
class Settings:
    """What one profile says; environment variables `MEDPERF_<FIELD>` win over the file.

    `assets` are folders searched for files by SHA-256 (a share, a USB stick). `timeout_minutes` bounds one
    task. `minimum_cell` raises the smallest cell (patients) that may leave this site; nothing lowers it.
    `output_gigabytes` lowers what one task may write (GiB; else half of what is free). `cube_writable_root`
    lets a cube that needs it write to an ephemeral root file system.
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


def load(environ: Mapping[str, str], home: Path) -> Settings:
    """Read the active profile.

    Args:
        environ: the process's environment.
        home: the user's home folder, for the default place.

    Raises:
        ConfigurationError: the file is damaged or a value makes no sense.

    """
    base = Path(environ.get("MEDPERF_HOME") or home / ".medperf").expanduser().absolute()
    profile = environ.get("MEDPERF_PROFILE") or "default"
    if not _PROFILE.match(profile):
        raise ConfigurationError(
            f"'{profile}' is no name of a profile", hint="use letters, digits, '-' and '_' in MEDPERF_PROFILE"
        )
    settings = Settings(home=base, profile=profile)
    given = _read(settings.file)
    for name in fields():
        text = environ.get(f"MEDPERF_{name.upper()}")
        if text:
            given[name] = text.split(":") if name in LISTS else text
    return _with(settings, given, settings.file)


def save(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Write some settings to the profile's file and return all of them.

    Raises:
        UsageError: there is no such setting.
        ConfigurationError: a value makes no sense, or the file is damaged; nothing is written.

    """
    import yaml  # noqa: PLC0415 - start-up time

    unknown = sorted(set(changes) - set(fields()))
    if unknown:
        raise UsageError(f"'{unknown[0]}' is not a setting", hint=f"settings are: {', '.join(fields())}")
    stored = _read(settings.file) | {k: _plain(k, v) for k, v in changes.items()}
    stored = {k: v for k, v in stored.items() if v is not None}
    changed = _with(settings, {k: v for k, v in changes.items() if v is not None}, settings.file)
    text = yaml.safe_dump(stored, sort_keys=True, allow_unicode=True)
    write_atomic(settings.file, text.encode(), mode=0o600, parents=True)
    return changed


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read settings '{file}': {error}") from None
    return _parse(file, text)


def _parse(file: Path, text: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - start-up time

    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise ConfigurationError(
            f"settings '{file}' are damaged: not a YAML mapping", hint="repair the file, or remove it"
        )
    unknown = sorted(str(k) for k in found if k not in fields())
    if unknown:
        raise ConfigurationError(
            f"settings '{file}': '{unknown[0]}' is not a setting", hint=f"settings are: {', '.join(fields())}"
        )
    return found


def _with(settings: Settings, given: Mapping[str, Any], file: Path) -> Settings:
    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            values[name] = _value(name, value)
        except (KeyError, TypeError, ValueError):
            raise ConfigurationError(
                f"settings '{file}': '{name}' cannot be '{value}'",
                hint=f"`medperf profile set {name} VALUE` sets it, MEDPERF_{name.upper()} overrides it",
            ) from None
    return dataclasses.replace(settings, **values)


def _value(name: str, value: Any) -> Any:
    if name in LISTS:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(Path(item).expanduser() for item in items)
    if name in _NUMBERS:
        number = int(value)
        if number < (Settings.minimum_cell if name == "minimum_cell" else 1):
            raise ValueError(name)
        return number
    if name == "cube_writable_root":
        return _WORDS[str(value).lower()]
    return Path(value).expanduser() if name == "key" else str(value)


def _plain(name: str, value: Any) -> Any:
    """A value as the file holds it; a path means the same from everywhere."""
    if isinstance(value, list | tuple):
        return [_absolute(item) for item in value]
    return _absolute(value) if name == "key" and value is not None else value


def _absolute(path: Any) -> str:
    return str(Path(path).expanduser().absolute())
