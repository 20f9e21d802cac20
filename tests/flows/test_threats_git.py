"""Threats by what a tree holds, on real git: tried at a bare repository's hook, and in main past it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.acting import write
from tests.support.attack import CUBE, Scene
from tests.support.hosting import Hosted
from tests.support.keys import member_key
from tests.support.registry_repo import Odd

ZERO = "0" * 64
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{ZERO}\nsize 1\n".encode()


@pytest.fixture(scope="module")
def scene(templates: Callable[[int], Hosted], tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """One for all of this module: what is refused leaves it as it was."""
    return Scene.set(templates(5).copy(tmp_path_factory.mktemp("attacked")))


@pytest.mark.parametrize(
    ("mode", "data"),
    [("120000", b"../../../../../etc/passwd"), ("100755", b"schema: cube/1\n"), ("160000", b"")],
    ids=["symlink", "executable", "submodule"],
)
def test_a_symlink_an_executable_a_submodule(scene: Scene, mode: str, data: bytes) -> None:
    files = scene.files(write(CUBE)) | {f"registry/{CUBE}": Odd(mode, data or scene.good.encode())}
    error = scene.refused_everywhere(scene.commit(files), "TREE001")
    assert f"mode {mode}" in error.findings[0].message


def test_a_symlink_or_submodule_in_place_of_the_whole_registry(scene: Scene) -> None:
    for odd in (Odd("120000", b"/tmp/registry"), Odd("160000", scene.good.encode())):
        gone = scene.commit({"registry": odd}, delete=["registry"])
        scene.refused_everywhere(gone, "TREE001")


@pytest.mark.parametrize("name", ["registry/cubes/.gitattributes", "registry/cubes/acme/.gitattributes"])
def test_attributes_that_would_alter_bytes_on_checkout(scene: Scene, name: str) -> None:
    files = scene.files(write(CUBE)) | {name: b"* text eol=crlf filter=lfs\n"}
    scene.refused_everywhere(scene.commit(files), "TREE001")


def test_the_registrys_attributes_changed(scene: Scene) -> None:
    scene.refused_everywhere(scene.commit({"registry/.gitattributes": b"* text\n"}), "TREE001")


@pytest.mark.parametrize("name", ["registry/.gitmodules", ".gitmodules"])
def test_modules_that_a_clone_would_fetch(scene: Scene, name: str) -> None:
    modules = b'[submodule "x"]\n\tpath = registry/x\n\turl = https://models.example.org/x\n'
    scene.refused_everywhere(scene.commit(scene.files(write(CUBE)) | {name: modules}), "TREE001")


def test_a_large_file_pointer_in_place_of_a_file(scene: Scene) -> None:
    files = scene.files(write(CUBE)) | {f"registry/{CUBE}": POINTER}
    scene.refused_everywhere(scene.commit(files), "DOC001")


def test_3001_files(scene: Scene) -> None:
    many = {f"registry/cubes/acme/tree-{number}/1.yml": b"?" for number in range(3001)}
    error = scene.refused_everywhere(scene.commit(many), "TREE001", "TREE004", told="more")
    assert any("beyond 3000 files" in finding.message for finding in error.findings)


NAMES = [
    b"registry/cubes/acme/a'b/1.yml",
    b'registry/cubes/acme/a"b/1.yml',
    b"registry/cubes/acme/a\nb/1.yml",
    b"registry/cubes/acme/a\tb\x1b[2J/1.yml",
    b"registry/cubes/acme/-rf/1.yml",
    b"registry/cubes/acme/--upload-pack=id/1.yml",
    b"registry/cubes/acme/$(id)/1.yml",
    b"registry/cubes/acme/`id`;id/1.yml",
    "registry/cubes/acme/caf\u00e9/1.yml".encode(),
    "registry/cubes/acme/cafe\u0301/1.yml".encode(),
    "registry/cubes/acme/tr\u0435\u0435/1.yml".encode(),
    b"registry/cubes/acme/\xff\xfe/1.yml",
    b"registry/cubes/acme/Tree/1.yml",
    b"registry/Cubes/acme/tree/1.yml",
    b"registry/members/ACME/1.yml",
    b"registry/cubes/acme/CON.yml",
    b"registry/cubes/acme/con/1.yml",
    b"registry/cubes/acme/tree/1.yml.",
    b"registry/cubes/acme/tree/01.yml",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_made_to_deceive_a_shell_a_file_system_or_a_reader(scene: Scene, name: bytes) -> None:
    lawful = {path.encode(): data for path, data in scene.files(write(CUBE)).items()}
    commit = scene.commit(lawful | {name: lawful[f"registry/{CUBE}".encode()]})
    error = scene.refused_everywhere(commit, "TREE001")
    assert all(f.path.isascii() and f.path.isprintable() for f in error.findings)


def test_all_odd_names_at_once_are_all_told(scene: Scene) -> None:
    error = scene.refused_everywhere(scene.commit(dict.fromkeys(NAMES, b"x\n")), "TREE001")
    assert len({finding.path for finding in error.findings}) == len(NAMES)


def test_editing(scene: Scene) -> None:
    member = scene.world.files["members/acme/1.yml"].replace(b"Acme", b"Ecme")
    scene.refused_everywhere(scene.commit({"registry/members/acme/1.yml": member}), "TREE001")


def test_deleting(scene: Scene) -> None:
    scene.refused_everywhere(scene.commit({}, delete=["registry/members/acme/1.sig"]), "TREE001")
    scene.refused_everywhere(scene.commit({}, delete=["registry"]), "TREE001")


def test_renaming(scene: Scene) -> None:
    moved = {
        f"registry/members/ecme/1.{end}": scene.world.files[f"members/acme/1.{end}"] for end in ("yml", "sig")
    }
    gone = ["registry/members/acme/1.yml", "registry/members/acme/1.sig"]
    scene.refused_everywhere(scene.commit(moved, delete=gone), "TREE001", "DOC003")


@pytest.mark.parametrize(
    "path", ["medperf_cli/core/check/engine.py", ".github/workflows/check.yml", "ci/hook.py"]
)
def test_a_request_that_also_edits_the_validator_or_the_workflows(scene: Scene, path: str) -> None:
    lawful = scene.files(write(CUBE))
    commit = scene.commit(lawful | {path: b"def check(change): return ()\n"})
    assert "TREE001" in scene.asked(commit, lawful)
    scene.refused_everywhere(commit, "TREE001")


DOCUMENTS = {
    "bomb": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "deep": "a: " + "[" * 5000 + "]" * 5000 + "\n",
    "deep-blocks": "".join(f"{'  ' * n}a:\n" for n in range(60)) + "  " * 60 + "b\n",
    "twice": "schema: cube/1\nschema: cube/1\n",
    "tag": "schema: !!python/object/apply:os.system [id]\n",
    "separator": 'schema: "cube\u2028/1"\n',
    "huge": f"schema: {'9' * 4300}\n",
    "beyond": "version: 9007199254740993\n",
    "documents": "schema: cube/1\n---\nschema: cube/1\n",
    "norway": "schema: no\n",
}


def test_a_document_that_is_not_strict_yaml(scene: Scene) -> None:
    """All in one change, each signed as it is: each is told."""
    files: dict[str, bytes] = {}
    for name, text in DOCUMENTS.items():
        path = f"cubes/acme/{name}/1.yml"
        raw = [{"bytes": {"path": path, "text": text}}, {"sign": {"path": path, "by": "acme"}}]
        files |= scene.files(*raw)
    error = scene.refused_everywhere(scene.commit(files), "DOC001")
    told = {finding.path.split("/")[2] for finding in error.findings if finding.rule == "DOC001"}
    assert told == set(DOCUMENTS)


@pytest.mark.parametrize(
    "how",
    [{"like": "datasets/acme/tree/1.yml"}, {"registry": "f" * 32}, {"by": "mallory"}],
    ids=["kind", "registry", "key"],
)
def test_a_signature_for_another_kind_or_registry_or_by_another_key(
    scene: Scene, how: dict[str, str]
) -> None:
    files = scene.files(write(CUBE), {"sign": {"path": CUBE, "by": "acme", **how}})
    scene.refused_everywhere(scene.commit(files), "SIG001")


def test_an_unsigned_file_merged_by_an_admin_of_the_forge(scene: Scene) -> None:
    files = scene.files(write(CUBE), {"drop": CUBE.replace(".yml", ".sig")})
    scene.refused_everywhere(scene.commit(files), "TREE003")


def test_a_forged_recorder_file(scene: Scene) -> None:
    path = "recorded/members/acme/1/ada/1.yml"
    body = scene.world.decide("ada", "members/acme/1.yml")["decisions/members/acme/1/ada/1.yml"]
    data = body.replace(b"decision/1", b"recorded/1")
    sig = member_key("acme").sign(data, f"recorded.v1@{scene.world.registry}")
    files = {f"registry/{path}": data, f"registry/{path[:-4]}.sig": sig}
    scene.refused_everywhere(scene.commit(files), "DOC002")


def test_what_is_hidden_behind_a_lawful_commit(scene: Scene) -> None:
    """The last tree looks lawful: the stray file came and went on the way."""
    bad = scene.commit({"registry/cubes/acme/CON.yml": b"x\n"})
    good = scene.commit({}, delete=["registry/cubes/acme/CON.yml"], on=bad)
    assert "TREE001" in scene.pushed(good)
    assert bad[:12] in scene.forced(good).message
