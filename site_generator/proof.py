"""How a reader proves one file with stock tools: `git`, `sha256sum` and `ssh-keygen -Y verify`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medperf_cli.core.names import REGISTRY_DIR, parse_path, parse_signature_path

RECORDER = "recorder"
"""What the merge bot, which signs recorded approvals, is called in the file of allowed signers."""


@dataclass(frozen=True)
class Step:
    """A command to copy, what it shows, and the output that proves it (empty: it prints nothing)."""

    says: str
    command: str
    expected: str


def principal(signature: str) -> str:
    """Who signed, as the file of allowed signers calls them: a member, an admin, or the recorder."""
    path = parse_signature_path(signature)
    return path.admin or path.entity.signer or RECORDER


def steps(entity: Mapping[str, Any], registry: Mapping[str, Any]) -> list[Step]:
    """The commands for one version, to be run in a clone of the registry's repository.

    Paths and names come from the registry's grammar, digests are hexadecimal: nothing here needs quoting.
    """
    path, commit = parse_path(entity["path"]), entity["commit"]
    inside = f"{REGISTRY_DIR}/{path}"
    got = Step(
        "The file stands in the registry's history:",
        f"git show {commit}:{inside} > file.yml",
        "",
    )
    digest = Step("It is these bytes:", "sha256sum file.yml", f"{entity['sha256']}  file.yml")
    namespace = path.namespace(registry["id"])
    signed = []
    for text in entity["signatures"]:
        signer = principal(text)
        check = f"ssh-keygen -Y verify -f allowed_signers -I {signer} -n {namespace} -s file.sig < file.yml"
        signed.append(
            Step(
                f"The key of {signer} signed it:",
                f"git show {commit}:{REGISTRY_DIR}/{text} > file.sig\n{check}",
                f'Good "{namespace}" signature for {signer} with … key SHA256:…',
            )
        )
    return [got, digest, *signed]
