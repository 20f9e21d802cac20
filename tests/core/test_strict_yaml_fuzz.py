"""Strict YAML under mutation: some thousands of the documents of `benchmarks/fuzz_yaml.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unicodedata import ucd_3_2_0 as unicode_3_2

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks import fuzz_yaml
from benchmarks.fuzz_yaml import Outcome, judge, run
from benchmarks.fuzz_yaml_mutations import mutant, origins
from medperf_cli.core import strict_yaml_emit
from medperf_cli.core.entities import parsing
from medperf_cli.core.names import EntityPath, Kind, parse_path
from medperf_cli.core.strict_yaml import emit, load_strict
from medperf_cli.core.strict_yaml_emit import is_allowed, is_nfc
from medperf_cli.core.strict_yaml_events import load_by_events
from medperf_cli.core.strict_yaml_lines import guess
from medperf_cli.errors import DocumentError

REGISTRY = Path(__file__).parents[2] / "registry"
FILES = sorted(REGISTRY.rglob("*.yml"))
CHUNK = 600


@pytest.mark.parametrize("chunk", range(8))
def test_no_mutant_crashes_or_means_two_things(chunk: int) -> None:
    outcome = run(range(chunk * CHUNK, (chunk + 1) * CHUNK), "tests")
    assert outcome.crashes == []
    assert outcome.disagreements == []
    assert outcome.accepted + outcome.refused == CHUNK
    assert min(outcome.accepted, outcome.refused, outcome.entities) > CHUNK // 50, "mutants of all sorts"


def test_a_mutant_is_known_by_its_seed() -> None:
    pool = origins()
    assert [mutant(pool, f"x:{n}") for n in range(50)] == [mutant(pool, f"x:{n}") for n in range(50)]


LENIENT: dict[str, tuple[bytes, str]] = {
    "a comment": (b"a: 1 # x\n", "another than its one spelling"),
    "yes": (b"a: yes\n", "safe loader reads it otherwise"),
    "a float for an int": (b"a: 1.0\n", "the quick reader reads it otherwise"),
}


@pytest.mark.parametrize(("data", "complaint"), LENIENT.values(), ids=LENIENT)
def test_the_fuzzer_finds_a_reader_that_is_too_kind(
    data: bytes, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fuzzer that finds nothing must be able to."""
    read = {b"a: 1 # x\n": {"a": 1}, b"a: yes\n": {"a": "yes"}, b"a: 1.0\n": {"a": 1}}
    for name in ("load_strict", "load_by_events"):
        monkeypatch.setattr(fuzz_yaml, name, read.__getitem__)
    outcome = Outcome()
    judge(outcome, "one", origins()[0], data)
    assert any(complaint in found for found in outcome.disagreements), outcome


def test_the_fuzzer_finds_a_second_spelling_and_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    origin = origins()[0]
    monkeypatch.setattr(fuzz_yaml, "load_strict", lambda _: origin.value)
    monkeypatch.setattr(fuzz_yaml, "load_by_events", lambda _: origin.value)
    outcome = Outcome()
    judge(outcome, "one", origin, origin.data.replace(b"\n", b" \n", 1))
    assert any("a second spelling of its origin" in found for found in outcome.disagreements)
    monkeypatch.setattr(fuzz_yaml, "load_strict", {}.__getitem__)
    judge(outcome, "two", origin, b"a: 1\n")
    assert outcome.crashes == ["two: KeyError: b'a: 1\\n'"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REGISTRY)))
def test_every_file_of_the_registry_is_read_the_quick_way(file: Path) -> None:
    data = file.read_bytes()
    path = parse_path(str(file.relative_to(REGISTRY)))
    found = parsing.sound(path, data)
    assert found is not None
    entity, document = found
    slowly = parsing.validate(path.kind, load_by_events(data))
    assert parsing.identify(path, slowly, data) == document
    assert parsing.proved(path, data) == entity
    assert entity == slowly
    assert repr(entity) == repr(slowly)
    assert parsing.parse(path, data) == entity


def test_a_file_that_is_not_sound_is_left_to_the_slow_way() -> None:
    path, data = parse_path("members/acme/1.yml"), (REGISTRY / "members/acme/1.yml").read_bytes()
    at_home = parse_path("members/acme/2.yml")
    assert parsing.sound(path, data) is not None
    assert parsing.sound(at_home, data) is None
    assert parsing.sound(path, data.replace(b"logins: []\n", b"")) is None, "an empty list left out"
    assert parsing.sound(path, data + b"more: 1\n") is None
    assert parsing.sound(path, data + b"# more\n") is None
    half = data.replace(b'"first key"', b'"\\ud800"')
    assert half != data
    assert parsing.sound(path, half) is None, "half a surrogate pair, which no text may hold"
    assert parsing.sound(EntityPath(Kind.RELEASE, "acme/x", 1), data) is None, "a kind of a higher format"


def test_a_large_file_is_sound_or_not_by_the_slow_way_alone() -> None:
    path = parse_path("cubes/acme/random-forest/1.yml")
    data = (REGISTRY / str(path)).read_bytes()
    keys = b"".join(b"  k%d: 1\n" % n for n in range(10_000, 13_000))
    large = data.replace(b"parameters:\n", b"parameters:\n" + keys)
    assert parsing.sound(path, large) is None
    assert parsing.parse(path, large).version == 1
    with pytest.raises(DocumentError, match="not in the one spelling of its content: keys out of order"):
        parsing.parse(
            path, large.replace(b"  k10000: 1\n", b"").replace(b"  k12999: 1\n", b"  k12999: 1\n  k1: 1\n")
        )


CHARACTERS = [chr(point) for point in range(sys.maxunicode + 1) if is_allowed(chr(point))]


def test_marks_that_come_apart_into_marks_are_exactly_those_refused_first() -> None:
    """What the quick test of normal form rests on, for every character that may stand in a document."""
    apart = {c: unicode_3_2.normalize("NFD", c) for c in CHARACTERS}
    doubles = {c for c, nfd in apart.items() if len(nfd) > 1 and unicode_3_2.combining(nfd[0])}
    assert doubles == strict_yaml_emit._DOUBLE_MARKS
    assert all(unicode_3_2.normalize("NFC", c) != c for c in doubles)
    for nfd in apart.values():
        classes = [unicode_3_2.combining(c) for c in nfd]
        assert classes == sorted(classes)
        assert not nfd.startswith(('"', "\\")) or len(nfd) == 1, "quotes and backslashes join with nothing"
    below = [c for c in CHARACTERS if c < strict_yaml_emit._FIRST_MARK]
    assert unicode_3_2.normalize("NFC", "".join(below)) == "".join(below)


MARKED = st.text(
    st.sampled_from(
        'aeo"\\ \nn\u0300\u0301\u0308\u0316\u0323\u0344\u0345\u0f71\u0f72\u0f73\u1100\u1161\uac00ǖế日'
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=400)
@given(MARKED)
def test_the_quick_test_of_normal_form_is_unicodes(text: str) -> None:
    assert is_nfc(text) == (unicode_3_2.normalize("NFC", text) == text)


@settings(deadline=None, max_examples=200)
@given(MARKED)
def test_text_is_written_if_it_and_its_spelling_are_normal(text: str) -> None:
    spelled = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    normal = all(unicode_3_2.normalize("NFC", t) == t for t in (text, f'"{spelled}"'))
    try:
        data = emit({"a": text})
    except DocumentError:
        assert not normal
    else:
        assert normal
        assert load_by_events(data) == {"a": text}


VALUES = st.recursive(
    st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
    | st.sampled_from(
        ["a", "a:b", "sha256:0a", "a: b", "- a", "[]", "true", "1", "x\ny", '"', "\\", "no", ""]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "b:c", "d e", "no", "", '"', "-", "{}", "x\ny"]), inner, max_size=4
        )
    ),
    max_leaves=25,
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(["a", "b:c", "D"]), VALUES, min_size=1, max_size=4))
@example({"a": [[["x"], {"b:c": []}], {}, [{"a": {"a": [{}]}}]]})
def test_the_quick_reader_reads_whatever_is_emitted(document: dict[str, Any]) -> None:
    try:
        data = emit(document)
    except DocumentError:
        return
    assert repr(guess(data)) == repr(document)
    assert repr(load_by_events(data)) == repr(document)


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from('ab:- \n"\\[]{}0.e#\u0301'), max_size=60).map(lambda text: text.encode()))
def test_the_quick_reader_never_raises_and_never_decides_alone(data: bytes) -> None:
    guess(data)
    try:
        document = load_strict(data)
    except DocumentError:
        return
    assert emit(document) == data
    assert repr(load_by_events(data)) == repr(document)
