"""Submitting cubes from MedPerf's container_config.yaml, and setting cubes and benchmarks operational."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.assets import AssetStore
from medperf_cli.adapters.store.hash_cache import HashCache
from medperf_cli.core.names import Kind, parse_path
from medperf_cli.errors import ConfigurationError, DocumentError, IntegrityError, MedperfError, UsageError
from medperf_cli.flows.submitting.submit_cube import set_operational, submit_cube
from medperf_cli.flows.submitting.write_cube import AssetShelf, cube_fields
from tests.support.hosting import Hosted
from tests.support.office import CubeFolder, Office, office
from tests.support.story_fields import (
    METRICS,
    PREPARATOR,
    REFERENCE,
    TISSUE,
    benchmark_fields,
)
from tests.support.story_fields import cube_fields as story_cube

DIGEST = f"sha256:{'a' * 64}"


@pytest.fixture
def folder(tmp_path: Path) -> CubeFolder:
    return CubeFolder(tmp_path / "cube")


@pytest.fixture
def shelf(tmp_path: Path) -> AssetShelf:
    cache = HashCache(tmp_path / "hashes.sqlite")
    stores = [AssetStore(tmp_path / name, cache) for name in ("local", "shared")]
    return AssetShelf(stores[0], stores[1], lambda *_: None)


def fields(folder: CubeFolder, shelf: AssetShelf, **more: Any) -> dict[str, Any]:
    return cube_fields(folder.files(**more), shelf, state="development", given={"type": "model"})


def submit(who: Office, folder: CubeFolder, name: str = "grove", **options: Any) -> Any:
    given = {"share": None, "operational": False, "given": {"type": "model"}, **options}
    return submit_cube(who.deps, name, folder.files(), **given)


def test_an_archive_is_pinned_by_its_bytes_and_its_image(
    folder: CubeFolder, shelf: AssetShelf, tmp_path: Path
) -> None:
    found = fields(folder, shelf, urls=("https://example.org/image.tar",))["container"]
    data = (folder.folder / "image.tar").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    assert found["archive"] == {
        "sha256": sha256,
        "size": len(data),
        "urls": ["https://example.org/image.tar"],
    }
    with tarfile.open(folder.folder / "image.tar") as tar:
        config = tar.extractfile("forest.json")
        assert config
        assert found["image_id"] == f"sha256:{hashlib.sha256(config.read()).hexdigest()}"
    assert (tmp_path / "local" / sha256).read_bytes() == data
    assert not (tmp_path / "shared").exists()
    shelf.share()
    assert (tmp_path / "shared" / sha256).read_bytes() == data


def test_an_image_of_a_registry_is_pinned_by_its_digest(folder: CubeFolder, shelf: AssetShelf) -> None:
    folder.config |= {"container_type": "DockerImage", "image": f"registry.example/forest@{DIGEST}"}
    found = fields(folder, shelf, archive=None)["container"]
    assert found["image"] == f"registry.example/forest@{DIGEST}"
    assert "archive" not in found


@pytest.mark.parametrize("image", ["acme/forest:latest", "acme/forest", None])
def test_an_image_without_digest_is_refused(folder: CubeFolder, shelf: AssetShelf, image: str | None) -> None:
    folder.config |= {"container_type": "DockerImage"} | ({"image": image} if image else {})
    with pytest.raises(UsageError) as refused:
        fields(folder, shelf, archive=None)
    assert "image" in refused.value.message
    assert refused.value.hint


def test_a_singularity_file_is_pinned_by_its_bytes_alone(folder: CubeFolder, shelf: AssetShelf) -> None:
    folder.config |= {"container_type": "SingularityFile"}
    found = fields(folder, shelf, archive=folder.write("image.sif", "a file system"))["container"]
    assert found["archive"]["size"] == len("a file system")
    assert "image_id" not in found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"container_type": "Podman"}, "container_type 'Podman' is not known"),
        ({"container_type": None}, "is not known"),
        ({"imagee": "x"}, "unknown key 'imagee'"),
    ],
)
def test_a_container_config_that_makes_no_sense(
    folder: CubeFolder, shelf: AssetShelf, changes: dict[str, Any], said: str
) -> None:
    folder.config |= changes
    with pytest.raises(UsageError, match=said):
        fields(folder, shelf)


def test_unknown_words_about_a_cube_are_refused(folder: CubeFolder, shelf: AssetShelf) -> None:
    folder.about |= {"license": "MIT"}
    with pytest.raises(UsageError, match="unknown key 'license'") as refused:
        fields(folder, shelf)
    assert "licence" in refused.value.hint


def test_missing_files_are_named(folder: CubeFolder, shelf: AssetShelf, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    with pytest.raises(UsageError, match="needs its archive"):
        fields(folder, shelf, archive=None)
    for option in ("archive", "about", "parameters"):
        with pytest.raises(UsageError, match=str(nowhere)):
            fields(folder, shelf, **{option: nowhere})
    with pytest.raises(UsageError, match=str(nowhere)):
        fields(folder, shelf, additional_files=(nowhere,))


def test_an_archive_holds_exactly_one_image(folder: CubeFolder, shelf: AssetShelf) -> None:
    with pytest.raises(ConfigurationError, match="holds 2 images"):
        fields(folder, shelf, archive=folder.archive("forest", "grove"))
    with pytest.raises(IntegrityError, match="is not an image archive"):
        fields(folder, shelf, archive=folder.write("image.tar", "no archive"))


def test_parameters_and_additional_files_are_part_of_a_cube(folder: CubeFolder, shelf: AssetShelf) -> None:
    weights = folder.write("weights.json", "[1]")
    packed = folder.write("trees.tar.gz", "packed")
    parameters = folder.write("parameters.yaml", {"depth": 3, "classes": ["benign", "malignant"]})
    found = fields(folder, shelf, parameters=parameters, additional_files=(weights, packed))
    assert found["parameters"] == {"depth": 3, "classes": ["benign", "malignant"]}
    assert [(f["name"], f["unpack"]) for f in found["additional_files"]] == [
        ("weights.json", False),
        ("trees.tar.gz", True),
    ]


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "1: 2", ""])
def test_a_parameters_file_is_a_mapping(folder: CubeFolder, shelf: AssetShelf, text: str) -> None:
    with pytest.raises(UsageError, match=r"parameters.yaml"):
        fields(folder, shelf, parameters=folder.write("parameters.yaml", text))


def test_a_submitted_cube_stands_in_main_and_once_only(host: Hosted, folder: CubeFolder) -> None:
    acme = office(host, "acme")
    done = submit(acme, folder)
    assert done.merged
    assert done.paths == ("cubes/acme/grove/1.yml",)
    asked = len(acme.asked)
    again = submit(acme, folder, "acme/grove")
    assert (again.paths, again.sent, len(acme.asked)) == ((), False, asked)
    assert not list((acme.copy / "outbox").rglob("*.yml"))
    folder.about["description"] = "a forest of more trees"
    assert submit(acme, folder).paths == ("cubes/acme/grove/2.yml",)


def test_what_is_shown_is_exactly_what_is_sent(host: Hosted, folder: CubeFolder) -> None:
    acme = office(host, "acme")
    submit(acme, folder)
    with host.store() as store:
        data = store.snapshot(host.main()).get("cubes/acme/grove/1.yml")
    assert data
    (shown,) = acme.asked
    assert "".join(f"  {line}\n" for line in data.decode().splitlines()) in shown


def test_fields_that_are_wrong_are_named_and_nobody_is_asked(host: Hosted, folder: CubeFolder) -> None:
    acme = office(host, "acme")
    del folder.about["licence"]
    with pytest.raises(DocumentError, match="licence"):
        submit(acme, folder)
    folder.about["licence"] = "MIT"
    for name in ("Grove", "../grove", "clara/grove", "a"):
        with pytest.raises(UsageError, match="is not a name"):
            submit(acme, folder, name)
    assert not acme.asked
    assert host.stands()


def test_declining_sends_nothing_and_shares_nothing(host: Hosted, folder: CubeFolder, tmp_path: Path) -> None:
    acme = office(host, "acme")
    refs = host.refs()
    acme.answer = lambda _: False
    done = submit(acme, folder, share=tmp_path / "share")
    assert (done.sent, done.outcome) == (False, "nothing was sent")
    assert host.refs() == refs
    assert not (tmp_path / "share").exists()
    assert not (acme.copy / "outbox").exists()
    acme.answer = lambda _: True
    assert submit(acme, folder, share=tmp_path / "share").merged
    assert len(list((tmp_path / "share").iterdir())) == 1


def test_operation_freezes_a_cube(host: Hosted, folder: CubeFolder) -> None:
    acme = office(host, "acme")
    submit(acme, folder)
    assert set_operational(acme.deps, Kind.CUBE, "grove").paths == ("cubes/acme/grove/2.yml",)
    assert set_operational(acme.deps, Kind.CUBE, "grove").paths == ()
    folder.config["tasks"]["infer"]["run_args"]["command"] = "python3 /project/other.py"
    with pytest.raises(MedperfError) as refused:
        submit(acme, folder, operational=True)
    assert refused.value.exit_code == 1
    with host.store() as store:
        assert store.snapshot(host.main()).get("cubes/acme/grove/3.yml") is None


def test_a_benchmark_in_operation_pins_the_versions_in_operation_of_its_cubes(host: Hosted) -> None:
    world = host.world
    for cube, kind, task, seed in (
        (PREPARATOR, "data-preparator", "prepare", "1"),
        (REFERENCE, "model", "infer", "2"),
        (METRICS, "metrics", "evaluate", "3"),
    ):
        host.enter(world.write(Kind.CUBE, cube, **story_cube(kind, task, seed, "development")))
    added = world.write(Kind.BENCHMARK, TISSUE, **benchmark_fields(world))
    host.enter({**added, **world.decide("ada", f"benchmarks/{TISSUE}/1.yml", added=added)})
    board = office(host, "tumor-board")
    for cube in (PREPARATOR, REFERENCE, METRICS):
        assert set_operational(board.deps, Kind.CUBE, cube).merged
    done = set_operational(board.deps, Kind.BENCHMARK, "wdbc")
    assert not done.merged
    assert "ada" in done.outcome
    again = set_operational(board.deps, Kind.BENCHMARK, "wdbc")
    assert (again.request, len(host.member().forge.list())) == (done.request, 1)
    (request,) = host.member().forge.list()
    with host.store() as store:
        text = store.snapshot(request.head).get(f"benchmarks/{TISSUE}/2.yml")
    assert text
    pins = {line.partition('"')[2].rstrip('"') for line in text.decode().splitlines() if "path:" in line}
    assert text.decode().count("/2.yml") == 3, pins
    assert parse_path(done.paths[0]).version == 2
