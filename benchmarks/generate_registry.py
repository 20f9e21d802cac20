"""Make a signed, lawful registry of N entities with the merge history of a bot, to measure with.

Usage: python benchmarks/generate_registry.py 10000 [--seed 1] [--out registry.git]

It is a bare repository, the same for the same number and seed; beside it, `<name>.root` holds the SHA-256
of its root, which a reader pins. Without --out it is kept in `.cache/benchmarks` and not made twice.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import registry_text as text
from registry_desk import Desk, Unit
from registry_git import PROBES, Stamp, Writer, git
from registry_probes import probes
from registry_story import ADMINS, Story

VERSION = 1
"""Of what is made; another one makes what is kept out of date."""
CACHE = Path(__file__).parents[1] / ".cache" / "benchmarks"
STORY_SIZE = 1000
_AT_ONCE = 8
_BEGAN = 1_704_067_200  # 2024-01-01
_BOT = ("medperf bot", "bot@medperf.invalid")
_NOBODY = "registry@example.org"


@dataclass
class Maker:
    """Writes requests and merges them."""

    writer: Writer
    desk: Desk
    history: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=6))
    """The last commits of main (mark, tree id of `registry/`), newest last."""
    made: int = 0
    merges: int = 0
    story: Story | None = None
    """The first story, once it is told."""

    def genesis(self) -> None:
        """The first commit: attributes, root, admins."""
        desk = self.desk
        keys = [(admin, desk.key(admin).text) for admin in ADMINS]
        desk.write("root", "", 1, text.root(keys), ADMINS)
        for place, admin in enumerate(ADMINS):
            body = text.member(admin, person=True, login=1 + place, keys=[(desk.key(admin).text, "")])
            desk.write("member", admin, 1, body, [admin])
        desk.files[".gitattributes"] = b"* -text\n"
        self._step("begin the registry", self._store())

    def merge(self, units: Sequence[Unit]) -> None:
        """One merge of some requests, which all saw the same earlier state of main."""
        parent, self.desk.seen = self.history[-1 - self._lag()]
        files: dict[str, str] = {}
        parents: list[str] = []
        for unit in units:
            unit.write()
            signer = next(iter(unit.voters), "somebody")
            files |= (own := self._store())
            head = self.writer.request(parent, self._stamp(signer), unit.title, own)
            parents.append(head)
            for voter in unit.voters:
                self.desk.decide(voter, unit.subject, "approve", unit.authority)
                files |= (own := self._store())
                parents.append(self.writer.request(head, self._stamp(voter), "approve", own))
        self.merges += 1
        self._step(f"merge request {self.desk.digits()[:16]}\n\n{units[0].title}", files, parents)

    def beside(self) -> None:
        """A commit in main that does not touch the registry."""
        page = self.writer.blob(f"# A registry\n\n{self.made} entities at {self.desk.now}\n".encode())
        self.writer.main(self._stamp("ada"), "say how many entities there are", {"README.md": page})

    def probe(self, name: str, write: Callable[[], None]) -> None:
        """A request on the last commit of main that stays one."""
        parent, self.desk.seen = self.history[-1]
        pins, count = dict(self.desk.pins), dict(self.desk.count)
        write()
        self.writer.request(parent, self._stamp("somebody"), name, self._store(), f"{PROBES}/{name}")
        self.desk.pins, self.desk.count = pins, count

    def _lag(self) -> int:
        """How many commits ago those who sign now last synced."""
        return min(len(self.history) - 1, int(self.desk.chance.expovariate(1)))

    def _stamp(self, name: str) -> Stamp:
        return Stamp(name, _NOBODY, self.desk.clock)

    def _store(self) -> dict[str, str]:
        """Store the files of the request being written, entities before signatures; path to mark."""
        self.made += sum(path.endswith(".yml") for path in self.desk.files)
        ordered = sorted(self.desk.files.items(), key=lambda item: item[0].endswith(".sig"))
        marks = {f"registry/{path}": self.writer.blob(data) for path, data in ordered}
        self.desk.files = {}
        return marks

    def _step(self, message: str, files: dict[str, str], parents: Sequence[str] = ()) -> None:
        self.desk.clock += self.desk.chance.randrange(60, 1800)
        stamp = Stamp(*_BOT, self.desk.clock) if parents else self._stamp("ada")
        self.history.append(self.writer.main(stamp, message, files, parents))


def batches(story: Story) -> Iterator[list[Unit]]:
    """A story's requests, one to five at once."""
    for phase in story.phases():
        while phase:
            taken = story.desk.chance.randrange(1, 6)
            yield phase[:taken]
            del phase[:taken]


def tell(maker: Maker, entities: int) -> Story:
    """Tell stories, some at the same time, until the registry has that many entities; returns the first."""
    desk = maker.desk
    count = max(1, round(entities / STORY_SIZE))
    size = round((entities - maker.made) / count)
    stories = [Story(desk, place, size) for place in range(count)]
    waiting = [batches(story) for story in stories]
    told, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
    while told:
        place = desk.chance.randrange(len(told))
        units = next(told[place], None)
        if units is None or maker.made + sum(unit.size for unit in units) > entities:
            told[place : place + 1] = [waiting.pop(0)] if waiting else []
            continue
        maker.merge(units)
        if desk.chance.random() < 0.02:  # noqa: PLR2004 - a share
            maker.beside()
    for place in range(entities - maker.made):
        maker.merge([_spare(desk, place)])
    return stories[0]


def _spare(desk: Desk, place: int) -> Unit:
    """One more entity: a cube of an admin."""

    def write() -> None:
        body = text.cube("metrics", desk.digits(), description="Metrics to reuse", operation=True)
        desk.write("cube", f"ada/metrics-{place:04d}", 1, body, ["ada"])

    return Unit(write, title="a cube")


def generate(path: Path, entities: int, seed: int) -> Maker:
    """Make a registry at a path where nothing stands; returns its maker, for the figures."""
    chance = random.Random(f"{VERSION}/{entities}/{seed}")  # noqa: S311 - made up, and the same again
    desk = Desk(str(seed), chance, chance.randbytes(16).hex(), _BEGAN)
    with Writer(path) as writer:
        maker = Maker(writer, desk)
        maker.genesis()
        story = maker.story = tell(maker, entities)
        for name, write in probes(story) if story.ended else ():
            maker.probe(name, write)
    path.with_suffix(".root").write_text(desk.pin("root/1.yml").sha256 + "\n", "ascii")
    return maker


def kept(entities: int, seed: int = 1) -> Path:
    """A registry of that size in the cache, made if it is not there yet."""
    path = CACHE / f"registry-{entities}-{seed}-{VERSION}.git"
    if not path.with_suffix(".root").is_file():
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        generate(path, entities, seed)
    return path


def main() -> int:
    """Parse the command line and make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("entities", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.out is None:
        path = kept(given.entities, given.seed)
    else:
        path = given.out
        counts = generate(path, given.entities, given.seed).desk.count
        print(", ".join(f"{count} of {kind}" for kind, count in sorted(counts.items())))
    print(f"{path} {path.with_suffix('.root').read_text('ascii').strip()} {git(path, 'rev-parse', 'main')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
