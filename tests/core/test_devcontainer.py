"""A codespace opens ready for the tutorials: everything it names is there, and pinned."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIELDS = {  # of those in the published schema (devContainer.base.schema.json)
    *("name", "image", "features", "remoteUser", "hostRequirements", "remoteEnv", "postCreateCommand"),
    *("waitFor", "customizations"),
}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    config: dict[str, Any] = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    return config


def test_it_has_only_fields_that_the_schema_knows(config: dict[str, Any]) -> None:
    assert set(config) <= FIELDS


def test_image_and_features_are_pinned_to_a_version(config: dict[str, Any]) -> None:
    assert re.search(r":[\d.]+-3\.(\d+)-\w+$", config["image"])
    assert [name for name in config["features"] if "docker-in-docker" in name]
    assert all(re.search(r":\d+\.\d+\.\d+$", name) for name in config["features"])


def test_its_python_is_new_enough(config: dict[str, Any]) -> None:
    found = re.search(r"-3\.(\d+)-", config["image"])
    assert found
    assert int(found[1]) >= 11


def test_it_makes_targets_that_there_are(config: dict[str, Any]) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    steps = [step.split() for step in config["postCreateCommand"].split("&&")]
    assert ["make", "setup"] in steps
    for program, *targets in steps:
        assert program == "make"
        assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in targets)


def test_it_opens_a_page_that_there_is(config: dict[str, Any]) -> None:
    pages = config["customizations"]["codespaces"]["openFiles"]
    assert all((ROOT / page).is_file() for page in pages)
