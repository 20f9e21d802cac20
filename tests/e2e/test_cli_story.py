"""A registry from nothing on the command line: found, add, join, approve, submit, prove."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.office import CubeFolder
from tests.support.terminal import Terminal


def test_from_an_empty_folder_to_a_model_in_operation(terminal: Terminal, tmp_path: Path) -> None:
    ada, acme = terminal.at(tmp_path / "ada"), terminal.at(tmp_path / "acme")
    place = tmp_path / "registry.git"

    ada("registry", "init", "--bare", place, "--admin", "ada", "--contact", "desk@example.org").failed(
        4, "MP-CONFIG", "no key is chosen", "medperf key new"
    )
    assert not place.exists()
    fingerprint = ada("key", "new").ok("keep a copy").out.strip()
    ada("registry", "init", "--bare", place, "--contact", "a@example.org").failed(2, "MP-USAGE", "--admin")
    founded = ada(
        "registry", "init", "--bare", place, "--title", "Breast imaging", "--admin", "ada",
        "--contact", "desk@example.org",
    ).ok()  # fmt: skip
    joining = founded.out.split()[1:]
    assert joining[:2] == ["registry", "add"]
    ada("registry", "init", "--bare", place).ok("hooks", "are renewed")
    registry = ada(*joining).ok("'Breast imaging' is verified: 1 changes").out.strip()

    acme(*joining[:-2]).failed(2, "MP-USAGE", "must be confirmed", joining[-1])
    acme(*joining[:-2], typing="n\n").failed(2, "MP-USAGE", "nothing was added")
    acme(*joining[:-2], typing="y\n").ok(joining[-1])
    acme("key", "new").ok()
    asking = ("member", "register", "acme", "--contact", "desk@acme.example")
    acme(*asking).failed(2, "MP-USAGE", "no terminal to ask at", "--yes")
    acme(*asking, "--dry-run").ok("nothing was sent", "registry/members/acme/1.yml")
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

    acme("verify", "cubes/acme/forest/2").ok("signed by acme", "ada decided: approve", joining[-1])
    acme("registry", "verify").ok("lawful from the first commit", "4 changes")
    signers = tmp_path / "allowed_signers"
    acme("registry", "export-allowed-signers", "-o", signers).ok()
    for ending in ("yml", "sig"):
        shown = ["git", f"--git-dir={place}", "show", f"main:registry/cubes/acme/forest/2.{ending}"]
        (tmp_path / f"forest.{ending}").write_bytes(
            subprocess.run(shown, capture_output=True, check=True).stdout
        )
    stock = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "acme", "-n", f"cube.v1@{registry}"]
    subprocess.run(
        [*stock, "-s", tmp_path / "forest.sig"],
        input=(tmp_path / "forest.yml").read_bytes(),
        capture_output=True,
        check=True,
    )
    assert fingerprint in ada("key", "ls").out
