"""Threats by trees, names and texts that a stranger can send; test_threats.py has signatures and roles."""

from __future__ import annotations

from typing import Any

import pytest

from medperf_cli.core.check.engine import CONSENSUS, check
from medperf_cli.core.check.findings import Verdict
from medperf_cli.core.names import REGISTRY_DIR
from medperf_cli.core.snapshot import RawDiffEntry, build_change, sort_entry
from tests.support.acting import act, decide, judge, refused, write
from tests.support.rule_case import after
from tests.support.world import World

CUBE = "cubes/acme/tree/1.yml"
ZERO = "0" * 64


@pytest.fixture
def hospital() -> World:
    return after("a hospital joins")


ODD_NAMES = [
    b"registry/cubes/acme/CON.yml",
    b"registry/cubes/acme/CON/1.yml",
    b"registry/cubes/acme/aux/1.yml",
    b"registry/cubes/acme/Tree/1.yml",
    b"registry/cubes/acme/tree/1.YML",
    b"registry/cubes/acme/-rf/1.yml",
    b"registry/cubes/acme/--upload-pack=id/1.yml",
    b"registry/cubes/acme/$(id)/1.yml",
    b"registry/cubes/acme/a'b/1.yml",
    b'registry/cubes/acme/a"b/1.yml',
    b"registry/cubes/acme/a\nb/1.yml",
    b"registry/cubes/acme/tree/1.yml\n",
    "registry/cubes/acme/caf\u00e9/1.yml".encode(),
    "registry/cubes/acme/cafe\u0301/1.yml".encode(),
    "registry/cubes/acme/tr\u0435\u0435/1.yml".encode(),
    b"registry/cubes/acme/\xff\xfe/1.yml",
    b"registry/cubes/acme/tree/0.yml",
    b"registry/cubes/acme/tree/1000000.yml",
    b"registry/cubes/acme/tree/\xd9\xa1.yml",
    b"registry/cubes/acme/../acme/tree/1.yml",
    b"registry/cubes/acme//tree/1.yml",
    b"registry/cubes/.gitattributes",
    b"registry/cubes/acme/tree/.gitattributes",
    b"registry/.gitmodules",
    b"registry/.git/config",
    b"registry/decisions/root/1/ada/1.yml",
    b"registry/decisions/decisions/members/acme/1/ada/1/ada/1.yml",
    b"registry/decisions/" * 15 + b"members/acme/1/ada/1.yml",
    b".gitmodules",
    b".gitattributes",
    b"registry",
    b"registry2/members/acme/1.yml",
    b".github/workflows/check.yml",
    b"medperf_cli/core/check/engine.py",
]


@pytest.mark.parametrize("path", ODD_NAMES, ids=ascii)
def test_an_odd_name_is_refused_and_can_be_printed(path: bytes) -> None:
    entry = RawDiffEntry(path, "A", "100644", 1)
    assert sort_entry(entry) is not None
    assert entry.shown.isascii()
    assert entry.shown.isprintable()


@pytest.mark.parametrize("mode", ["120000", "160000", "100755", "040000", "100664"])
def test_a_symlink_submodule_executable_or_folder(mode: str) -> None:
    assert sort_entry(RawDiffEntry(b"registry/cubes/acme/tree/1.yml", "A", mode, 1)) is not None


@pytest.mark.parametrize("status", ["M", "D", "T", "R100", "C75", "U", "X"])
def test_editing_deleting_renaming(status: str) -> None:
    assert sort_entry(RawDiffEntry(b"registry/cubes/acme/tree/1.yml", status, "100644", 1)) is not None


def test_3001_files_are_refused_and_no_more_than_3000_are_read(hospital: World) -> None:
    paths = [f"cubes/acme/tree-{number}/1.yml" for number in range(3001)]
    entries = [(RawDiffEntry(f"{REGISTRY_DIR}/{p}".encode(), "A", "100644", 1), p) for p in paths]
    asked = list[int]()

    def read(oids: Any) -> dict[str, bytes]:
        asked.append(len(oids))
        return dict.fromkeys(oids, b"?")

    report = check(build_change(hospital.base, entries, read))
    assert asked == [3000]
    assert {"TREE001", "TREE004"} <= {f.rule for f in report.findings}


def test_a_million_stray_files_give_a_report_that_can_be_read(hospital: World) -> None:
    entries = [(RawDiffEntry(b"junk/%d" % number, "A", "100644", 1), "") for number in range(5000)]
    report = check(build_change(hospital.base, entries, lambda _: {}))
    assert len(report.findings) == 101
    assert "4900 more files" in {f.path: f.message for f in report.findings}[REGISTRY_DIR]


def test_large_files_are_never_read(hospital: World) -> None:
    entries = [(RawDiffEntry(b"registry/cubes/acme/tree/1.yml", "A", "100644", 10**12), "oid")]
    report = check(
        build_change(hospital.base, entries, lambda oids: dict.fromkeys(oids, b"") if oids else {})
    )
    assert report.verdict is Verdict.REJECT


def test_a_large_file_pointer_in_place_of_a_file(hospital: World) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + ZERO + "\nsize 1\n"
    assert refused(hospital, {"bytes": {"path": CUBE, "text": pointer}}) == {"DOC001", "TREE003"}


@pytest.mark.parametrize(
    "url",
    [
        "http://models.example.org/x",
        "file:///etc/passwd",
        "ftp://models.example.org/x",
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://192.168.1.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[fe80::1%25eth0]/x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://127.0.0.0x1/x",
        "https://0177.0.0.1/x",
        "https://1.2.3.4.5/x",
        "https://localhost/x",
        "https://localhost.localdomain/x",
        "https://printer.local/x",
        "https://metadata.google.internal/x",
        "https://models/x",
        "https://user:secret@models.example.org/x",
        "https://@models.example.org/x",
        "https://models.example.org\\@evil.example.net/x",
        "https://models.example.org:port/x",
        "https://models.example.org:99999/x",
        "https://models.exa\nmple.org/x",
        "https://m\u043edels.example.org/x",
        "https://models.example.org/a b",
        'https://models.example.org/"><script>',
        "https://models.example.org./x",
        "https:///x",
        "//models.example.org/x",
    ],
    ids=ascii,
)
def test_a_url_that_leads_somewhere_else(hospital: World, url: str) -> None:
    good = write(CUBE, links=["https://models.example.org/x"])
    escaped = url.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    bad = {"text": {"path": CUBE, "old": "https://models.example.org/x", "new": escaped}}
    assert judge(hospital, good).verdict is Verdict.AUTO
    assert refused(hospital, good, bad) == {"DOC002"}


def test_look_alike_names_stop_the_bot_but_not_replay(hospital: World) -> None:
    zoe = [write("members/st-rnary/1.yml"), decide("ada", "members/st-rnary/1.yml")]
    assert judge(hospital, *zoe).verdict is Verdict.REVIEW
    assert check(act(hospital, *zoe).change(), sorts=CONSENSUS).verdict is Verdict.AUTO


@pytest.mark.parametrize("text", ["MRN 00123456", "DOB: 1961-02-03", "123-45-6789", "call 555 123 4567"])
@pytest.mark.parametrize("field", ["description", "card.training_data_overlap", "licence"])
def test_an_identifier_in_free_text_stops_the_bot(hospital: World, text: str, field: str) -> None:
    report = judge(hospital, write(CUBE, **{field: f"see {text}"}))
    assert {f.rule for f in report.findings} == {"HOLD002"}
    assert report.verdict is Verdict.REVIEW
