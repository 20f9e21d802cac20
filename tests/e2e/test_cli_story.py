"""A registry from nothing on the command line: found, add, join, approve, submit, prove."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.office import CubeFolder
from tests.support.terminal import Terminal


def found(ada: Terminal, place: Path) -> list[str]:
    """An admin makes a registry; returns what whoever joins has to type."""
    init = ("registry", "init", "--bare", place)
    ada(*init, "--admin", "ada", "--contact", "desk@example.org").failed(
        4, "MP-CONFIG", "no key is chosen", "medperf key new"
    )
    assert not place.exists()
    ada("key", "new").ok("keep a copy")
    ada(*init, "--contact", "a@example.org").failed(2, "MP-USAGE", "--admin")
    assert not place.exists()
    founded = ada(*init, "--title", "Breast imaging", "--admin", "ada", "--contact", "a@example.org").ok()
    ada(*init).ok("hooks", "are renewed")
    command = founded.out.split()[1:]
    assert command[:2] == ["registry", "add"]
    return command


def join(ada: Terminal, acme: Terminal) -> None:
    """A newcomer asks, the admin looks and approves."""
    acme("key", "new").ok()
    asking = ("member", "register", "acme", "--contact", "desk@acme.example")
    acme(*asking).failed(2, "MP-USAGE", "no terminal to ask at", "--yes")
    acme(*asking, "--dry-run").ok("nothing was sent", "registry/members/acme/1.yml")
    assert not list(acme.home.glob("registries/*/outbox"))
    assert ada("review", "ls", "--json").json == []
    acme(*asking, "--yes").ok("is open: 'members/acme/1.yml' waits for 1 more of the admins to approve: ada")
    acme(*asking, "--yes").ok("is open")
    (waiting,) = ada("review", "ls", "--json").ok().json
    assert (waiting["author"], waiting["verdict"]) == ("acme", "REVIEW")
    request = waiting["request"]
    ada("review", "show", request[:5]).ok("registry/members/acme/1.yml", "APP001", "decided by: nobody")
    ada("review", "approve", request, typing="n\n").ok("verdict: approve", "nothing was sent")
    ada("review", "approve", request, "--reason", "telephoned", "--yes").ok("is merged")
    ada("review", "approve", request, "--yes").failed(2, "MP-UNKNOWN-ID", "review ls")


def proved(signers: Path, who: str, namespace: str, place: Path, path: str) -> bool:
    """Whether stock git and ssh-keygen agree that somebody signed a file of main."""
    for ending in ("yml", "sig"):
        show = ["git", f"--git-dir={place}", "show", f"main:registry/{path}.{ending}"]
        data = subprocess.run(show, capture_output=True, check=True).stdout
        (signers.parent / f"one.{ending}").write_bytes(data)
    verify = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", who, "-n", namespace]
    verify += ["-s", signers.parent / "one.sig"]
    data = (signers.parent / "one.yml").read_bytes()
    return subprocess.run(verify, input=data, capture_output=True, check=False).returncode == 0


def test_from_an_empty_folder_to_a_model_in_operation(terminal: Terminal, tmp_path: Path) -> None:
    ada, acme = terminal.at(tmp_path / "ada"), terminal.at(tmp_path / "acme")
    place = tmp_path / "registry.git"
    *adding, root = found(ada, place)
    registry = ada(*adding, root).ok("'Breast imaging' is verified: 1 change, 2 files").out.strip()
    adding.remove("--root")
    acme(*adding).failed(2, "MP-USAGE", "must be confirmed", root)
    acme(*adding, typing="n\n").failed(2, "MP-USAGE", "nothing was added")
    acme(*adding, typing="y\n").ok(root)
    join(ada, acme)

    cube = CubeFolder(tmp_path / "cube")
    files = (
        "--container-config",
        cube.config_file,
        "--about",
        cube.about_file,
        "--archive",
        cube.archive("one"),
    )
    acme("model", "submit", "forest", *files, typing="y\n").ok(
        "registry/cubes/acme/forest/1.yml", "is merged"
    )
    acme("model", "set_operational", "forest", "--yes").ok("registry/cubes/acme/forest/2.yml")
    acme("model", "set-operational", "forest", "--yes").ok("says the same already")
    (model,) = acme("model", "ls", "--mine", "--json").json
    assert (model["id"], model["version"], model["state"]) == ("acme/forest", 2, "operation")
    assert "acme/forest" in acme("container", "ls", "--state", "operation").ok().out

    acme("verify", "cubes/acme/forest/2").ok("signed by acme", "ada: approve", root.removeprefix("sha256:"))
    acme("registry", "verify").ok("lawful from the first commit", "4 changes")
    signers = tmp_path / "allowed_signers"
    acme("registry", "export-allowed-signers", "-o", signers).ok()
    assert proved(signers, "acme", f"cube.v1@{registry}", place, "cubes/acme/forest/2")
    assert not proved(signers, "ada", f"cube.v1@{registry}", place, "cubes/acme/forest/2")
