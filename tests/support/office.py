"""Somebody with a home of their own, a key and a copy of a hosted registry, who calls flows or commands."""

from __future__ import annotations

import datetime as dt
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization

from medperf_cli.adapters.store.settings import Settings, load
from medperf_cli.core.lifecycle.reader import sha256
from medperf_cli.flows.deps import Deps
from medperf_cli.flows.reading.add_registry import Added, add_registry
from medperf_cli.flows.submitting.write_cube import CubeFiles
from tests.support.hosting import BEGIN, Hosted
from tests.support.keys import member_key

NEXT_DAY = BEGIN + dt.timedelta(days=1)
AFTER_EXPIRY = dt.datetime(2031, 1, 2, tzinfo=dt.UTC)


def key_file(path: Path, name: str) -> Path:
    """The private key of a member of the story, as `ssh-keygen` reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = member_key(name).private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    path.write_bytes(raw)
    path.chmod(0o600)
    path.with_name(f"{path.name}.pub").write_text(f"{member_key(name).public_text} {name}\n")
    return path


class Talk:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, step: str, done: int, total: int | None) -> None:
        assert 0 <= done <= (total or done), step


@dataclass
class Office:
    """A member at work; `asked` holds what was shown before something left, `answer` says yes or no."""

    host: Hosted
    home: Path
    settings: Settings
    talk: Talk = field(default_factory=Talk)
    asked: list[str] = field(default_factory=list)
    answer: Callable[[str], bool] = lambda _: True
    now: dt.datetime = NEXT_DAY
    interactive: bool = False

    @property
    def root(self) -> str:
        return f"sha256:{sha256(self.host.world.files['root/1.yml'])}"

    @property
    def copy(self) -> Path:
        """Where this member's copy of the registry stands."""
        return self.settings.registry_folder(self.settings.registry or "")

    @property
    def deps(self) -> Deps:
        return Deps(self.settings, lambda: self.now, self.talk, self._confirm, self.interactive)

    def _confirm(self, text: str) -> bool:
        self.asked.append(text)
        return self.answer(text)

    def add(self, url: str | None = None) -> Added:
        added = add_registry(self.deps, url or self.host.url, self.root)
        self.settings = replace(self.settings, registry=added.registry)
        return added

    def sign_as(self, name: str) -> None:
        """Sign with the key of somebody (else)."""
        key = key_file(self.home / "keys" / name, name)
        self.settings = replace(self.settings, key=key)

    def reload(self) -> None:
        """Take the settings from the profile again, as the next command would."""
        self.settings = load({"MEDPERF_HOME": str(self.home)}, self.home)


def office(host: Hosted, member: str, folder: Path | None = None, *, add: bool = True) -> Office:
    """A member of the story with the story's key, and the registry added."""
    home = (folder or host.folder) / f"home-{member}"
    key = key_file(home / "keys" / member, member)
    found = Office(host, home, Settings(home=home, member=member, key=key))
    if add:
        found.add()
    return found


@dataclass
class CubeFolder:
    """What a cube's owner has on disk: container config, a text about it, a small image archive."""

    folder: Path
    config: dict[str, Any] = field(
        default_factory=lambda: {
            "container_type": "DockerArchive",
            "tasks": {
                "infer": {
                    "run_args": {"command": "python3 /project/infer.py"},
                    "input_volumes": {"data_path": _volume("data")},
                    "output_volumes": {"output_path": _volume("predictions")},
                }
            },
        }
    )
    about: dict[str, Any] = field(
        default_factory=lambda: {
            "description": "a forest",
            "licence": "Apache-2.0",
            "card": {"intended_use": "research", "training_data_overlap": "none known"},
        }
    )

    def write(self, name: str, content: object) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    @property
    def config_file(self) -> Path:
        return self.write("container_config.yaml", self.config)

    @property
    def about_file(self) -> Path:
        return self.write("cube.yaml", self.about)

    def archive(self, *images: str) -> Path:
        """A `docker save` file with one image for each name; nobody runs them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        configs = {f"{name}.json": json.dumps({"os": "linux", "name": name}).encode() for name in images}
        saved = [{"Config": config, "RepoTags": [], "Layers": []} for config in configs]
        path = self.folder / "image.tar"
        with tarfile.open(path, "w") as tar:
            for name, data in {**configs, "manifest.json": json.dumps(saved).encode()}.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return path

    def files(self, **more: Any) -> CubeFiles:
        """What `cube submit` is given."""
        if "archive" not in more:
            more["archive"] = self.archive("forest")
        given = {"about": self.about_file, **more}
        return CubeFiles(self.config_file, **given)


def _volume(name: str) -> dict[str, str]:
    return {"mount_path": f"/mlcommons/volumes/{name}", "type": "directory"}
