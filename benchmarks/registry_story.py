"""What happens in one made-up consortium, from its first member to its last withdrawal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import registry_text as text
from registry_desk import Desk, Unit
from registry_text import Pin, Size, Terms

ADMINS = ("ada", "bruno", "chen")
_SMALLEST = 7
"""Members: the owner, a committee of three, a vendor and two hospitals."""
_ENDS = 5
"""Entities at the end of a story, beside those for each dataset."""


@dataclass
class Story:
    """One benchmark with its members, models and datasets, about `size` entities in all.

    `phases` tells it as lists of requests; those of one list do not depend on each other.
    """

    desk: Desk
    place: int
    size: int
    results: dict[str, list[str]] = field(default_factory=dict)
    """By dataset, the results that stand."""
    told: int = 0
    """Entities so far."""

    def __post_init__(self) -> None:
        self.name = f"{self.place:03d}"
        count = max(_SMALLEST, round(0.02 * self.size))
        vendors = max(1, (count - 4) // 3)
        self.owner = f"board-{self.name}"
        self.committee = tuple(f"{self.name_of('member', n)}" for n in range(3))
        self.vendors = tuple(self.name_of("vendor", n) for n in range(vendors))
        self.hospitals = tuple(self.name_of("hospital", n) for n in range(count - 4 - vendors))
        self.members = (self.owner, *self.committee, *self.vendors, *self.hospitals)
        models = range(max(20, round(0.04 * self.size)))
        self.models = tuple(f"{self._turn(self.vendors, n)}/model-{n:02d}" for n in models)
        sites = range(max(12, round(0.03 * self.size)))
        self.datasets = tuple(f"{self._turn(self.hospitals, n)}/cohort-{n:02d}" for n in sites)
        chance = self.desk.chance
        self.sizes = {d: Size(chance.randrange(80, 900), chance.randrange(20, 60)) for d in self.datasets}
        self.benchmark = f"{self.owner}/lesions"
        self.charter = f"benchmarks/{self.benchmark}/2.yml"
        self.cubes = [
            f"cubes/{self.owner}/{n}/1.yml" for n in ("data-preparator", "reference-model", "metrics")
        ]
        open_to = self.hospitals if self.place % 4 == 1 else ()
        self.terms = Terms(self.committee, open_to, "always" if self.place % 4 == 2 else "never")  # noqa: PLR2004

    @property
    def ended(self) -> bool:
        """Whether it was told to its end, the third version of the benchmark."""
        return f"benchmarks/{self.benchmark}/3.yml" in self.desk.pins

    def name_of(self, role: str, place: int) -> str:
        """The name of a member of this story."""
        return f"{role}-{self.name}-{place:02d}"

    @staticmethod
    def _turn(names: tuple[str, ...], place: int) -> str:
        return names[place % len(names)]

    def phases(self) -> Iterator[list[Unit]]:
        """All requests, in an order in which each is lawful."""
        for phase in self._phases():
            self.told += sum(unit.size for unit in phase)
            yield phase

    def _phases(self) -> Iterator[list[Unit]]:
        yield [self._admitted(member) for member in self.members]
        yield [Unit(partial(self._cube, path)) for path in self.cubes]
        yield [Unit(partial(self._model, m, 1)) for m in self.models]
        yield [Unit(partial(self._model, m, 2)) for m in self.models[::2]]
        for version in (1, 2):
            yield [self._benchmark(version)]
        for version in (1, 2):
            yield [Unit(partial(self._dataset, d, version)) for d in self.datasets]
        yield [self._associated("datasets", d) for d in self.datasets]
        yield [self._associated("models", m) for m in self.models]
        yield from self._rotations()
        yield from self._evaluations()
        yield from self._ends()

    # --- members

    def _member(self, name: str, version: int, keys: list[tuple[str, str]]) -> None:
        person = name in self.committee
        login = 100_000 * (self.place + 1) + self.members.index(name)
        body = text.member(name, person=person, login=login, keys=keys)
        self.desk.write("member", name, version, body, [name])

    def _admitted(self, name: str) -> Unit:
        def write() -> None:
            self._member(name, 1, [(self.desk.key(name).text, "")])

        admin = self.desk.chance.choice(ADMINS)
        return Unit(write, 1, f"members/{name}/1.yml", (admin,), title=f"member {name}")

    def _rotations(self) -> Iterator[list[Unit]]:
        """One hospital in seven gets a second key, and then revokes its first one with it."""
        changing = self.hospitals[::7]
        old = {name: self.desk.key(name) for name in changing}

        def add(name: str) -> None:
            self._member(name, 2, [(old[name].text, ""), (self.desk.next_key(name).text, "")])

        def revoke(name: str) -> None:
            self.desk.keys[name] = self.desk.next_key(name)
            keys = [(old[name].text, self.desk.now), (self.desk.key(name).text, "")]
            self._member(name, 3, keys)

        yield [
            Unit(partial(add, n), 1, f"members/{n}/2.yml", ("ada",), title=f"member {n} adds a key")
            for n in changing
        ]
        yield [Unit(partial(revoke, n), title=f"member {n} revokes a key") for n in changing]

    # --- cubes, benchmark, datasets

    def _cube(self, path: str) -> None:
        _, owner, name, _ = path.split("/")
        sort = "model" if name == "reference-model" else name
        body = text.cube(
            sort, self.desk.digits(), description=f"The {name} of this benchmark", operation=True
        )
        self.desk.write("cube", f"{owner}/{name}", 1, body, [owner])

    def _model(self, model: str, version: int) -> None:
        """Every other model begins in development and goes into operation with its second version."""
        operation = version > 1 or model not in self.models[::2]
        body = text.cube("model", self.desk.digits(), description="A classifier", operation=operation)
        self.desk.write("cube", model, version, body, [model.partition("/")[0]])

    def model_path(self, model: str) -> str:
        """The version of a model that takes part."""
        return f"cubes/{model}/{2 if model in self.models[::2] else 1}.yml"

    def _benchmark(self, version: int) -> Unit:
        def write() -> None:
            pins = [self.desk.pin(path) for path in self.cubes]
            priority = self.models[0] if version > 2 else ""  # noqa: PLR2004 - from the third on
            body = text.benchmark(pins, self.terms, priority=priority, operation=version > 1)
            self.desk.write("benchmark", self.benchmark, version, body, [self.owner])

        path = f"benchmarks/{self.benchmark}/{version}.yml"
        return Unit(write, 1, path, ("chen",) if version < 3 else (), title=f"benchmark {self.benchmark}")  # noqa: PLR2004

    def _dataset(self, dataset: str, version: int) -> None:
        desk, size = self.desk, self.sizes[dataset]
        published = text.prepared(desk.digits(), size.patients, size.malignant, desk.chance)
        preparator, charter = desk.pin(self.cubes[0]), desk.pin(self.charter)
        body = text.dataset("Pathology", preparator, charter, prepared=published if version > 1 else "")
        desk.write("dataset", dataset, version, body, [dataset.partition("/")[0]])

    # --- taking part

    def _associated(self, folder: str, subject: str) -> Unit:
        path = f"datasets/{subject}/2.yml" if folder == "datasets" else self.model_path(subject)

        def write() -> None:
            desk = self.desk
            model = path if folder == "models" else self.cubes[1]
            ran = [desk.pin(p) for p in (self.cubes[0], model, self.cubes[2])]
            body = text.association(desk.pin(self.charter), desk.pin(path), ran, desk.digits())
            desk.write("association", f"{self.benchmark}/{folder}/{subject}", 1, body, [path.split("/")[1]])

        policy = self.terms.datasets if folder == "datasets" else self.terms.models == "always"
        voters = () if policy else tuple(sorted(self.desk.chance.sample(self.committee, 2)))
        return Unit(
            write, 1, self._association(folder, subject), voters, self.charter, f"{subject} takes part"
        )

    def _association(self, folder: str, subject: str) -> str:
        return f"associations/{self.benchmark}/{folder}/{subject}/1.yml"

    # --- results

    def _result_path(self, model: str, dataset: str, version: int = 1) -> str:
        return f"results/{self.benchmark}/{model}/{dataset}/{version}.yml"

    def _result(self, model: str, dataset: str, version: int = 1) -> None:
        desk, size = self.desk, self.sizes[dataset]
        reference = self.cubes[1].split("/", 1)[1].removesuffix("/1.yml")
        ran = self.cubes[1] if model == reference else self.model_path(model)
        pins: list[Pin] = [
            desk.pin(p)
            for p in (self.charter, ran, f"datasets/{dataset}/2.yml", self.cubes[0], self.cubes[2])
        ]
        earlier = [desk.pin(p) for p in self.results.setdefault(dataset, [])[:3]]
        compared = text.against(earlier, size, desk.chance)
        body = text.result(pins, text.values(size, desk.chance), compared, desk.now)
        owner = dataset.partition("/")[0]
        path = desk.write("result", f"{self.benchmark}/{model}/{dataset}", version, body, [owner])
        if version == 1:
            self.results[dataset].append(path)

    def _evaluations(self) -> Iterator[list[Unit]]:
        """The reference model everywhere; then dataset by dataset, in requests of one to three results."""
        reference = self.cubes[1].split("/", 1)[1].removesuffix("/1.yml")
        yield [Unit(partial(self._result, reference, dataset)) for dataset in self.datasets]
        left = self.size - self.told - len(self.datasets) - _ENDS
        each = min(len(self.models) - 1, max(0, left // len(self.datasets)))
        for dataset in self.datasets:
            models = sorted(self.desk.chance.sample(self.models[1:], each))
            units = []
            while models:
                taken, models = models[: (count := self.desk.chance.randrange(1, 4))], models[count:]
                places = [(model, dataset) for model in taken]
                units.append(Unit(partial(self._results, places), len(places), title=f"results of {dataset}"))
            yield units

    def _results(self, places: list[tuple[str, str]]) -> None:
        for model, dataset in places:
            self._result(model, dataset)

    # --- ends

    def _ends(self) -> Iterator[list[Unit]]:
        """Results are withdrawn and corrected, an association revoked, another withdrawn, priorities set."""
        wrong = list(self.results.values())[::2]
        paths = [found[4] for found in wrong if len(found) > 4]  # noqa: PLR2004 - the first three are compared with
        yield [Unit(partial(self._withdrawn, p), title="a result is withdrawn") for p in paths]
        yield [Unit(partial(self._corrected, p), title="a result is corrected") for p in paths]
        gone = self._association("datasets", self.datasets[-1])
        revoked = Unit(partial(self._revoked, gone), 2, title="an association is revoked")
        left = self._association("models", self.models[0])
        yield [revoked, Unit(partial(self._withdrawn, left), title="a model leaves")]
        yield [self._benchmark(3)]

    def _withdrawn(self, path: str) -> None:
        owner = path.split("/")[5 if path.startswith("results/") else 4]
        self.desk.decide(owner, path, "withdraw", "", "two patients were counted twice")

    def _corrected(self, path: str) -> None:
        _, _, _, vendor, model, hospital, dataset, _ = path.split("/")
        self.correct(f"{vendor}/{model}", f"{hospital}/{dataset}")

    def correct(self, model: str, dataset: str) -> None:
        """The second version of a result."""
        self._result(model, dataset, 2)

    def _revoked(self, path: str) -> None:
        for member in self.committee[:2]:
            self.desk.decide(member, path, "revoke", self.charter, "labels were read from the wrong column")
