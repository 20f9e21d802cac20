"""One request of each kind on top of a finished registry: what a check is measured with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import registry_text as text
from registry_story import Story
from registry_text import Size

Probe = Callable[[], None]


def probes(story: Story) -> Iterator[tuple[str, Probe]]:
    """Requests by name, in the consortium of a story that was told to its end; none hangs on another."""
    one = {
        "member": partial(_member, story, "newcomer", 99_999_999),
        "cube": partial(_cube, story, "new-model"),
        "benchmark": partial(_benchmark, story),
        "dataset": partial(_dataset, story, "new-cohort"),
        "association": partial(_association, story),
        "decision": partial(_decision, story),
        "result": partial(_results, story, 1),
    }
    yield from one.items()
    yield "batch", partial(_batch, story)


def _member(story: Story, name: str, login: int) -> None:
    desk = story.desk
    body = text.member(name, person=False, login=login, keys=[(desk.key(name).text, "")])
    path = desk.write("member", name, 1, body, [name])
    desk.decide("ada", path, "approve", "root/1.yml")


def _cube(story: Story, name: str) -> None:
    vendor = story.vendors[0]
    body = text.cube("model", story.desk.digits(), description="A classifier", operation=True)
    story.desk.write("cube", f"{vendor}/{name}", 1, body, [vendor])


def _benchmark(story: Story) -> None:
    """The next version, with other priorities: its owner's own decision."""
    desk = story.desk
    pins = [desk.pin(path) for path in story.cubes]
    body = text.benchmark(pins, story.terms, priority=story.models[1], operation=True)
    desk.write("benchmark", story.benchmark, 4, body, [story.owner])


def _dataset(story: Story, name: str) -> None:
    desk, hospital = story.desk, story.hospitals[-1]
    body = text.dataset("Radiology", desk.pin(story.cubes[0]), desk.pin(_charter(story)))
    desk.write("dataset", f"{hospital}/{name}", 1, body, [hospital])


def _association(story: Story) -> None:
    """The model that left takes part again, as two of the committee decide."""
    desk, model = story.desk, story.models[0]
    subject = story.model_path(model)
    ran = [desk.pin(path) for path in (story.cubes[0], subject, story.cubes[2])]
    body = text.association(desk.pin(_charter(story)), desk.pin(subject), ran, desk.digits())
    vendor = model.partition("/")[0]
    path = desk.write("association", f"{story.benchmark}/models/{model}", 2, body, [vendor])
    for voter in story.committee[:2]:
        desk.decide(voter, path, "approve", _charter(story))


def _decision(story: Story) -> None:
    """A hospital withdraws a result."""
    path = story.results[story.datasets[1]][0]
    story.desk.decide(path.split("/")[5], path, "withdraw", "", "measured with a wrong protocol")


def _results(story: Story, count: int) -> None:
    """Results of one dataset anew, compared with two others."""
    desk, dataset = story.desk, story.datasets[1]
    size: Size = story.sizes[dataset]
    for path in story.results[dataset][2 : 2 + count]:
        model = "/".join(path.split("/")[3:5])
        named = (story.charter, story.model_path(model), f"datasets/{dataset}/2.yml", *story.cubes[::2])
        pins = [desk.pin(name) for name in named]
        compared = text.against([desk.pin(p) for p in story.results[dataset][:2]], size, desk.chance)
        body = text.result(pins, text.values(size, desk.chance), compared, desk.now)
        entity = path.removeprefix("results/").removesuffix("/1.yml")
        desk.write("result", entity, 2, body, [dataset.partition("/")[0]])


def _batch(story: Story) -> None:
    """Two members, two cubes, a dataset and three results at once."""
    for login, name in enumerate(("guest-one", "guest-two")):
        _member(story, name, 99_000_000 + login)
        _cube(story, f"by-{name}")
    _dataset(story, "cohort-too")
    _results(story, 3)


def _charter(story: Story) -> str:
    return f"benchmarks/{story.benchmark}/3.yml"
