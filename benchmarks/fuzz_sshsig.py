"""Differential fuzzing of SSHSIG: our verdict against that of stock `ssh-keygen -Y verify`.

Each case is a damaged signature or allowed-signers line, given to both. We never accept what `ssh-keygen`
refuses, and refuse what it accepts for the reasons in `fuzz_sshsig_reasons.py` only. We write such lines and
read none, so our side of a line is: `medperf registry export-allowed-signers` would write these bytes.

`python -m benchmarks.fuzz_sshsig --count 100000` uses all cores; a case is known by `--seed` and its number.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.fuzz_sshsig_cases import Case
from benchmarks.fuzz_sshsig_mutations import mutant
from benchmarks.fuzz_sshsig_reasons import explain
from medperf_cli.core.names import is_name
from medperf_cli.core.sshsig import parse_public_key, verify
from medperf_cli.errors import SignatureError
from medperf_cli.flows.reading.allowed_signers import signers_line

_LINE = re.compile(r'([a-z0-9-]+) namespaces="([^"]*)" ([^ ]+ [^ ]+)\n')
_NAMESPACE = re.compile(r"([a-z]+)\.v1@([0-9a-f]{32})")
_CHUNK = 250


@dataclass
class Outcome:
    """What became of some cases; `faults` must stay empty."""

    both_accept: int = 0
    both_refuse: int = 0
    stricter: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """Of our own verdicts."""

    @property
    def count(self) -> int:
        """How many were judged."""
        return self.both_accept + self.both_refuse + self.stricter.total() + len(self.faults)

    def add(self, other: Outcome) -> None:
        """Take in what became of others."""
        self.both_accept += other.both_accept
        self.both_refuse += other.both_refuse
        self.stricter += other.stricter
        self.faults += other.faults
        self.seconds += other.seconds


def allowed(case: Case) -> set[str]:
    """The keys that may sign for this name in this namespace; each line is proved by writing it again."""
    found = set()
    for text in case.signers.decode("latin-1").splitlines(keepends=True):
        match = _LINE.fullmatch(text)
        if not match:
            return set()
        name, namespaces, key = match.groups()
        spaces = [_NAMESPACE.fullmatch(space) for space in namespaces.split(",")]
        kinds, registries = [s[1] for s in spaces if s], {s[2] for s in spaces if s}
        if len(registries) != 1 or signers_line(name, key, kinds, *registries) != text or not is_name(name):
            return set()
        if name == case.principal and case.namespace in namespaces.split(","):
            found.add(key)
    return found


def ours(case: Case) -> bool:
    """Whether the signature is good, by a key that may sign."""
    try:
        signer = verify(case.payload, case.armor, case.namespace)
        return signer.text in {parse_public_key(key).text for key in allowed(case)}
    except SignatureError:
        return False


def stock(case: Case, folder: Path) -> bool:
    """What `ssh-keygen` says."""
    for name, data in (("signers", case.signers), ("sig", case.armor), ("payload", case.payload)):
        (folder / name).write_bytes(data)
    command = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", case.principal, "-n", case.namespace]
    with (folder / "payload").open("rb") as payload:
        run = subprocess.run(
            [*command, "-s", "sig"],
            cwd=folder,
            stdin=payload,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
    return run.returncode == 0


def judge(outcome: Outcome, name: str, case: Case, folder: Path) -> None:
    """Ask both about one case, and note how they agree."""
    began = time.process_time()
    mine = ours(case)
    outcome.seconds += time.process_time() - began
    theirs = stock(case, folder)
    if mine and theirs:
        outcome.both_accept += 1
    elif mine:
        outcome.faults.append(f"{name}: we accept what ssh-keygen refuses: {case}")
    elif not theirs:
        outcome.both_refuse += 1
    else:
        mended, repaired, final = explain(case)
        if final or (repaired and ours(mended)):
            outcome.stricter[(final or repaired)[0]] += 1
        else:
            outcome.faults.append(f"{name}: we refuse what ssh-keygen accepts {repaired}: {case}")


def run(numbers: range, seed: str) -> Outcome:
    """Make and judge the cases of these numbers."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            name = f"{seed}:{number}"
            judge(outcome, name, mutant(name), Path(folder))
    return outcome


def main() -> int:
    """Print the figures; 1 if any verdict differs for no documented reason."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", default="sshsig")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    chosen = parser.parse_args()
    total, began = Outcome(), time.perf_counter()
    chunks = [range(at, min(at + _CHUNK, chosen.count)) for at in range(0, chosen.count, _CHUNK)]
    with multiprocessing.get_context("spawn").Pool(chosen.jobs) as pool:
        for outcome in pool.imap_unordered(partial(run, seed=chosen.seed), chunks):
            total.add(outcome)
    for fault in total.faults[:20]:
        print(fault)
    print(f"cases            {total.count}, seed '{chosen.seed}', {time.perf_counter() - began:.0f} s")
    print(f"both accept      {total.both_accept}")
    print(f"both refuse      {total.both_refuse}")
    print(f"we are stricter  {total.stricter.total()}")
    for reason, count in total.stricter.most_common():
        print(f"  {count:7}  {reason}")
    print(f"faults           {len(total.faults)}")
    print(f"our verdict      {1000 * total.seconds / total.count:.2f} ms on average")
    return int(bool(total.faults))


if __name__ == "__main__":
    sys.exit(main())
