"""What `verify` takes for a claim: a path, an id, the address of a page, a file that somebody sent."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medperf_cli.errors import IntegrityError, MedperfError, UnknownIdError, UsageError
from medperf_cli.flows.reading.explain import Explained, explain
from medperf_cli.flows.submitting.desk import at_desk
from medperf_cli.flows.submitting.members import register
from medperf_cli.flows.submitting.review import reviews
from tests.support.hosting import Hosted
from tests.support.keys import member_key
from tests.support.office import Office, office
from tests.support.story import STEPS
from tests.support.story_fields import DATASET, FOREST, REFERENCE, TISSUE
from tests.support.world import genesis

RESULT = f"results/{TISSUE}/{FOREST}/{DATASET}/1"
ASSOCIATION = f"associations/{TISSUE}/models/{FOREST}/1"
DECISION = f"decisions/{ASSOCIATION}/clara/1"


@pytest.fixture(scope="module")
def reader(templates: Callable[[int], Hosted], tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Somebody at the end of the story, who only reads."""
    return office(templates(len(STEPS)), "acme", tmp_path_factory.mktemp("reader"))


def said(who: Office, claim: object) -> Explained:
    return explain(who.deps, str(claim))


MEANT = {
    "a path": (RESULT, RESULT),
    "a file": (f"{RESULT}.yml", RESULT),
    "below registry": (f"registry/{RESULT}.yml", RESULT),
    "its signature": (f"registry/{RESULT}.sig", RESULT),
    "a root's signature": ("root/1.ada.sig", "root/1"),
    "the root": ("root", "root/1"),
    "an id": (FOREST, f"cubes/{FOREST}/1"),
    "a last name": ("forest", f"cubes/{FOREST}/1"),
    "a part of an id": ("biops", f"datasets/{DATASET}/2"),
    "an id in force": ("wdbc", f"benchmarks/{TISSUE}/2"),
    "a member": ("clara", "members/clara/1"),
    "with its kind": (f"cubes/{REFERENCE}", f"cubes/{REFERENCE}/1"),
    "an association's id": (f"{TISSUE}/models/{FOREST}", ASSOCIATION),
    "a result's id": (f"{TISSUE}/{FOREST}/{DATASET}", RESULT),
    "a page": (f"https://site.example/{RESULT}.html", RESULT),
    "a page below a path": (f"https://example.org/registry/v2/{RESULT}.html?x=1#metrics", RESULT),
    "a page on disk": (f"build/site/{RESULT}.html", RESULT),
    "a page of a folder like a kind": (f"file:///srv/members/results/{RESULT}.html", RESULT),
    "a decision's page": (f"https://site.example/{DECISION}.html", DECISION),
    "a download": (f"https://site.example/registry/{RESULT}.yml", RESULT),
    "a downloaded signature": (f"https://site.example/registry/{RESULT}.sig", RESULT),
    "the page of a name": (f"https://site.example/cubes/{FOREST}/index.html", f"cubes/{FOREST}/1"),
    "and its folder": (f"https://site.example/benchmarks/{TISSUE}/", f"benchmarks/{TISSUE}/2"),
    "and without a slash": ("https://site.example/members/clara", "members/clara/1"),
}


@pytest.mark.parametrize("case", MEANT)
def test_what_is_meant(reader: Office, case: str) -> None:
    claim, path = MEANT[case]
    assert said(reader, claim).path == f"{path}.yml"


WRONG: dict[str, tuple[str, type[MedperfError], str]] = {
    "nothing": ("", UnknownIdError, "nothing in the registry is called"),
    "nonsense": ("nonsense", UnknownIdError, "nothing in the registry is called 'nonsense'"),
    "a missing version": (RESULT.replace("/1", "/9"), UnknownIdError, "is not in the registry"),
    "several things": ("tumor", UnknownIdError, "means 5 things: benchmarks/tumor-board/wdbc, cubes/"),
    "a hostile path": ("results/../etc/passwd", UnknownIdError, "nothing in the registry"),
    "a list": (f"https://site.example/results/{TISSUE}/", UsageError, "no page about one claim"),
    "the next sheet of a list": (
        f"https://site.example/results/{TISSUE}/page-2.html",
        UsageError,
        "no page about one claim",
    ),
    "the front page": ("https://site.example/index.html", UsageError, "no page about one claim"),
    "no page": ("https://site.example/", UsageError, "no page about one claim"),
    "a name that is not there": ("https://site.example/cubes/acme/grove/", UsageError, "no page about"),
    "a page of another registry": (
        "https://site.example/cubes/acme/grove/1.html",
        UnknownIdError,
        "is not in the registry",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_means_nothing_or_too_much(reader: Office, case: str) -> None:
    claim, error, words = WRONG[case]
    with pytest.raises(error, match=words) as refused:
        said(reader, claim)
    assert refused.value.hint


# --- a file that somebody sent


@pytest.fixture
def mail(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


Mail = Callable[[str, bytes], Path]


def test_a_file_with_exactly_these_bytes_is_the_one_in_the_registry(reader: Office, mail: Mail) -> None:
    for path in (f"{RESULT}.yml", f"{DECISION}.yml", "root/1.yml", "members/ada/1.yml"):
        found = said(reader, mail("sent.yml", reader.host.world.files[path]))
        assert (found.path, found.meant) == (path, f"exactly the bytes of registry/{path}")


def test_that_nobody_looked_at_the_page_is_said(reader: Office) -> None:
    by_page, by_path = said(reader, f"https://site.example/{RESULT}.html"), said(reader, f"{RESULT}.yml")
    assert by_page.not_checked[1:] == by_path.not_checked
    assert "nothing was fetched" in by_page.not_checked[0]


def test_a_signature_is_found_by_its_bytes(reader: Office, mail: Mail) -> None:
    for path in (f"{RESULT}.sig", "root/1.ada.sig"):
        found = said(reader, mail("sent.sig", reader.host.world.files[path]))
        assert found.meant == f"exactly the signature registry/{path}"
    assert found.path == "root/1.yml"


def test_a_file_changed_in_one_digit_is_refused_and_named(reader: Office, mail: Mail) -> None:
    true = reader.host.world.files[f"{RESULT}.yml"]
    sent = mail("sent.yml", true.replace(b"count: 180", b"count: 181", 1))
    assert sent.read_bytes() != true
    with pytest.raises(IntegrityError, match=f"is not registry/{RESULT}.yml: there stands sha256") as refused:
        said(reader, sent)
    assert refused.value.exit_code == 10
    assert f"medperf verify {RESULT}.yml" in refused.value.hint


@pytest.mark.parametrize(
    "alter", [lambda d: d.replace(b"\n", b"\r\n"), lambda d: d + b"\n", lambda d: d[:-9]]
)
def test_a_file_that_mail_changed_is_called_altered(
    reader: Office, mail: Mail, alter: Callable[[bytes], bytes]
) -> None:
    sent = mail("sent.yml", alter(reader.host.world.files[f"{RESULT}.yml"]))
    with pytest.raises(IntegrityError, match="it was altered") as refused:
        said(reader, sent)
    assert "mail may change line ends" in refused.value.hint


def test_a_file_that_was_never_merged_counts_for_nothing(reader: Office, mail: Mail) -> None:
    files = reader.host.cube("grove")
    with pytest.raises(IntegrityError, match="which is not in the registry: it counts for nothing"):
        said(reader, mail("sent.yml", files["cubes/acme/grove/1.yml"]))
    with pytest.raises(IntegrityError, match="no file of this registry has the signature"):
        said(reader, mail("sent.sig", files["cubes/acme/grove/1.sig"]))


def test_a_file_of_another_registry_is_told_apart(reader: Office, mail: Mail) -> None:
    other = genesis()["root/1.yml"].replace(b"0123456789abcdef" * 2, b"9" * 32)
    with pytest.raises(IntegrityError, match="is of registry 99999999"):
        said(reader, mail("sent.yml", other))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff\xfe",
        b"a: [",
        b"schema: zebra/1\nregistry: x\nversion: 1\n",
        b'schema: "cube/1"\nid: "../../etc"\nversion: 1\n',
        b"schema: cube/1\nversion: 1\n",
    ],
)
def test_what_is_no_file_of_a_registry_is_said(reader: Office, mail: Mail, data: bytes) -> None:
    with pytest.raises(UsageError, match="is no file of a registry"):
        said(reader, mail("sent.yml", data))


def test_what_is_too_large_or_unreadable_is_not_read(reader: Office, mail: Mail) -> None:
    with pytest.raises(UsageError, match="is larger than any file of a registry"):
        said(reader, mail("sent.yml", b"x" * (64 * 1024 + 1)))
    gone = mail("gone.yml", b"a: b\n")
    with pytest.raises(UsageError, match="permission denied"), unreadable(gone):
        said(reader, gone)


@contextlib.contextmanager
def unreadable(file: Path) -> Iterator[None]:
    """Let the system refuse to open this file, whoever we are."""
    with pytest.MonkeyPatch.context() as patch:
        read = Path.read_bytes
        refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        patch.setattr(Path, "read_bytes", lambda path: _raise(refused) if path == file else read(path))
        yield


def _raise(error: Exception) -> bytes:
    raise error


@pytest.mark.parametrize(
    "name", ["~nobody-at-all/x.yml", "x" * 300, "a\0b", "\udcff", "-", "--help", "..", "/"]
)
def test_names_that_no_system_takes_are_claims_like_others(reader: Office, name: str) -> None:
    with pytest.raises(UsageError):
        said(reader, name)


def test_a_signature_by_a_good_key_over_a_sent_file_is_not_enough(reader: Office, mail: Mail) -> None:
    """A member can sign anything; what counts stands in the registry."""
    namespace = f"cube.v1@{reader.host.world.registry}"
    armor = member_key("acme").sign(reader.host.world.files[f"{RESULT}.yml"], namespace)
    with pytest.raises(IntegrityError, match="no file of this registry has the signature"):
        said(reader, mail("sent.sig", armor))


def test_what_is_only_asked_for_counts_for_nothing_yet(host: Hosted, mail: Mail) -> None:
    acme = office(host, "acme")
    dora = office(host, "dora")
    dora.settings = replace(dora.settings, member=None)
    register(dora.deps, "dora", name="Dora", kind="person", contact="desk@dora.example", label="key")
    with at_desk(acme.deps) as desk:
        (request,) = reviews(desk)
    sent = mail("sent.yml", request.files["members/dora/1.yml"])
    for claim in ("members/dora/1", sent):
        with pytest.raises(UnknownIdError, match=f"only asked for, in request {request.id}") as refused:
            said(acme, claim)
        assert "medperf review show" in refused.value.hint
