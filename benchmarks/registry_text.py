"""The bytes of made-up entities, written straight in their one spelling: 20 times the speed of `emit`.

That the spelling is right is not assumed: a test reads what is made here through the check.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

METRICS = ("auroc", "accuracy", "brier", "sensitivity", "specificity")
ISOLATION = (
    *("capabilities-dropped", "clean-environment", "cpu-limit", "file-limit", "inputs-read-only", "log-cap"),
    *("memory-limit", "no-network", "no-new-privileges", "not-privileged", "output-watchdog", "pids-limit"),
    *("private-ipc", "root-read-only", "seccomp-default"),
)
_SMALL = 0.001
EXPIRES = "2041-01-01T00:00:00Z"


@dataclass(frozen=True)
class Pin:
    """A file of the registry and the SHA-256 of its bytes."""

    path: str
    sha256: str


def hexed(digits: str) -> str:
    """Hexadecimal digits as a document spells them: quoted where they begin with a digit."""
    return digits if digits[0] > "9" else f'"{digits}"'


def indented(text: str, depth: int) -> str:
    """The lines of a text, `depth` spaces to the right."""
    return "".join(f"{' ' * depth}{line}\n" for line in text.splitlines())


def number(value: float) -> str:
    """A float with at most six digits behind the point; 0.0 where it would need an exponent."""
    return repr(round(value, 6)) if abs(value) > _SMALL else "0.0"


def pin(found: Pin, depth: int = 2) -> str:
    """The two lines of a pin."""
    start = " " * depth
    return f"{start}path: {found.path}\n{start}sha256: {hexed(found.sha256)}\n"


def items(words: Iterable[str], depth: int) -> str:
    """A list of words, or the empty one behind its key."""
    lines = "".join(f"{' ' * depth}- {word}\n" for word in words)
    return f"\n{lines}" if lines else " []\n"


def root(keys: Sequence[tuple[str, str]]) -> str:
    """A root with these admins (member, public key), one of whom decides."""
    admins = "".join(f'    - member: {name}\n      key: "{key}"\n' for name, key in keys)
    return (
        'title: "A registry to measure with"\nformat: 1\nminimum_tool: "0.1.0"\n'
        f"admins:\n  threshold: 1\n  members:\n{admins}"
        "recorded_kinds: []\n"
        "limits:\n  seen_commits: 10000\n  change_entities: 50\n  change_bytes: 1048576\n"
        f'expires: "{EXPIRES}"\n'
    )


def member(name: str, *, person: bool, login: int, keys: Sequence[tuple[str, str]]) -> str:
    """A member with keys as (public key, time it was revoked or '')."""
    lines = []
    for place, (key, revoked) in enumerate(keys, 1):
        lines.append(f'  - key: "{key}"\n    label: "key {place}"\n')
        if revoked:
            lines.append(f'    revoked:\n      reason: retired\n      since: "{revoked}"\n')
    return (
        f'name: "{name.replace("-", " ").title()}"\n'
        f"type: {'person' if person else 'organisation'}\n"
        f'contact: "registry@{name}.example"\n'
        f"logins:\n  - forge: forge.example\n    login: {name}\n    number: {login}\n"
        f"keys:\n{''.join(lines)}recipients: []\n"
    )


_VOLUME = '        {}:\n          mount_path: "/mlcommons/volumes/{}"\n          type: {}\n'
_TASKS = {
    "model": ("infer", ("additional_files", "data_path", "parameters_file"), ("output_path",)),
    "metrics": ("evaluate", ("labels", "parameters_file", "predictions"), ("output_path",)),
    "data-preparator": ("prepare", ("data_path", "labels_path"), ("metadata_path", "output_path")),
}


def _volumes(names: Iterable[str]) -> str:
    return "".join(_VOLUME.format(name, name, "directory") for name in names)


def cube(sort: str, image: str, *, description: str, operation: bool) -> str:
    """A cube whose archive, image and weights follow from `image`, 64 hexadecimal digits."""
    task, given, made = _TASKS[sort]
    card = (
        'card:\n  intended_use: "Research; not for the care of patients."\n'
        '  training_data_overlap: "None of the training patients is in a hospital\'s dataset."\n'
    )
    return (
        f'type: {sort}\ndescription: "{description}"\n'
        f'container:\n  container_type: "DockerArchive"\n  archive:\n    sha256: {hexed(image)}\n'
        f"    size: 82001920\n    urls: []\n  image_id: sha256:{image[::-1]}\n"
        f"  tasks:\n    {task}:\n      run_args:\n        command: {task}\n        environment: {{}}\n"
        f"      input_volumes:\n{_volumes(given)}      output_volumes:\n{_volumes(made)}"
        "parameters:\n  weights: weights.json\n"
        f"additional_files:\n  - sha256: {hexed(image[32:] + image[:32])}\n    size: 26356\n    urls: []\n"
        "    name: weights.json\n    unpack: false\n"
        f'licence: "Apache-2.0"\nlinks: []\n{card if sort == "model" else ""}'
        f"state: {'operation' if operation else 'development'}\n"
    )


def _metric(key: str, kind: str, columns: str, *, better: str = "higher", binary: bool = False) -> str:
    return (
        f'  - key: {key}\n    name: "{key.title()} at threshold 0.5"\n    kind: {kind}\n'
        f"    binary: {str(binary).lower()}\n    path: {key}\n{columns}    unit: proportion\n"
        f"    better: {better}\n    minimum: 0.0\n    maximum: 1.0\n"
        f"    primary: {str(key == 'accuracy').lower()}\n"
    )


def _ratio(key: str, numerator: str, denominator: str) -> str:
    columns = f"    numerator: {numerator}\n    denominator: {denominator}\n    failed_score: 0.0\n"
    return _metric(key, "ratio", columns)


_METRICS = (
    _metric("auroc", "reported", "    error: standard_error\n")
    + _metric("accuracy", "mean", "    column: accuracy\n    failed_score: 0.0\n", binary=True)
    + _metric("brier", "mean", "    column: brier\n    failed_score: 1.0\n", better="lower")
    + _ratio("sensitivity", "true_positive", "positive")
    + _ratio("specificity", "true_negative", "negative")
)


@dataclass(frozen=True)
class Terms:
    """Who decides about a benchmark, and whom it admits without a decision ('never', 'always', names)."""

    committee: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    models: str = "never"


def benchmark(cubes: Sequence[Pin], terms: Terms, *, priority: str = "", operation: bool) -> str:
    """A benchmark of three cubes (preparator, reference model, metrics) with a committee of two of them."""
    names = ("data_preparator", "reference_model", "metrics")
    pins = "".join(f"  {name}:\n{pin(found, 4)}" for name, found in zip(names, cubes, strict=True))
    first = f"\n  - model: {priority}\n    priority: 1\n" if priority else " []\n"
    return (
        'title: "Malignancy of lesions from images"\n'
        'description: "Tells malignant from benign lesions by measurements of cell nuclei in an image."\n'
        'clinical_task: "Triage of a palpable mass: the probability that it is malignant."\n'
        'population: "Adults with a fine needle aspirate of a mass, at hospitals of several countries."\n'
        'docs_url: "https://benchmarks.example/lesions"\n'
        'annotation_methodology: "Histology of the excised mass, or two years of follow-up."\n'
        'terms_of_use: "For research and teaching; cite the benchmark and its version."\n'
        f"demo_dataset:\n  sha256: {'d' * 64}\n  size: 4285\n  urls: []\n"
        f"cubes:\n{pins}committee:\n  threshold: 2\n  members:{items(terms.committee, 4)}"
        f"metrics:\n{_METRICS}groups: []\nranking:\n  weighting: cases\n"
        f"association_policy:\n  datasets:\n    mode: {'allow-list' if terms.datasets else 'never'}\n"
        f"    allow:{items(terms.datasets, 6)}  models:\n    mode: {terms.models}\n    allow: []\n"
        f"priorities:{first}disclosure:\n  minimum_cell: 11\n  significant_digits: 6\n"
        f"release:\n  policy: open\nstate: {'operation' if operation else 'development'}\n"
    )


def dataset(place: str, preparator: Pin, charter: Pin, *, prepared: str = "") -> str:
    """A dataset; `prepared` are the lines of what was published once it is in operation."""
    return (
        f'description: "Consecutive fine needle aspirates, one per patient"\nlocation: "{place}"\n'
        f"data_preparator:\n{pin(preparator)}benchmark:\n{pin(charter)}"
        f'ethics_approval: "REC 26-0471"\nstate: {"operation" if prepared else "development"}\n{prepared}'
    )


def prepared(digest: str, patients: int, malignant: int, chance: random.Random) -> str:
    """What the owner of a dataset publishes about it."""
    features = "".join(
        f"      {name}:\n        mean: {number(chance.uniform(1, 30))}\n"
        f"        sd: {number(chance.uniform(1, 9))}\n"
        for name in ("concavity_mean", "radius_mean", "radius_worst", "texture_mean")
    )
    return (
        f"prepared:\n  hash: {hexed(digest)}\n  counts:\n    cases: {patients}\n    patients: {patients}\n"
        f"  statistics:\n    benign: {patients - malignant}\n    features:\n{features}"
        f"    malignant: {malignant}\n  metadata:\n    features: 30\n    format: table-1\n"
    )


def association(charter: Pin, subject: Pin, ran: Sequence[Pin], data: str) -> str:
    """A request to take part, with the test of `ran` cubes on data of that digest."""
    cubes = "".join(f"    - path: {p.path}\n      sha256: {hexed(p.sha256)}\n" for p in ran)
    return (
        f"benchmark:\n{pin(charter)}subject:\n{pin(subject)}test:\n  cubes:\n{cubes}  data: {hexed(data)}\n"
        f"  metrics:{items(METRICS, 4)}  outcome: passed\n"
    )


def decision(subject: Pin, verdict: str, reason: str, authority: Pin | None) -> str:
    """What somebody says about a file, under the version that gives the role."""
    under = f"authority:\n{pin(authority)}" if authority else ""
    return f'subject:\n{pin(subject)}verdict: {verdict}\nreason: "{reason}"\n{under}'


@dataclass(frozen=True)
class Size:
    """How many patients a dataset has, and how many of them are ill."""

    patients: int
    malignant: int


def values(size: Size, chance: random.Random) -> str:
    """The five metrics of a result over a dataset of that size."""
    share = chance.uniform(0.8, 0.99)
    spread = number(math.sqrt(share * (1 - share)))
    counted = f"    kind: mean\n    count: {size.patients}\n"
    lines = [
        f"  - key: auroc\n    kind: reported\n    value: {number(share)}\n    error: {number(0.01 * share)}\n"
    ]
    for key, mean in (("accuracy", share), ("brier", 1 - share)):
        lines.append(f"  - key: {key}\n{counted}    mean: {number(mean)}\n    sd: {spread}\n")
        lines.append(f"    skewness: {number(-3 * share)}\n    failed: 0\n    missing: 0\n    groups: []\n")
    for key, support in (("sensitivity", size.malignant), ("specificity", size.patients - size.malignant)):
        lines.append(f"  - key: {key}\n    kind: ratio\n    count: {size.patients}\n    support: {support}\n")
        lines.append(f"    numerator: {math.floor(share * support)}.0\n    denominator: {support}.0\n")
        lines.append(f"    sd: {spread}\n    failed: 0\n    missing: 0\n")
    return "".join(lines)


def against(earlier: Iterable[Pin], size: Size, chance: random.Random) -> str:
    """Paired differences against earlier results on the same patients."""
    lines = []
    for found in earlier:
        lines.append(f"  - result:\n{pin(found, 6)}    metrics:\n")
        for key in METRICS[1:]:
            difference, spread = number(chance.uniform(-0.3, 0.3)), number(chance.uniform(0.1, 0.9))
            lines.append(f"      - key: {key}\n        count: {size.patients}\n")
            lines.append(f"        difference: {difference}\n        sd: {spread}\n")
    return "\n" + "".join(lines) if lines else " []\n"


def _task(name: str, ran: Pin, started: str) -> str:
    return (
        f"    - task: {name}\n      cube:\n{pin(ran, 8)}      image: sha256:{ran.sha256}\n"
        f'      applied:{items(ISOLATION, 8)}      missing: []\n      started: "{started}"\n'
        "      duration_seconds: 0.25\n"
    )


def result(pins: Sequence[Pin], metrics: str, compared: str, started: str) -> str:
    """A result of (benchmark, model, dataset, data-preparator, metrics cube)."""
    charter, model, data, preparator, evaluator = pins
    return (
        f"benchmark:\n{pin(charter)}model:\n{pin(model)}dataset:\n{pin(data)}"
        f"cubes:\n  data_preparator:\n{pin(preparator, 4)}  metrics:\n{pin(evaluator, 4)}unit: patient\n"
        f"metrics:\n{metrics}against:{compared}partial: false\nfailed_cases: 0\nexecution:\n"
        '  tool: "medperf 0.1.0"\n  contract: 1\n'
        '  engine:\n    name: docker\n    version: "27.3.1"\n    rootless: false\n'
        '  hardware:\n    cpu: "a processor"\n    cpus: 8\n    memory_bytes: 34359738368\n    gpus: []\n'
        f"  tasks:\n{_task('infer', model, started)}{_task('evaluate', evaluator, started)}"
    )
