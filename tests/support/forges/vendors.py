"""Which vendors are simulated: each in a module of its name here, which offers `SIMULATED`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint

from medperf_cli.adapters.forge.api import Vendor
from tests.support.forges.forge import SimulatedForge, Traits


@dataclass(frozen=True)
class Simulated:
    """A vendor's façade: how its forge differs, and its web interface over one."""

    vendor: Vendor
    traits: Traits
    blueprint: Callable[[SimulatedForge], Blueprint]


def simulated(vendor: Vendor) -> Simulated:
    """The façade of a vendor."""
    found: Simulated = importlib.import_module(f"tests.support.forges.{vendor}").SIMULATED
    return found


def available() -> list[Vendor]:
    """The vendors that are simulated."""
    return [v for v in Vendor if importlib.util.find_spec(f"tests.support.forges.{v}")]
