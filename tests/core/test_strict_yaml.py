"""Strict YAML: one spelling, one meaning, and nothing a parser could stumble over."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medperf_cli.core import strict_yaml_events
from medperf_cli.core.strict_yaml import emit, load_strict
from medperf_cli.core.strict_yaml_emit import is_allowed
from medperf_cli.errors import DocumentError

GOLDEN = Path(__file__).parent.parent / "golden" / "strict_yaml" / "every_value.yml"
EVERY_VALUE: dict[str, Any] = {
    "schema": "member/1",
    "id": "mgh",
    "version": 2,
    "name": "Massachusetts General Hospital",
    "umlaut": "Universitätsklinikum, 大学病院: „Straße“ ≥ 3 €",
    "empty_text": "",
    "quoted_words": ["yes", "null", "~", "1.5", "0x10", "2026-01-01", "1:30", "Upper", "ends-", "a, b # c"],
    "plain_words": ["sha256:0a1b", "members/mgh/1.yml", "snake_case", "e10"],
    "keys": [
        {"key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 + / =", "label": "laptop"},
        {"key": 'back\\slash "quote" line\nbreak', "revoked": False},
    ],
    "no": True,
    "Free key": 0,
    "none": {},
    "empty": [],
    "nested": [[1, [-2]], [], {}, [{"deep": {"deeper": [2**53 - 1, 1 - 2**53]}}]],
    "numbers": [0.0, 0.1, -1.5, 1.0, 1e-05, 1.5e16, 1.7976931348623157e308, 5e-324],
}


def _spellable(text: str) -> bool:
    spelled = text.replace("\n", "\\n")
    return unicodedata.is_normalized("NFC", spelled) and all(c == "\n" or is_allowed(c) for c in text)


WORDS = st.sampled_from(
    ["a", "no", "y", "null", "true", "sha256:ab", "a_b", "a-", "1", "1.0", "1:30", "<<", "="]
)
TEXTS = WORDS | st.text(max_size=20).filter(_spellable)
SCALARS = (
    st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=6)


def test_every_kind_of_value_is_spelled_as_in_the_golden_file() -> None:
    assert emit(EVERY_VALUE).decode() == GOLDEN.read_text(encoding="utf-8")
    assert load_strict(GOLDEN.read_bytes()) == EVERY_VALUE


@settings(deadline=None, max_examples=150)
@given(DOCUMENTS)
@example({"a\n": "\n", "": ""})
def test_what_is_emitted_loads_as_the_same_values_in_the_same_order(document: dict[str, Any]) -> None:
    data = emit(document)
    loaded = load_strict(data)
    assert repr(loaded) == repr(document)
    assert emit(loaded) == data


@settings(deadline=None, max_examples=100)
@given(DOCUMENTS)
def test_both_of_pyyamls_parsers_read_the_same(document: dict[str, Any]) -> None:
    data = emit(document)
    assert repr(yaml.safe_load(data)) == repr(document)
    assert repr(yaml.load(data, Loader=yaml.CSafeLoader)) == repr(document)


def test_tuples_are_sequences() -> None:
    assert emit({"a": (1, (2, "b"))}) == b"a:\n  - 1\n  - - 2\n    - b\n"


DEEP = "a:" + "".join(f"\n{'  ' * n}b:" for n in range(1, 15))
REFUSED = {
    "empty file": (b"", "line 1, column 1: expected a line break at the end of the file"),
    "only a line break": (b"\n", "line 1, column 1: expected no empty line"),
    "a sequence at the top": (b"- 1\n", "line 1, column 1: expected a mapping at the top of the document"),
    "a scalar at the top": (b"word\n", "line 1, column 1: expected a mapping at the top of the document"),
    "no final newline": (b"a: 1", "line 1, column 5: expected a line break at the end of the file"),
    "two final newlines": (b"a: 1\n\n", "line 2, column 1: expected no empty line"),
    "CRLF": (b"a: 1\r\n", "line 1, column 5: character U+000D is not allowed"),
    "tab": (b'a: "x\ty"\n', "line 1, column 6: character U+0009 is not allowed"),
    "NUL": (b"a: \0\n", "line 1, column 4: character U+0000 is not allowed"),
    "DEL": (b"a: \x7f\n", "line 1, column 4: character U+007F is not allowed"),
    "BOM": (b"\xef\xbb\xbfa: 1\n", "line 1, column 1: character U+FEFF is not allowed"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "line 1, column 1: expected UTF-8"),
    "not UTF-8": (b"a: 1\nb: \xff\n", "line 2, column 4: expected UTF-8"),
    "an encoded surrogate": (b'a: "\xed\xa0\x80"\n', "line 1, column 5: expected UTF-8"),
    "line separator": ('a: "x\u2028y"\n', "line 1, column 6: character U+2028 is not allowed"),
    "paragraph separator": ('a: "\u2029"\n', "line 1, column 5: character U+2029 is not allowed"),
    "next line": ('a: "\u0085"\n', "line 1, column 5: character U+0085 is not allowed"),
    "bidi override": ('a: "\u202e"\n', "line 1, column 5: character U+202E is not allowed"),
    "bidi isolate": ('a: "\u2066"\n', "line 1, column 5: character U+2066 is not allowed"),
    "zero width space": ('a: "\u200b"\n', "line 1, column 5: character U+200B is not allowed"),
    "no-break space": ('a: "\u00a0"\n', "line 1, column 5: character U+00A0 is not allowed"),
    "soft hyphen": ('a: "\u00ad"\n', "line 1, column 5: character U+00AD is not allowed"),
    "noncharacter": ('a: "\ufdd0"\n', "line 1, column 5: character U+FDD0 is not allowed"),
    "last noncharacter": ('a: "\U0010ffff"\n', "line 1, column 5: character U+10FFFF is not allowed"),
    "private use": ('a: "\ue000"\n', "line 1, column 5: character U+E000 is not allowed"),
    "newer than Unicode 3.2": ('a: "\U0001f600"\n', "line 1, column 5: character U+1F600 is not allowed"),
    "NFD": ('a: "u\u0308"\n', "line 1, column 1: text is not in Unicode normal form C"),
    "a mark after an escape": ('a: "\\n\u0303"\n', "line 1, column 1: text is not in Unicode normal form C"),
    "a mark after an escaped letter": ('a: "\\x6e\u0303"\n', "text is not in Unicode normal form C"),
    "escaped line separator": (b'a: "\\u2028"\n', "line 1, column 4: character U+2028 is not allowed"),
    "escaped surrogate": (b'a: "\\ud800"\n', "not YAML"),
    "escape beyond Unicode": (b'a: "\\UFFFFFFFF"\n', "not YAML"),
    "unknown escape": (b'a: "\\q"\n', "not YAML"),
    "needless escape": (b'a: "\\x41"\n', 'line 1, column 5: expected `a: "A"`, found `a: "\\x41"`'),
    "folded over two lines": (b'a: "x\n  Y"\n', 'line 1, column 6: expected `a: "x Y"`, found `a: "x`'),
    "anchor": (b"a: &x 1\n", "line 1, column 4: expected no anchor"),
    "anchor on a sequence": (b"a: &x\n  - 1\n", "expected no anchor"),
    "alias": (b"a: 1\nb: *x\n", "line 2, column 4: expected no alias"),
    "tag": (b"a: !!str x\n", "line 1, column 4: expected no tag"),
    "python tag": (b"a: !!python/object/apply:os.system [id]\n", "line 1, column 4: expected no tag"),
    "bare tag": (b"a: ! x\n", "line 1, column 4: expected no tag"),
    "tag on a mapping": (b"!!map\na: 1\n", "line 1, column 1: expected no tag"),
    "merge key": (b"<<: {a: 1}\n", 'line 1, column 1: expected `"<<":`, found `<<: {a: 1}`'),
    "directive": (b"%YAML 1.2\n---\na: 1\n", "expected one document without '---', '...' or a directive"),
    "document start": (b"---\na: 1\n", "line 1, column 1: expected one document without '---'"),
    "document end": (b"a: 1\n...\n", "line 2, column 1: expected one document without '---'"),
    "two documents": (b"a: 1\n---\nb: 1\n", "line 2, column 1: expected one document without '---'"),
    "comment": (b"a: 1 # one\n", "line 1, column 5: expected `a: 1`, found `a: 1 # one`"),
    "comment line": (b"# one\na: 1\n", "line 1, column 1: expected `a: 1`, found `# one`"),
    "trailing space": (b"a: 1 \n", "line 1, column 5: expected `a: 1`, found `a: 1 `"),
    "two spaces": (b"a:  1\n", "line 1, column 4: expected `a: 1`, found `a:  1`"),
    "indent 4": (b"a:\n    b: 1\n", "line 2, column 3: expected `  b: 1`, found `    b: 1`"),
    "sequence not indented": (b"a:\n- 1\n", "line 2, column 1: expected `  - 1`, found `- 1`"),
    "nested sequence on its own line": (b"a:\n  -\n    - 1\n", "line 2, column 4: expected `  - - 1`"),
    "flow mapping": (b"a: {b: 1}\n", "line 1, column 3: expected `a:`, found `a: {b: 1}`"),
    "flow sequence": (b"a: [1]\n", "line 1, column 3: expected `a:`, found `a: [1]`"),
    "explicit key": (b"? a\n: 1\n", "line 1, column 1: expected `a: 1`, found `? a`"),
    "a sequence as key": (b"? [a]\n: 1\n", "line 1, column 3: a key is text"),
    "a number as key": (b"1: 2\n", "line 1, column 1: a key is text"),
    "a bool as key": (b"true: 2\n", "line 1, column 1: a key is text"),
    "no key": (b": 2\n", "line 1, column 1: not YAML"),
    "duplicate key": (b"a: 1\nb: 2\na: 3\n", "line 3, column 1: key 'a' stands here a second time"),
    "duplicate key, quoted": (b'a: 1\n"\\x61": 3\n', "line 2, column 1: key 'a' stands here a second time"),
    "key of 129 characters": (b"a" * 129 + b": 1\n", "line 1, column 1: key is longer than 128 characters"),
    "single quotes": (b"a: 'x'\n", "line 1, column 4: expected text in double quotes, on one line"),
    "literal": (b"a: |\n  x\n", "line 1, column 4: expected text in double quotes, on one line"),
    "folded": (b"a: >-\n  x\n", "line 1, column 4: expected text in double quotes, on one line"),
    "needless quotes": (b'a: "x"\n', 'line 1, column 4: expected `a: x`, found `a: "x"`'),
    "plain text": (b"a: Two words\n", 'line 1, column 4: expected `a: "Two words"`, found `a: Two words`'),
    "yes": (b"a: yes\n", 'expected `a: "yes"`, found `a: yes`'),
    "no as key": (b"no: 1\n", 'expected `"no": 1`, found `no: 1`'),
    "True": (b"a: True\n", 'expected `a: "True"`, found `a: True`'),
    "no value": (b"a:\n", "line 1, column 3: no null: leave the field out"),
    "null": (b"a: null\n", "line 1, column 4: no null: leave the field out"),
    "tilde": (b"a: ~\n", "line 1, column 4: no null: leave the field out"),
    "null in a sequence": (b"a:\n  - null\n", "line 2, column 5: no null: leave the field out"),
    "huge integer": (b"a: " + b"9" * 5000 + b"\n", "line 1, column 4: integer is not between -2^53 and 2^53"),
    "2^53": (b"a: 9007199254740992\n", "line 1, column 4: integer is not between -2^53 and 2^53"),
    "underscore": (b"a: 1_000\n", 'expected `a: "1_000"`, found `a: 1_000`'),
    "octal 1.2": (b"a: 0o7\n", 'expected `a: "0o7"`, found `a: 0o7`'),
    "octal 1.1": (b"a: 012\n", 'expected `a: "012"`, found `a: 012`'),
    "hexadecimal": (b"a: 0x1F\n", 'expected `a: "0x1F"`, found `a: 0x1F`'),
    "sexagesimal": (b"a: 1:30\n", 'expected `a: "1:30"`, found `a: 1:30`'),
    "date": (b"a: 2026-01-01\n", 'expected `a: "2026-01-01"`, found `a: 2026-01-01`'),
    "plus": (b"a: +1\n", 'expected `a: "+1"`, found `a: +1`'),
    "minus zero": (b"a: -0\n", "line 1, column 4: expected `a: 0`, found `a: -0`"),
    "minus zero, float": (b"a: -0.0\n", "line 1, column 4: number -0.0 is not allowed"),
    "overflow": (b"a: 1.0e+400\n", "line 1, column 4: number inf is not allowed"),
    "underflow": (b"a: 1.0e-400\n", "expected `a: 0.0`, found `a: 1.0e-400`"),
    "infinity": (b"a: .inf\n", 'expected `a: ".inf"`, found `a: .inf`'),
    "not a number": (b"a: .nan\n", 'expected `a: ".nan"`, found `a: .nan`'),
    "exponent without sign": (b"a: 1.0e5\n", 'expected `a: "1.0e5"`, found `a: 1.0e5`'),
    "exponent without point": (b"a: 1e-05\n", 'expected `a: "1e-05"`, found `a: 1e-05`'),
    "not the shortest": (b"a: 0.10\n", "line 1, column 7: expected `a: 0.1`, found `a: 0.10`"),
    "more digits than a double": (b"a: 0.1000000000000000055\n", "expected `a: 0.1`"),
    "a bomb": (b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "line 1, column 4: expected no anchor"),
    "17 levels": (
        f"{DEEP}\n{' ' * 30}b:\n{' ' * 32}b: 1\n",
        "line 17, column 33: nested deeper than 16 levels",
    ),
    "a deep flow": (b"a: " + b"[" * 60_000 + b"\n", "nested deeper than 16 levels"),
    "a deep flow of mappings": (b"a: " + b"{a: " * 16_000 + b"\n", "nested deeper than 16 levels"),
    "many values": (b"a: [" + b"1," * 25_000 + b"1]\n", "document has more than 20000 keys and values"),
    "large": (b'a: "' + b"x" * 65_536 + b'"\n', "document of 65542 bytes is larger than 65536"),
    "not closed": (b"a: {\n", "not YAML"),
    "a value beside a value": (b"a: b: 1\n", "not YAML"),
}


@pytest.mark.parametrize(("data", "expected"), REFUSED.values(), ids=REFUSED)
def test_is_refused(data: bytes | str, expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_strict(data.encode() if isinstance(data, str) else data)
    assert expected in caught.value.message


@pytest.mark.parametrize("data", [case[0] for case in REFUSED.values()], ids=REFUSED)
def test_is_refused_with_pyyamls_own_parser_too(data: bytes | str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_yaml_events, "_LOADER", yaml.SafeLoader)
    with pytest.raises(DocumentError):
        load_strict(data.encode() if isinstance(data, str) else data)


UNSPEAKABLE = {
    "no mapping": ([1], "expected a mapping at the top of the document"),
    "null": ({"a": {"b": [None]}}, "'a.b.0': no null: leave the field out"),
    "a number as key": ({"a": {1: 2}}, "'a.1': a key is text"),
    "a long key": ({"a" * 129: 1}, "key is longer than 128 characters"),
    "an object": (
        {"a": object()},
        "'a': expected text, a number, a bool, a mapping or a sequence, not object",
    ),
    "bytes": ({"a": b"x"}, "'a': expected text"),
    "a set": ({"a": {1}}, "'a': expected text"),
    "nan": ({"a": float("nan")}, "'a': number nan is not allowed"),
    "minus zero": ({"a": -0.0}, "'a': number -0.0 is not allowed"),
    "2^53": ({"a": 2**53}, "'a': integer is not between -2^53 and 2^53"),
    "tab": ({"a": "\t"}, "'a': character U+0009 is not allowed"),
    "a lone surrogate": ({"a": "\ud800"}, "'a': character U+D800 is not allowed"),
    "a surrogate in a key": ({"\ud800": 1}, "'\\ud800'': character U+D800 is not allowed"),
    "NFD": ({"a": "u\u0308"}, "'a': text is not in Unicode normal form C"),
    "a mark after a line break": ({"a": "\n\u0303"}, "'a': text is not in Unicode normal form C"),
    "large": ({"a": "x" * 70_000}, "is larger than 65536"),
    "many values": ({"a": [1] * 20_000}, "document has more than 20000 keys and values"),
}


@pytest.mark.parametrize(("document", "expected"), UNSPEAKABLE.values(), ids=UNSPEAKABLE)
def test_cannot_be_written(document: Any, expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        emit(document)
    assert expected in caught.value.message


def test_16_levels_can_be_written_and_read_and_a_loop_ends() -> None:
    document: dict[str, Any] = {}
    for _ in range(15):
        document = {"a": document}
    assert load_strict(emit(document)) == document
    with pytest.raises(DocumentError, match="nested deeper than 16 levels"):
        emit({"a": document})
    document["a"] = document
    with pytest.raises(DocumentError, match="nested deeper than 16 levels"):
        emit(document)


def _mutated(data: bytes, rng: random.Random) -> bytes:
    tokens = [b"\n", b" ", b"  ", b": ", b"- ", b"&a ", b"*a", b"!", b"[", b"]", b"{", b"}", b"#", b"'", b'"']
    tokens += [
        b"\\",
        b"|",
        b">",
        b"%",
        b"---\n",
        b"?",
        b"\xff",
        "\u2028".encode(),
        "\u0301".encode(),
        b"0",
        b"~",
    ]
    for _ in range(rng.randint(1, 3)):
        at, length = rng.randrange(len(data) + 1), rng.choice([0, 0, 1, 5])
        data = (
            data[:at]
            + rng.choice([rng.choice(tokens), bytes([rng.randrange(256)]), b""])
            + data[at + length :]
        )
    return data


def test_damaged_files_are_refused_or_mean_the_same_to_every_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(20260101)  # noqa: S311 - the same damage at each run
    accepted = 0
    for _ in range(3000):
        data = _mutated(GOLDEN.read_bytes() if rng.random() < 0.1 else b'a: x\nb:\n  - "X"\n  - c: 1\n', rng)
        monkeypatch.setattr(strict_yaml_events, "_LOADER", rng.choice([yaml.CSafeLoader, yaml.SafeLoader]))
        try:
            document = load_strict(data)
        except DocumentError:
            continue
        accepted += 1
        assert emit(document) == data
        assert repr(yaml.safe_load(data)) == repr(document)
    assert accepted > 50  # a letter more or less is still a document
