"""A registry with a past: three hospitals, nine models, and all that can wait, end or be revoked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from medperf_cli.core.names import Kind
from tests.support.keys import member_key
from tests.support.story_fields import cube_fields, metric_definitions
from tests.support.world import World, genesis, member_file

BENCHMARK = "tumor-board/breast-cancer"
CHARTER = f"benchmarks/{BENCHMARK}/2.yml"
PREPARATOR, REFERENCE, METRICS = (
    f"tumor-board/{name}" for name in ("data-preparator", "reference-model", "metrics")
)
MODELS = {  # accuracy at the three sites
    REFERENCE: (0.961, 0.967, 0.937),
    "acme/random-forest": (0.95, 0.958, 0.925),
    "acme/gradient-boosting": (0.956, 0.95, 0.912),
    "acme/one-feature": (0.872, 0.892, 0.812),
    "uni-lab/nearest-neighbours": (0.944, 0.958, 0.925),
    "uni-lab/linear-svm": (0.961, 0.958, 0.937),
}
WAITING, REJECTED, WITHDRAWN = "acme/deep-forest", "uni-lab/memorizer", "acme/old-rules"
SITES = {  # patients, malignant
    "st-mary/aspirates": (180, 67),
    "north-clinic/screening": (120, 14),
    "lakeside/referrals": (80, 58),
}
PLACES = ("St Mary, pathology", "North Clinic, screening unit", "Lakeside, referral centre")
LAKESIDE = "lakeside/referrals"
LEFT = "lakeside/early-referrals"


@dataclass
class DatedWorld(World):
    """A world that remembers in which merge each file came."""

    merges: list[list[str]] = field(default_factory=list)

    def force(self, *parts: Mapping[str, bytes]) -> None:
        self.merges.append([path for part in parts for path in part])
        super().force(*parts)

    def put(self, kind: Kind, entity_id: str, version: int = 1, **more: Any) -> str:
        """Write an entity, and merge it with what its authority decides (`by` members)."""
        by: Iterable[str] = more.pop("by", ())
        authority = more.pop("authority", "root/1.yml")
        added = self.write(kind, entity_id, version, **more)
        subject = next(path for path in added if path.endswith(".yml"))
        reason = {"reason": "complete and in scope"}
        votes = [self.decide(m, subject, authority=authority, added=added, **reason) for m in by]
        self.force(added, *votes)
        return subject


def _members(world: DatedWorld) -> None:
    for name in ("tumor-board", "clara", "boris", "acme", "uni-lab", "st-mary", "north-clinic", "lakeside"):
        sort = {"type": "person"} if name in ("clara", "boris") else {}
        added = member_file(world, name, **sort)
        world.force(added, world.decide("ada", f"members/{name}/1.yml", added=added, reason="known to us"))


def _metrics() -> list[dict[str, Any]]:
    accuracy, sensitivity, auroc = metric_definitions()
    specificity = {
        **sensitivity,
        "key": "specificity",
        "name": "Specificity",
        "path": "specificity",
        "numerator": "true_negative",
        "denominator": "negative",
    }
    brier = {
        **accuracy,
        "key": "brier",
        "name": "Brier score",
        "path": "brier",
        "column": "brier",
        "primary": False,
        "binary": False,
        "better": "lower",
        "unit": "squared probability",
        "failed_score": 1.0,
    }
    return [accuracy, sensitivity, specificity, auroc, brier]


def _benchmark(world: DatedWorld) -> None:
    for number, (cube, sort) in enumerate([(PREPARATOR, "data-preparator"), (METRICS, "metrics")], 1):
        world.put(Kind.CUBE, cube, **cube_fields(sort, sort[:7], str(number)))
    for number, model in enumerate((*MODELS, WAITING, REJECTED, WITHDRAWN)):
        card = {
            "intended_use": "Research on fine needle aspirates of adults; not for the care of patients.",
            "training_data_overlap": "Trained on all 569 patients, also those of the hospitals."
            if model == REJECTED
            else "Trained on the 189 public training patients; none of them is in a hospital's data.",
        }
        links = [f"https://models.example/{model}"]
        fields = cube_fields("model", "infer", "3456789ab"[number], card=card, links=links)
        fields["description"] = f"{model.partition('/')[2].replace('-', ' ').capitalize()} on 30 features."
        world.put(Kind.CUBE, model, **fields)
    charter = {
        "title": "Malignancy of breast masses from fine needle aspirates",
        "description": "Tells malignant from benign breast masses by measurements of cell nuclei.",
        "clinical_task": "Triage of a palpable breast mass: the probability that it is malignant.",
        "population": "Adults with a fine needle aspirate of a breast mass.",
        "docs_url": "https://benchmarks.example/breast-cancer",
        "annotation_methodology": "Histology of the excised mass, or two years of follow-up.",
        "terms_of_use": "For research and teaching.\nCite the benchmark and its version.",
        "demo_dataset": {"sha256": "d" * 64, "size": 5000},
        "cubes": {
            "data_preparator": world.pin(f"cubes/{PREPARATOR}/1.yml"),
            "reference_model": world.pin(f"cubes/{REFERENCE}/1.yml"),
            "metrics": world.pin(f"cubes/{METRICS}/1.yml"),
        },
        "committee": {"threshold": 2, "members": ["boris", "clara"]},
        "metrics": _metrics(),
        "ranking": {"weighting": "cases"},
        "association_policy": {
            "datasets": {"mode": "never"},
            "models": {"mode": "allow-list", "allow": ["mgh"]},
        },
        "disclosure": {"minimum_cell": 11, "significant_digits": 6},
        "release": {"policy": "open"},
    }
    world.put(Kind.BENCHMARK, BENCHMARK, 1, by=["ada"], state="development", **charter)
    world.put(Kind.BENCHMARK, BENCHMARK, 2, by=["ada"], state="operation", **charter)


def _associate(world: DatedWorld, folder: str, subject: str, by: Iterable[str]) -> str:
    model = f"cubes/{REFERENCE}/1.yml" if folder == "datasets" else subject
    cubes = (f"cubes/{PREPARATOR}/1.yml", model, f"cubes/{METRICS}/1.yml")
    entity_id = f"{BENCHMARK}/{folder}/{'/'.join(subject.split('/')[1:3])}"
    test = {"cubes": [world.pin(p) for p in cubes], "data": "e" * 64, "metrics": ["accuracy"]}
    fields = {"benchmark": world.pin(CHARTER), "subject": world.pin(subject)}
    given = {**fields, "test": {**test, "outcome": "passed"}, "message": "we would like to take part"}
    return world.put(Kind.ASSOCIATION, entity_id, by=by, authority=CHARTER, **given)


def _prepared(patients: int, malignant: int) -> dict[str, Any]:
    spread = {"minimum": 6.98, "median": 13.4, "maximum": 28.1, "mean": 14.1, "sd": 3.52}
    features = dict.fromkeys(("radius_mean", "texture_mean", "area_mean", "concavity_worst"), spread)
    classes = {"benign": patients - malignant, "malignant": malignant}
    statistics = {"cases": patients, "classes": classes, "features": features}
    return {
        "hash": "f" * 64,
        "counts": {"cases": patients, "patients": patients},
        "statistics": statistics,
        "metadata": {"scanner": "Aperio AT2", "years": [2023, 2024], "blinded": True},
    }


def _datasets(world: DatedWorld) -> None:
    sizes = {**SITES, LEFT: (40, 29)}
    for (dataset, size), place in zip(sizes.items(), (*PLACES, "Lakeside, 2022"), strict=True):
        fields = {
            "description": "Consecutive fine needle aspirates, one per patient.",
            "location": place,
            "data_preparator": world.pin(f"cubes/{PREPARATOR}/1.yml"),
            "benchmark": world.pin(CHARTER),
            "ethics_approval": "IRB 2026-17",
        }
        world.put(Kind.DATASET, dataset, 1, state="development", **fields)
        world.put(Kind.DATASET, dataset, 2, state="operation", prepared=_prepared(*size), **fields)


def _rate(key: str, numerator: int, denominator: int, count: int) -> dict[str, Any]:
    share = numerator / denominator
    sd = math.sqrt(share * (1 - share) * count / denominator)
    sums = {"support": denominator, "numerator": float(numerator), "denominator": float(denominator)}
    whole = {"failed": 0, "missing": 0}
    return {"key": key, "kind": "ratio", "count": count, **sums, "sd": round(sd, 6), **whole}


def _values(accuracy: float, patients: int, malignant: int) -> list[dict[str, Any]]:
    counts = {"kind": "mean", "count": patients, "failed": 0, "missing": 0}
    spread = round(math.sqrt(accuracy * (1 - accuracy) * patients / (patients - 1)), 6)
    benign = patients - malignant
    return [
        {"key": "accuracy", **counts, "mean": accuracy, "sd": spread, "skewness": -4.1},
        _rate("sensitivity", round(malignant * (accuracy - 0.02)), malignant, patients),
        _rate("specificity", round(benign * min(1.0, accuracy + 0.02)), benign, patients),
        {"key": "auroc", "kind": "reported", "value": round(accuracy + 0.03, 3), "error": 0.009},
        {"key": "brier", **counts, "mean": round(1 - accuracy, 4), "sd": 0.12},
    ]


def _execution(model: dict[str, str], metrics: dict[str, str], missing: list[str]) -> dict[str, Any]:
    applied = ["no-network", "inputs-read-only", "root-read-only", "no-capabilities"]
    task = {"image": f"sha256:{'a' * 64}", "applied": applied, "missing": missing}
    took = {"started": "2026-11-22T10:00:00Z", "duration_seconds": 1.5}
    return {
        "tool": "medperf 0.1.0",
        "contract": 1,
        "engine": {"name": "docker", "version": "27.3.1", "rootless": False},
        "hardware": {"cpu": "a processor", "cpus": 8, "memory_bytes": 32 << 30, "gpus": ["a graphics card"]},
        "tasks": [
            {"task": name, "cube": cube, **task, **took}
            for name, cube in (("infer", model), ("evaluate", metrics))
        ],
    }


def _result(world: DatedWorld, model: str, site: str, accuracy: float, version: int = 1, **more: Any) -> str:
    metrics = world.pin(f"cubes/{METRICS}/1.yml")
    pin = world.pin(f"cubes/{model}/1.yml")
    earlier = [f"results/{BENCHMARK}/{m}/{site}/1.yml" for m in MODELS if m != model]
    difference = {
        "key": "accuracy",
        "count": {**SITES, LEFT: (40, 29)}[site][0],
        "difference": -0.01,
        "sd": 0.2,
    }
    fields: dict[str, Any] = {
        "benchmark": world.pin(CHARTER),
        "model": pin,
        "dataset": world.pin(f"datasets/{site}/2.yml"),
        "cubes": {"data_preparator": world.pin(f"cubes/{PREPARATOR}/1.yml"), "metrics": metrics},
        "unit": "patient",
        "metrics": _values(accuracy, *{**SITES, LEFT: (40, 29)}[site]),
        "against": [{"result": world.pin(p), "metrics": [difference]} for p in earlier if p in world.files],
        "partial": False,
        "failed_cases": 0,
        "execution": _execution(pin, metrics, more.pop("missing", [])),
    }
    return world.put(Kind.RESULT, f"{BENCHMARK}/{model}/{site}", version, **{**fields, **more})


def _end(world: DatedWorld, subject: str, by: Iterable[str], verdict: str, reason: str) -> None:
    authority = CHARTER if verdict == "revoke" else None
    for member in by:
        earlier = f"decisions/{subject.removesuffix('.yml')}/{member}/1.yml" in world.files
        given = {"authority": authority, "version": 1 + earlier, "reason": reason}
        world.force(world.decide(member, subject, verdict, **given))  # type: ignore[arg-type]


def _results(world: DatedWorld) -> None:
    for number, site in enumerate(SITES):
        for model, values in MODELS.items():
            accuracy = values[number]
            if (model, site) != ("uni-lab/linear-svm", LAKESIDE):
                partial = (model, site) == ("uni-lab/nearest-neighbours", "north-clinic/screening")
                missing = ["user-namespace"] if site == LAKESIDE else []
                _result(world, model, site, accuracy, partial=partial, missing=missing)
    first = _result(world, WITHDRAWN, "st-mary/aspirates", 0.81)
    _end(world, first, ["st-mary"], "withdraw", "the model left the benchmark")
    forest = "acme/random-forest"
    wrong = f"results/{BENCHMARK}/{forest}/st-mary/aspirates/1.yml"
    _end(world, wrong, ["st-mary"], "withdraw", "two patients were counted twice")
    _result(world, forest, "st-mary/aspirates", 0.9444, 2)
    early = _result(world, forest, LEFT, 0.9)
    _end(world, early, ["clara", "boris"], "revoke", "labels were read from the wrong column")


def _lost_key(world: DatedWorld) -> None:
    """Lakeside's key was stolen: a new one signs, the old one signs nothing any more."""
    keys = [
        {"key": member_key("lakeside").public_text, "label": "first key"},
        {"key": member_key("lakeside-2").public_text, "label": "hardware token"},
    ]
    fields = {"name": "Lakeside Hospital", "type": "organisation", "contact": "ai@lakeside.example"}
    world.put(Kind.MEMBER, "lakeside", 2, by=["ada"], keys=keys, **fields)
    keys[0] |= {"revoked": {"reason": "compromised", "since": "2026-11-20T08:00:00Z"}}  # type: ignore[dict-item]
    world.put(Kind.MEMBER, "lakeside", 3, key=member_key("lakeside-2"), keys=keys, **fields)


@cache
def _told() -> DatedWorld:
    world = DatedWorld()
    world.force(genesis(title="Breast cancer consortium"))
    _members(world)
    _benchmark(world)
    _datasets(world)
    both = ("clara", "boris")
    for model in (*MODELS, WITHDRAWN):
        if model != REFERENCE:
            _associate(world, "models", f"cubes/{model}/1.yml", both)
    for dataset in (*SITES, LEFT):
        _associate(world, "datasets", f"datasets/{dataset}/2.yml", both)
    _results(world)
    left = f"associations/{BENCHMARK}/models/{WITHDRAWN}/1.yml"
    _end(world, left, ["acme"], "withdraw", "we no longer maintain it")
    early = f"associations/{BENCHMARK}/datasets/{LEFT}/1.yml"
    _end(world, early, ["clara", "boris"], "revoke", "labels were read from the wrong column")
    memorizer = _associate(world, "models", f"cubes/{REJECTED}/1.yml", ())
    _end(world, memorizer, both, "revoke", "the model card says it was trained on the hospitals' patients")
    _lost_key(world)
    _associate(world, "models", f"cubes/{WAITING}/1.yml", ["clara"])
    world.force(member_file(world, "eastern-hospital"))
    return world


def consortium() -> DatedWorld:
    """The registry as it stands after all of that."""
    return _told()
