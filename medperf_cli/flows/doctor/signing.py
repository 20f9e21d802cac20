"""Checks of who acts: the key that signs, and whether it is the member's."""

from __future__ import annotations

import os
import stat
from typing import Any

from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner
from medperf_cli.core.names import Kind
from medperf_cli.errors import UnknownIdError
from medperf_cli.flows.doctor.finding import Finding, World, fail, ok, warn
from medperf_cli.flows.identity import signer
from medperf_cli.flows.reading.verified_index import reading

_TEST = b"medperf doctor\n"
_NAMESPACE = "medperf-doctor"
_NONE = "no key is chosen: reading needs none, publishing does"
_MAKE = "make one with `medperf key new`, or `medperf key use FILE`"


def key(world: World) -> Finding:
    """The key file is there, readable, and nobody else's to read."""
    file = world.deps.settings.key
    if file is None:
        return warn(_NONE, _MAKE)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        return fail(
            f"key file '{file}': {(error.strerror or '').lower()}", "choose another: `medperf key use FILE`"
        )
    if not file.is_file() or not os.access(file, os.R_OK):
        return fail(
            f"key file '{file}' cannot be read", "make it readable for this user, and for nobody else"
        )
    if file.suffix != ".pub" and mode & 0o077:
        return fail(
            f"others may read key file '{file}'",
            f"run `chmod 600 {file}`; if others could have copied it, make a new key",
        )
    return ok(f"'{file}'")


def signature(world: World) -> Finding:
    """A test message is signed and verified, as every submission is (raises ConfigurationError)."""
    if world.deps.settings.key is None:
        return ok("nothing to try")
    found = signer(world.deps.settings, interactive=False)
    found.sign(_TEST, _NAMESPACE)
    return ok(f"signs and verifies: {found.public_key.type} {found.public_key.fingerprint}")


def member(world: World) -> Finding:
    """The registry knows the member, with this key."""
    settings = world.deps.settings
    if settings.member is None:
        return warn(
            "no member is chosen: reading needs none, publishing does",
            "register with `medperf member register NAME`, or `medperf profile set member NAME`",
        )
    if settings.registry is None:
        return warn(
            f"'{settings.member}', and no registry to look it up in", "add one: `medperf registry add URL`"
        )
    with reading(settings) as (index, _):
        try:
            row = index.get(Kind.MEMBER, settings.member)
        except UnknownIdError:
            return fail(
                f"'{settings.member}' is not a member of this registry, or not yet",
                "`medperf review ls` says whom your request waits for; else `medperf member register`",
            )
    if not row.in_force:
        return fail(
            f"member '{settings.member}' is {row.standing}", f"see `medperf member view {settings.member}`"
        )
    return _with_key(world, row.document)


def _with_key(world: World, document: dict[str, Any]) -> Finding:
    settings = world.deps.settings
    if settings.key is None:
        return warn(f"'{settings.member}' is a member; no key is chosen", _MAKE)
    text = SshKeygenSigner(settings.key).public_key.text
    for known in document["keys"]:
        if known["key"] == text and known.get("revoked"):
            return fail(
                f"the key in use is revoked for '{settings.member}'", "use another: `medperf key use FILE`"
            )
        if known["key"] == text:
            return ok(f"'{settings.member}' is a member, and the key in use is its own")
    return fail(
        f"the key in use is not one of member '{settings.member}'",
        f"`medperf member view {settings.member}` shows its keys; choose one with `medperf key use FILE`",
    )
