"""A hosted registry under attack: commits of any tree, pushed at its hook, or put into main past it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from medperf_cli.adapters.store.index_rows import Filter
from medperf_cli.adapters.store.repository import GitStore
from medperf_cli.core.names import Kind
from medperf_cli.core.requests import MAIN, PULLS, RequestRef, request_id
from medperf_cli.errors import MedperfError
from medperf_cli.flows.reading.listing import listed
from medperf_cli.flows.reading.registry import VERIFIED, Place
from medperf_cli.flows.reading.replay import LawlessError
from medperf_cli.flows.reading.sync import sync
from tests.support.acting import Action, act
from tests.support.hosting import BEGIN, Hosted, Member
from tests.support.office import Office, office
from tests.support.registry_repo import RegistryRepo
from tests.support.world import World

NOON = int(BEGIN.timestamp())
CUBE = "cubes/acme/tree/1.yml"


@dataclass
class Scene:
    """A host, an attacker with a clone of it, and a reader who had verified all of it."""

    host: Hosted
    attacker: Member
    reader: Office
    good: str

    @classmethod
    def set(cls, host: Hosted) -> Scene:
        """What is made in the host's object store can be pushed by the attacker, as if it were theirs."""
        attacker = host.member("attacker")
        store = attacker.store.git.directory / "objects/info"
        store.mkdir(exist_ok=True)
        (store / "alternates").write_text(f"{host.path / 'objects'}\n")
        return cls(host, attacker, office(host, "acme"), host.main())

    @property
    def repository(self) -> RegistryRepo:
        return RegistryRepo(self.host.path)

    @property
    def world(self) -> World:
        return self.host.world

    # --- making a commit

    def files(self, *actions: Action) -> dict[str, bytes]:
        """Files of lawful (or other) actions by members, by path from the repository's root."""
        return in_registry(act(self.world, *actions).added)

    def commit(
        self,
        files: Mapping[str, Any] | Mapping[bytes, Any],
        *,
        delete: Sequence[str] = (),
        on: str | None = None,
        time: int = NOON,
    ) -> str:
        """A commit on main (or another one) with anything in it."""
        parents = [on or self.good]
        return self.repository.commit(files, delete=delete, parents=parents, ref="refs/attack/one", time=time)

    def tree_on_main(self, registry: str) -> str:
        """A commit on main whose `registry` is that tree."""
        tree = self.repository.raw_tree(b"40000 registry\0" + bytes.fromhex(registry))
        return self.repository.commit_tree(tree, self.good)

    def registry_entries(self) -> dict[bytes, bytes]:
        """The entries of the good `registry` tree as they are stored, by name."""
        listed = self.repository.git("ls-tree", f"{self.good}:registry").splitlines()
        words = [(line.split()[0], line.split()[2], line.split("\t")[1]) for line in listed]
        return {
            name.encode(): mode.lstrip("0").encode() + b" " + name.encode() + b"\0" + bytes.fromhex(oid)
            for mode, oid, name in words
        }

    # --- where an attacker would try it

    def pushed(self, commit: str) -> str:
        """What the hook says to a push to main; it must refuse, and nothing may have moved."""
        done = self.attacker.push(f"{commit}:{MAIN}")
        assert not done.ok
        assert self.host.main() == self.good
        return "\n".join([*done.remote, *done.refused.values()])

    def asked(self, commit: str, files: Mapping[str, bytes]) -> str:
        """What the hook says to a request whose files these seem to be."""
        inside = {path.removeprefix("registry/"): data for path, data in files.items()}
        done = self.attacker.push(f"{commit}:{RequestRef(request_id(inside))}")
        assert not done.ok
        assert not [ref for ref in self.host.refs() if ref.startswith(PULLS)]
        return "\n".join(done.remote)

    def forced(self, commit: str) -> MedperfError:
        """What a reader says once it stands in main, past the hook; then main is reset."""
        self.repository.git("update-ref", MAIN, commit)
        try:
            with pytest.raises(MedperfError) as refused:
                sync(self.reader.deps)
        finally:
            self.repository.git("update-ref", MAIN, self.good)
        self.usable()
        return refused.value

    def forced_to_last_good(self, commit: str, good: str) -> LawlessError:
        """As `forced`, where a lawful commit comes before the lawless one: the reader stops after it."""
        self.repository.git("update-ref", MAIN, commit)
        with pytest.raises(LawlessError) as refused:
            sync(self.reader.deps)
        with GitStore(Place(self.reader.copy).mirror) as mirror:
            assert mirror.rev(VERIFIED) == good
        return refused.value

    def usable(self) -> None:
        """The reader is at the last good commit, can list it, and goes on from there."""
        with GitStore(Place(self.reader.copy).mirror) as mirror:
            assert mirror.rev(VERIFIED) == self.good
        members = {row["id"] for row in listed(self.reader.deps, Kind.MEMBER, Filter())}
        assert members == {p.split("/")[1] for p in self.world.files if p.startswith("members/")}
        assert sync(self.reader.deps).commit == self.good

    def refused_everywhere(self, commit: str, *rules: str, told: str = "") -> LawlessError:
        """Refused at the hook (which tells the first few dozen findings), and by a reader, by these rules."""
        said = self.pushed(commit)
        assert any(word in said for word in (told or rule for rule in rules)), said
        error = self.forced(commit)
        assert isinstance(error, LawlessError), error
        assert commit[:12] in error.message
        assert set(rules) <= {finding.rule for finding in error.findings}, error.findings
        return error


def in_registry(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"registry/{path}": data for path, data in files.items()}
