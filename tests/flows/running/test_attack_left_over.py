"""A preparation that was killed leaves a container that goes on writing: the next one ends it first."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from medperf_cli.adapters.runtime import owner
from medperf_cli.adapters.runtime.base import OWNER_LABEL
from medperf_cli.adapters.runtime.docker_engine import DockerEngine
from tests.support.hospital import Hospital

if TYPE_CHECKING:
    from docker import APIClient

pytestmark = pytest.mark.container


def test_the_container_of_a_killed_preparation_is_removed_before_the_next_begins(
    hospital: Hospital, engine: DockerEngine
) -> None:
    from docker import APIClient  # noqa: PLC0415 - only where the SDK is there

    hospital.submit()
    hospital.prepare()
    with closing(APIClient(engine._host, version="auto")) as api:
        for _ in range(4):  # another test on this machine may be faster to remove what was left
            left = left_over(api, hospital)
            hospital.prepare(again=True)
            assert left not in {c["Id"] for c in api.containers(all=True)}
            if hospital.talk.heard("left behind by a process that was killed"):
                return
    pytest.fail("nobody said that a container was removed")


def left_over(api: APIClient, hospital: Hospital) -> str:
    """A running container of a process that is gone."""
    born = owner.this_process().rpartition(":")[0]
    found: str = api.create_container(
        hospital.image.config_digest,
        ["sleep", "60"],
        labels={OWNER_LABEL: f"{born}:1"},
        host_config=api.create_host_config(network_mode="none"),
    )["Id"]
    api.start(found)
    return found
