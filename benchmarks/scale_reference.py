"""What a cold verify is measured against: read, load, emit and verify every file, on all processors.

Usage: python benchmarks/scale_reference.py REGISTRY.git   prints the seconds it took

Each entity of main and its signature goes through `git cat-file --batch`, PyYAML's C loader (libyaml), the
registry's emitter and one Ed25519 verification. No rule is applied, no state is kept, nothing is compared.
"""

from __future__ import annotations

import base64
import hashlib
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

sys.path.insert(0, str(Path(__file__).parents[1]))

from medperf_cli.core.strict_yaml import emit

_SHARE = 1000
Pair = tuple[str, str, str]
"""Object ids of a file and of its signature, and the namespace it is signed in."""


def pairs(path: Path) -> list[Pair]:
    """Every entity of main that has one signature."""
    listed = subprocess.run(
        ["git", f"--git-dir={path}", "ls-tree", "-r", "main:registry"], check=True, capture_output=True
    )
    found = {}
    for line in listed.stdout.decode().splitlines():
        words, _, name = line.partition("\t")
        found[name] = words.split()[2]
    shown = ["git", f"--git-dir={path}", "cat-file", "blob", found["root/1.yml"]]
    root = yaml.load(subprocess.run(shown, check=True, capture_output=True).stdout, Loader=yaml.CSafeLoader)
    return [
        (oid, found[name[:-4] + ".sig"], f"{name.partition('/')[0].removesuffix('s')}.v1@{root['registry']}")
        for name, oid in found.items()
        if name.endswith(".yml") and name[:-4] + ".sig" in found
    ]


def judge(path: Path, share: Sequence[Pair]) -> int:
    """Read a share of the files and verify each."""
    asked = "".join(f"{entity}\n{signature}\n" for entity, signature, _ in share)
    command = ["git", f"--git-dir={path}", "cat-file", "--batch"]
    answer = subprocess.run(command, input=asked.encode(), check=True, capture_output=True).stdout
    position = 0
    for _, _, namespace in share:
        data, position = _object(answer, position)
        armor, position = _object(answer, position)
        if emit(yaml.load(data, Loader=yaml.CSafeLoader)) != data:
            raise RuntimeError("a file is not in its one spelling")
        _verify(data, armor, namespace.encode())
    return len(share)


def _object(answer: bytes, position: int) -> tuple[bytes, int]:
    end = answer.index(b"\n", position)
    size = int(answer[position:end].split()[2])
    return answer[end + 1 : end + 1 + size], end + size + 2


def _packed(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def _verify(data: bytes, armor: bytes, namespace: bytes) -> None:
    """Take the key and the signature out of an SSHSIG of Ed25519, which has one length, and verify."""
    blob = base64.b64decode(b"".join(armor.split(b"\n")[1:-2]))
    signed = b"SSHSIG" + _packed(namespace, b"", b"sha512", hashlib.sha512(data).digest())
    key = blob[33:65]
    Ed25519PublicKey.from_public_bytes(key).verify(blob[-64:], signed)


def main(path: Path) -> float:
    """Do it once; returns the seconds."""
    began = time.perf_counter()
    found = pairs(path)
    shares = [(path, found[at : at + _SHARE]) for at in range(0, len(found), _SHARE)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        if sum(pool.starmap(judge, shares, chunksize=1)) != len(found):
            raise RuntimeError("not every file was read")
    return time.perf_counter() - began


if __name__ == "__main__":
    print(main(Path(sys.argv[1])))
