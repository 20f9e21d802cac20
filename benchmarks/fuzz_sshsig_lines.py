"""Damages allowed-signers lines: names, options, spacing, key, and lines around."""

from __future__ import annotations

import base64
import random
from dataclasses import replace

from benchmarks.fuzz_sshsig_cases import NAMESPACE, Case, damaged, respelled
from benchmarks.fuzz_sshsig_keys import SigningKey, keys


def damage_line(case: Case, key: SigningKey, rng: random.Random) -> Case:
    """Change the allowed-signers line: names, options, spacing, key, or lines around it."""
    text = case.signers.decode().removesuffix("\n")
    name, options, type_, encoded = text.split(" ")
    choice = rng.randrange(7)
    if choice == 0:
        name = rng.choice(
            ("other", "mgh,other", "*", "m*", "mg?", "!mgh,*", "MGH", '"mgh"', "mg", "mghx", "")
        )
    elif choice == 1:
        options = _options(rng, options)
    elif choice == 2:  # noqa: PLR2004 - one of the choices
        blob = rng.choice(
            (damaged(key.blob, rng), respelled(key.blob, rng), rng.choice(list(keys().values())).blob)
        )
        encoded = base64.b64encode(blob).decode()
    elif choice == 3:  # noqa: PLR2004
        edits = (encoded + "=", encoded.rstrip("="), encoded[:-4] + "AA" + encoded[-2:], encoded + " laptop")
        encoded = rng.choice((*edits, encoded[:40] + " " + encoded[40:], encoded + "\0", encoded[:-1]))
    elif choice == 4:  # noqa: PLR2004
        types = (
            "ssh-rsa",
            "ssh-ed25519",
            "rsa-sha2-512",
            "ssh-ed25519-cert-v01@openssh.com",
            "",
            type_.upper(),
        )
        type_ = rng.choice(types)
    text = f"{name} {options} {type_} {encoded}"
    if choice == 5:  # noqa: PLR2004
        other = text.replace("mgh", "other", 1)
        around = ("# {}", "\n{}", "{}\r", "{} ", " {}", "\t{}", "{}\n\n# end", "x y\n{}", "{}\n{}", "{}\nx")
        text = rng.choice((*around, f"{other}\n{{}}", f"{{}}\n{other}")).replace("{}", text)
        text = rng.choice((text, text.replace(" ", "\t"), text.replace(" ", "  ", 1)))
    data = damaged(text.encode(), rng) if choice == 6 else text.encode()  # noqa: PLR2004
    return replace(case, signers=data + rng.choice((b"\n", b"\n", b"\n", b"")))


def _options(rng: random.Random, options: str) -> str:
    """Options of allowed-signers lines, as ssh-keygen(1) has them, and nearly so."""
    only = f'namespaces="{NAMESPACE}"'
    lists = (
        NAMESPACE[:-1] + "*",
        "*",
        f"!{NAMESPACE},*",
        "result.v1@?*",
        "file",
        "",
        NAMESPACE.upper(),
        f"{NAMESPACE},x",
    )
    times = ('"20200101"', '"20990101"', '"20200101000000Z"', '"x"', '""', "20990101")
    more = (
        *(f"{when}={at}" for when in ("valid-after", "valid-before") for at in times),
        *("cert-authority", "no-touch-required", "verify-required", "restrict", "CERT-AUTHORITY", 'from="x"'),
    )
    return rng.choice(
        (
            f'namespaces="{rng.choice(lists)}"',
            f"{options},{rng.choice(more)}",
            f"{rng.choice(more)},{options}",
            rng.choice(more),
            f"{only},{only}",
            options.replace("namespaces", rng.choice(("NAMESPACES", "Namespaces", "namespace"))),
            options.replace('"', rng.choice(("", "'", '\\"'))),
            options.replace(",", ", "),
            rng.choice((only, "")),
        )
    )
