"""Checks of how main is protected on a forge against what a registry needs (design: forges, ADR 0035)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase

from medperf_cli.adapters.forge.api import Protection
from medperf_cli.adapters.store.git import printable
from medperf_cli.errors import MedperfError
from medperf_cli.flows.doctor.finding import Finding, fail, ok, warn
from medperf_cli.flows.doctor.hosting import Hosting
from medperf_cli.flows.founding.protecting import CHECKS

_SET = "set it: `medperf registry protect URL --bot NAME`, with a token that may administer the repository"
_LOOK = "look in the repository's settings, or use a token that may administer it"


def token(hosting: Hosting) -> Finding:
    """Whose token it is that the forge is asked with."""
    assert hosting.account is not None  # noqa: S101 - these checks are for hosted forges
    try:
        return ok(f"'{hosting.account().login}' asks")
    except MedperfError as error:
        return warn(f"asked as nobody: {error.message}", error.hint or _LOOK)


def protected(hosting: Hosting) -> Finding:
    """There are rules for main at all."""

    def judge(found: Protection) -> Finding | None:
        if found.protected is None:
            return None
        return ok("main has rules") if found.protected else fail("main has no rules at all", _SET)

    return _judged(hosting, judge)


def requests(hosting: Hosting) -> Finding:
    """Nothing enters but by a request, or by the bot."""

    def judge(found: Protection) -> Finding | None:
        if found.pull_required is None:
            return None
        if found.pull_required:
            return ok("nothing enters main past a request, but by those who may push")
        if found.pushers:
            names = ", ".join(sorted(found.pushers))
            return warn(f"may push to main past all requests: {names}", "give that role to the bot alone")
        return fail("whoever may write can push to main past all requests", _SET)

    return _judged(hosting, judge)


def required_check(hosting: Hosting) -> Finding:
    """The check must have passed before a merge in the page."""
    assert hosting.address is not None  # noqa: S101 - these checks are for hosted forges
    wanted = CHECKS[hosting.address.vendor]

    def judge(found: Protection) -> Finding | None:
        if found.checks is None:
            return None
        if any(fnmatchcase(wanted, pattern) for pattern in found.checks):
            return ok(f"'{wanted}' must have passed before a merge in the page")
        names = ", ".join(sorted(found.checks)) or "none"
        return fail(f"'{wanted}' need not have passed before a merge in the page (required: {names})", _SET)

    return _judged(hosting, judge)


def force_push(hosting: Hosting) -> Finding:
    """History is not rewritten."""
    return _judged(hosting, lambda found: _off(found.force_push, "main can be force-pushed", "rewritten"))


def deletion(hosting: Hosting) -> Finding:
    """Main is not deleted."""
    return _judged(hosting, lambda found: _off(found.deletion, "main can be deleted", "deleted"))


def merge_commits(hosting: Hosting) -> Finding:
    """Merge commits may enter: the bot makes nothing else."""

    def judge(found: Protection) -> Finding | None:
        if found.linear is None:
            return None
        if found.linear:
            repair = "switch `Require linear history` off (GitLab: merge method `Merge commit`)"
            return fail("merge commits are refused: the bot could not push any", repair)
        return ok("merge commits may enter main")

    return _judged(hosting, judge)


def pushers(hosting: Hosting) -> Finding:
    """The merge bot may push, and nobody else."""

    def judge(found: Protection) -> Finding | None:
        if found.pushers is None:
            return None
        if not found.pull_required and not found.pushers:
            return warn("no rule says who may push", _SET)
        names = ", ".join(sorted(found.pushers)) or "nobody"
        lost, more = _unlike(hosting.bots, found.pushers)
        if not found.pushers or lost:
            missing = ", ".join(sorted(lost or hosting.bots)) or "somebody"
            return fail(f"the merge bot cannot push: {missing} is missing among '{names}'", _SET)
        if more if hosting.bots else len(found.pushers) > 1:
            repair = "take away who is no merge bot: whoever pushes can put in what readers will refuse"
            return warn(f"may push to main: {names}", repair)
        return ok(f"may push to main: {names}")

    return _judged(hosting, judge)


def _unlike(wanted: frozenset[str], found: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Who is wanted and not found, and the other way round; GitHub tells an app's number, not its name."""
    lost, more = wanted - found, found - wanted
    apps = {name for name in lost if name.endswith("[bot]")}
    numbers = {name for name in more if name.startswith("Integration ")}
    return (lost - apps, more - numbers) if len(apps) == len(numbers) else (lost, more)


def code_owners(hosting: Hosting) -> Finding:
    """Owners of what a request touches must approve it."""

    def judge(found: Protection) -> Finding | None:
        if found.code_owners is None:
            return None
        if found.code_owners:
            return ok("owners of code must approve what touches theirs")
        return warn("owners of code need not approve: whoever may merge can change workflows", _SET)

    return _judged(hosting, judge)


def _judged(hosting: Hosting, judge: Callable[[Protection], Finding | None]) -> Finding:
    """What a rule comes to; a warning where the forge does not tell."""
    assert hosting.protection is not None  # noqa: S101 - these checks are for hosted forges
    try:
        found = judge(hosting.protection())
    except MedperfError as error:
        return warn(f"cannot be told: {error.message}", error.hint or _LOOK)
    if found is None:
        return warn("cannot be told: the forge does not say", _LOOK)
    return replace(found, repair=found.repair.replace(" URL ", f" {printable(hosting.url)} "))


def _off(allowed: bool | None, danger: str, what: str) -> Finding | None:  # noqa: FBT001 - it is the question
    if allowed is None:
        return None
    return fail(danger, _SET) if allowed else ok(f"main cannot be {what}")
