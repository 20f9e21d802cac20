"""`medperf bot run` on a forge's address as processes: at once, killed for good, with what CI gives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.store.repository import GitStore
from tests.support.acting import act
from tests.support.forges.faults import Asked, How
from tests.support.forges.repository import Pull
from tests.support.hosted_desk import HostedDesk, on_forge
from tests.support.hosting import Hosted, hosted, replays
from tests.support.office import key_file
from tests.support.recording import ASSOCIATION, RECORDED, allow_recording, asked
from tests.support.world import member_file

pytestmark = pytest.mark.e2e
RUN = "from medperf_cli.main import run; import sys; sys.exit(run(sys.argv[1:]))"


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[HostedDesk]:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    with on_forge(tmp_path, hosted(tmp_path / "host", getattr(request, "param", 5))) as desk:
        yield desk


class Bot:
    """The command as a process of its own, with a working copy of this name."""

    def __init__(self, desk: HostedDesk, name: str = "bot", *more: str, **environment: str) -> None:
        told = {
            "MEDPERF_HOME": str(desk.folder / f"{name}-home"),
            "MEDPERF_FORGE": "github",
            "MEDPERF_FORGE_TOKEN": desk.token,
            "MEDPERF_ROOT": desk.root,
            **environment,
        }
        words = ["bot", "run", desk.url, "--once", "--folder", str(desk.folder / name), "--json", *more]
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, *words],
            env={**os.environ, **told},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ends(self, code: int = 0) -> Any:
        """What it printed, and said."""
        out, err = self.process.communicate(timeout=120)
        assert self.process.returncode == code, err
        assert "Traceback" not in err
        return json.loads(out) if code == 0 else err


def work(desk: HostedDesk) -> dict[str, Pull]:
    made = {f"cube {n}": desk.ask(Hosted(desk.folder, desk.world).cube(f"model{n}x")) for n in range(2)}
    return {**made, "waits": desk.ask(member_file(desk.world, "general-hospital"))}


def all_is_well(desk: HostedDesk, before: str, made: Mapping[str, Pull]) -> None:
    """Each is merged once and lawfully, and the one that waits has one comment that says so."""
    assert len(desk.first_parents(before)) == len(made) - 1
    with GitStore(desk.registry.path) as store:
        assert replays(store, desk.main())
    assert {pull.state for name, pull in made.items() if name != "waits"} == {"merged"}
    assert "waits for 1 more of the admins to approve: ada" in desk.status(made["waits"])


@pytest.mark.parametrize("folders", [("one", "two"), ("same", "same")])
def test_two_bots_at_once_merge_each_request_once(desk: HostedDesk, folders: tuple[str, str]) -> None:
    before, made = desk.main(), work(desk)
    for bot in [Bot(desk, name) for name in folders]:
        bot.ends()
    desk.run(folders[0])
    all_is_well(desk, before, made)


def kills(desk: HostedDesk, when: Callable[[Asked], bool]) -> None:
    """Kill the next bot when it asks for something; what it asked for is done all the same."""
    left = [True]
    bot = Bot(desk)

    def dies(found: Asked) -> bool:
        if left and when(found):
            left.clear()
            bot.process.kill()
        return False

    desk.forge.faults.add(How.BEFORE, dies)
    bot.process.communicate(timeout=120)
    assert bot.process.returncode == -signal.SIGKILL
    assert not left


@pytest.mark.parametrize(
    "when",
    [
        lambda found: found.path.endswith("/git-receive-pack"),
        lambda found: found.method == "POST" and found.path.endswith("/comments"),
    ],
    ids=["while it pushes", "while it comments"],
)
def test_killed_for_good_the_next_bot_completes_the_round(
    desk: HostedDesk, when: Callable[[Asked], bool]
) -> None:
    before, made = desk.main(), work(desk)
    kills(desk, when)
    desk.run()
    all_is_well(desk, before, made)


@pytest.mark.parametrize("desk", [11], indirect=True)
def test_the_recorders_key_comes_as_a_secret_and_stays_one(desk: HostedDesk) -> None:
    allow_recording(desk.world, desk.enter, desk.login)
    pull = desk.ask(act(desk.world, asked()).added)
    for name in ("boris", "clara"):
        desk.forge.review(pull, name)
    secret = key_file(desk.folder / "key", "recorder").read_text().strip()
    (row,) = Bot(desk, MEDPERF_RECORDER_KEY=secret).ends()
    assert row == {
        "request": str(pull.number),
        "fate": "merged",
        "commit": desk.main(),
        "findings": [],
        "left_out": [],
    }
    assert desk.has(ASSOCIATION, f"{RECORDED}/boris/1.yml", f"{RECORDED}/clara/1.yml")
    kept = [path for path in (desk.folder / "bot").rglob("*") if path.is_file()]
    assert not any(secret.split("\n")[2].encode() in path.read_bytes() for path in kept)


def test_what_ci_gives_wrongly_is_told_with_the_next_step(desk: HostedDesk) -> None:
    desk.ask(Hosted(desk.folder, desk.world).cube())
    nobody = {"MEDPERF_FORGE_TOKEN": "tok-nobody"}
    bad = [
        (Bot(desk, "a", MEDPERF_ROOT=f"sha256:{'0' * 64}"), 10, "the registry's root is"),
        (Bot(desk, "b", MEDPERF_ROOT=""), 2, "the root's fingerprint must be confirmed"),
        (Bot(desk, "c", **nobody), 4, "error MP-TOKEN"),
        (Bot(desk, "d", MEDPERF_FORGE="auto"), 4, "is on no hosted forge that is known by its name"),
    ]
    for bot, code, words in bad:
        said = bot.ends(code)
        assert words in said
        assert "next: " in said
        assert "tok-nobody" not in said
    assert not desk.has("cubes/acme/forest/1.yml")
