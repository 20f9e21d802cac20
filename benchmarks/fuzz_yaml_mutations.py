"""Damages documents of strict YAML, reproducibly: the mutations of `fuzz_yaml.py`; nothing is judged here."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from medperf_cli.core.names import EntityPath, PathError, parse_path
from medperf_cli.core.strict_yaml import emit
from medperf_cli.errors import DocumentError

ROOT = Path(__file__).parent.parent
FULL = 64 * 1024

TRAPS = (
    *("yes", "No", "on", "OFF", "y", "N", "true", "True", "TRUE", "null", "Null", "~", "", "nan", "="),
    *("<<", "0", "-0", "00", "012", "0o7", "0x1F", "0b1", "1_000", "+1", "1:30", "190:20:30", "1e3", "1."),
    *("1.0", "1.0e5", "1.0e+5", "1e-05", "-0.0", ".inf", "-.INF", ".nan", "1.0e+400", "5e-324", "0.10"),
    *("9007199254740991", "9007199254740992", "9" * 25, "9" * 5000, "1" + "0" * 400 + ".0", "1.5e16", ".5"),
    *("2026-01-01", "2026-01-31T12:00:00Z", "!!str x", "!!int 1", "!x", "! a", "&a 1", "*a", "|", ">-"),
    *("|2\n    x", "? x", "'x'", "''", '""', '"x"', '"X"', '"a', '"\\x41"', '"\\u0041"', '"\\/"', '"\\n"'),
    *('"\\e"', '"\\ud800"', '"\\UFFFFFFFF"', '"\\u2028"', '"\\0"', '"\\\n  x"', '"x\n  y"', "x\n  y"),
    *("x: y", "x : y", "x #y", "#y", "[]", "[ ]", "{}", "{ }", "[1]", "[1,]", "{a: 1}", "{a}", "[[]]", "["),
    *("]", "{", "}", "- 1", "-", "--- a", "...", "%YAML 1.1", "@x", "`x`", "a b", "a-", "a--b", "a.b", "a:"),
    *(":a", "a::b", "sha256:0a", "A", "ä", "日", '"é"', '"e\u0301"', '"\\n\u0303"', '"\u0316\u0301"'),
    *('"\u0301\u0316"', '"\u0f73"', '"\ufeff"', '"\u00ad"', '"\u200b"', '"\u2028"', '"\u0085"'),
    *('"\u00a0"', '"\ue000"', '"\U0001f600"', '"\t"', '"\x7f"'),
)
"""Values that some reader of YAML takes for something else, or that are nearly in the one spelling."""
_TOKENS = (
    *("\n", " ", "  ", "\t", "\r", "\r\n", ": ", ":", "- ", "-", ", ", "# x", " #", "&a ", "*a", "!", "!!"),
    *("[", "]", "{", "}", "'", '"', "\\", "|", ">", "%", "---\n", "...\n", "? ", "@", "`", "\0", "\ufeff"),
    *("\u2028", "\u0301", "\u0316", "\u0f73", "é", "0", "~", "<<", "=", "\\n", "\\x41", "_", ".", "e"),
)
TOKENS = tuple(token.encode() for token in _TOKENS)


@dataclass(frozen=True)
class Origin:
    """A document that is in order, its value, and where it stands in a registry (the golden one: nowhere)."""

    path: EntityPath | None
    data: bytes
    value: dict[str, Any]


def origins() -> list[Origin]:
    """The repository's own registry, and a golden document with every kind of value; in a fixed order."""
    golden = ROOT / "tests" / "golden" / "strict_yaml" / "every_value.yml"
    found = [Origin(None, golden.read_bytes(), yaml.safe_load(golden.read_bytes()))]
    registry = ROOT / "registry"
    for file in sorted(registry.rglob("*.yml")):
        data = file.read_bytes()
        found.append(Origin(_path(str(file.relative_to(registry))), data, yaml.safe_load(data)))
    return found


def _path(text: str) -> EntityPath | None:
    try:
        return parse_path(text)
    except PathError:
        return None


def mutant(pool: list[Origin], seed: str) -> tuple[Origin, bytes]:
    """Return an origin and its damaged bytes; the same for the same pool and seed."""
    rng = random.Random(seed)  # noqa: S311 - the same damage at each run is the point
    origin = rng.choice(pool)
    if rng.random() < 0.02:  # noqa: PLR2004 - few: these take a hundred times as long
        return origin, _bulk(origin, rng)
    if rng.random() < 0.2:  # noqa: PLR2004 - a share
        return origin, _other_value_or_spelling(origin, rng)
    data = origin.data
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(_DAMAGES)(data, rng, pool)
    return origin, data[: FULL + 8]


def _bytes(data: bytes, rng: random.Random, _: list[Origin]) -> bytes:
    at = rng.randrange(len(data) + 1)
    new = rng.choice((b"", bytes([rng.randrange(256)]), bytes([rng.randrange(32, 127)]), rng.choice(TOKENS)))
    return data[:at] + new + data[at + rng.choice((0, 0, 1, 2, 5)) :]


def _bit(data: bytes, rng: random.Random, _: list[Origin]) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _token(data: bytes, rng: random.Random, _: list[Origin]) -> bytes:
    """Insert a token where a parser changes its mind: around spaces, colons, dashes, quotes, line ends."""
    places = [at for at, byte in enumerate(data) if byte in b' :-"\n']
    at = rng.choice(places or [0]) + rng.randrange(2)
    return data[:at] + rng.choice(TOKENS) + data[at + rng.choice((0, 0, 1)) :]


def _lines(data: bytes, rng: random.Random, _: list[Origin]) -> bytes:
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(7):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = b" " * rng.choice((1, 2, 4)) + lines[at]
        case 4:
            lines[at] = lines[at].removeprefix(b" " * rng.choice((1, 2, 4)))
        case 5:
            lines[at] += rng.choice((b" ", b" # x", b"\r", b",", b":", b"\n"))
        case _:
            lines[at : at + 2] = [b" ".join(lines[at : at + 2])]
    return b"\n".join(lines)


def _trap(data: bytes, rng: random.Random, _: list[Origin]) -> bytes:
    """Put a trap in place of one value, key or item."""
    lines = data.decode("utf-8", "replace").split("\n")
    at = rng.randrange(len(lines))
    head, colon, tail = lines[at].partition(": ")
    if colon and rng.random() < 0.8:  # noqa: PLR2004 - a share
        tail = rng.choice(TRAPS)
    else:
        indent = len(head) - len(head.lstrip(" -"))
        head = head[:indent] + rng.choice(TRAPS)
    lines[at] = f"{head}{colon}{tail}"
    return "\n".join(lines).encode()


def _splice(data: bytes, rng: random.Random, pool: list[Origin]) -> bytes:
    """Join the head of one document and the tail of another, at line breaks."""
    other = rng.choice(pool).data
    cut, paste = data.find(b"\n", rng.randrange(len(data) + 1)), other.find(b"\n", rng.randrange(len(other)))
    return data[:cut] + other[paste:]


_DAMAGES: tuple[Callable[[bytes, random.Random, list[Origin]], bytes], ...] = (
    *(_bytes, _bit, _token, _token, _lines, _lines, _trap, _trap, _trap, _splice),
)


def _other_value_or_spelling(origin: Origin, rng: random.Random) -> bytes:
    """Another value in the one spelling, or the same value as other programs write it."""
    value = json.loads(json.dumps(origin.value))
    match rng.randrange(4):
        case 0:
            return json.dumps(value, indent=rng.choice((None, 2)), ensure_ascii=rng.random() < 0.5).encode()  # noqa: PLR2004
        case 1:
            return yaml.dump(
                value,
                Dumper=yaml.CSafeDumper,
                default_flow_style=rng.choice((None, True, False)),
                default_style=rng.choice((None, "'", '"', "|")),
                sort_keys=rng.random() < 0.3,  # noqa: PLR2004
                indent=rng.choice((2, 4)),
                width=rng.choice((40, 10_000)),
                allow_unicode=rng.random() < 0.5,  # noqa: PLR2004
            ).encode()
    _change(value, rng)
    try:
        return emit(value)
    except DocumentError:
        return origin.data


def _change(value: Any, rng: random.Random) -> None:
    """Change one place somewhere in a value."""
    while True:
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.8:  # noqa: PLR2004
            value = value[key]
            continue
        match rng.randrange(3):
            case 0:
                del value[key]
            case 1:
                value[key] = rng.choice(
                    (*TRAPS, 0, -1, 0.0, 1.0, 1e-7, True, False, [], {}, [[1]], {"a": {}})
                )
            case _ if isinstance(value, dict):
                value[rng.choice(TRAPS)] = value.pop(key)
            case _:
                value.insert(key, value[rng.choice(keys)])
        return


_UNITS = (
    *("- 1\n", "- a\n", '- "A"\n', '- "é"\n', '- "\\n"\n', "- []\n", "- - - - - - 1\n", "- b: 1\n", "#\n"),
    *("- 1.5\n", "# x\n", "? a\n: 1\n", "\n", "- ", "? ", ": ", "[", "{a: ", "1,", "[],", "'x',", '"x",'),
    *("x", "x:", "X", "9", "\\n", "\\x41", "\\u00e9", "\\ud800", '\\"', "\\u0f73", "é", "日", "\u0301"),
    *("\u0316", "\u0f73", "e\u0316\u0301", "\u1100\u1161", "\ua015", "\0", "\t", "%", "!", "&a ", "*a "),
    *("|\n", "- &a x\n", "- !!str x\n", "  y\n"),
)


def _bulk(origin: Origin, rng: random.Random) -> bytes:
    """A hostile document of up to 64 KiB: a great lot of one thing in an origin, or alone."""
    lines = origin.data.decode().split("\n") if rng.random() < 0.7 else ["a: ", ""]  # noqa: PLR2004
    at = rng.randrange(len(lines))
    head = lines[at].partition(": ")[0].removesuffix(":")
    space = FULL - len(origin.data) - len(head) - 8
    if rng.random() < 0.2:  # noqa: PLR2004 - a share
        space //= rng.randrange(1, 9)
    indent = " " * (len(head) - len(head.lstrip(" -")) + 2)
    unit = rng.choice(_UNITS)
    if "\n" in unit:
        rows = indent + unit.replace("\n? ", f"\n{indent}? ")
        body = "\n" + (rows * (space // len(rows.encode()))).rstrip("\n")
    elif rng.random() < 0.4:  # noqa: PLR2004 - a share
        row = f"\n{indent}k{{:x}}: {unit.strip()}".replace("\n", rng.choice(("\n", f"\n{indent}- ", "\n")))
        body = "".join(row.replace("{:x}", f"{n:x}") for n in range(space // (len(row.encode()) + 1)))
    else:
        around = rng.choice(("{}", '"{}"', "[{}]", '"x{}"'))
        body = " " + around.replace("{}", unit * (space // len(unit.encode())))
    lines[at] = f"{head}:{body}"
    return "\n".join(lines).encode()[: FULL + 8]
