"""How far a load or pull is, and that it can be left while the engine is silent."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from medperf_cli.adapters.runtime.docker_engine import DockerEngine, connect
from medperf_cli.adapters.runtime.docker_events import LOADING, PULLING, Layers, Told, patiently, refuse_error
from medperf_cli.adapters.steps import Bytes
from medperf_cli.core.entities.cube import Container
from medperf_cli.errors import EngineError, InterruptedByUserError
from tests.support.runtime import MIB, VOLUMES


class Listener:
    """Remembers progress; raises once it is told to end, as the talk of a cell does."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int | None]] = []
        self.end = threading.Event()

    def stage(self, text: str) -> None:
        """Nothing."""

    def progress(self, what: str, done: int, total: int | None) -> None:
        self.seen.append((what, done, total))
        if self.end.is_set():
            raise InterruptedByUserError("told to end")

    def log(self, chunk: bytes) -> None:
        """Nothing."""


def test_an_archive_that_is_read_tells_how_far_and_never_that_it_is_done(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(bytes(5 * MIB // 2))
    listener = Listener()
    with (tmp_path / "image.tar").open("rb", buffering=0) as file:
        told = Told(file, listener)
        sizes = [len(told.read(MIB // 2)) for _ in range(6)]
    assert sizes == [MIB // 2] * 5 + [0]
    whole = 5 * MIB // 2
    assert listener.seen == [(LOADING, n, whole) for n in (0, MIB, 2 * MIB, whole - 1)]
    assert all(isinstance(what, Bytes) for what, _, _ in listener.seen)


def test_layers_are_summed_up() -> None:
    listener = Listener()
    layers = Layers(listener)
    layers.tell_observer()
    for status, name, detail in [
        ("Pulling fs layer", "a", {}),
        ("Downloading", "a", {"current": 10, "total": 100}),
        ("Downloading", "b", {"current": 5, "total": 50}),
        ("Download complete", "a", {}),
        ("Extracting", "b", {"current": 1, "total": 9999}),
        ("Pull complete", "unknown", {}),
    ]:
        layers.see({"status": status, "id": name, "progressDetail": detail})
    assert [(done, total) for _, done, total in listener.seen] == [
        (0, None),
        (0, None),
        (10, 100),
        (15, 150),
        (105, 150),
        (149, 150),
        (149, 150),
    ]


def test_events_come_in_their_order_and_errors_come_through() -> None:
    assert list(patiently(lambda: iter([{"a": 1}, {"b": 2}]), lambda: None)) == [{"a": 1}, {"b": 2}]

    def broken() -> Any:
        yield {"a": 1}
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        list(patiently(broken, lambda: None))
    with pytest.raises(EngineError, match="docker cannot pull 'x': denied"):
        refuse_error({"error": "denied"}, "pull 'x'")


def test_a_silent_engine_is_left_when_the_look_says_so() -> None:
    listener, silent = Listener(), threading.Event()
    threading.Timer(0.2, listener.end.set).start()

    def never() -> Any:
        silent.wait(60)
        return iter(())

    began = time.monotonic()
    with pytest.raises(InterruptedByUserError):
        list(patiently(never, lambda: listener.progress(PULLING, 0, None)))
    silent.set()
    assert time.monotonic() - began < 30


@pytest.mark.container
def test_a_pull_from_a_registry_that_never_answers_can_be_left() -> None:
    try:
        engine: DockerEngine = connect()
    except EngineError as error:
        pytest.skip(f"no engine answers: {error.message}")
    listener = Listener()
    with socket.create_server(("127.0.0.1", 0)) as registry:
        port = registry.getsockname()[1]
        image = f"127.0.0.1:{port}/model@sha256:{'7' * 64}"
        document = {"container_type": "DockerImage", "image": image, "tasks": {"infer": VOLUMES}}
        threading.Timer(1.0, listener.end.set).start()
        began = time.monotonic()
        with pytest.raises((InterruptedByUserError, EngineError)) as caught:
            engine.image(Container.model_validate(document), None, listener)
    assert isinstance(caught.value, InterruptedByUserError), caught.value
    assert time.monotonic() - began < 30
