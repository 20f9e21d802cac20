"""A watched snapshot answers as the one behind it, and tells which changes can matter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from medperf_cli.core.snapshot import MemorySnapshot
from medperf_cli.core.watched import EVERYTHING, Watched, matters

FILES = {"cubes/acme/forest/1.yml": b"a: b\n", "cubes/acme/forest/1.sig": b"", "members/ada/1.yml": b"c: d\n"}
SNAPSHOT = MemorySnapshot(FILES, ("now", "before"))


def test_it_answers_as_the_one_behind_it() -> None:
    watched = Watched(SNAPSHOT)
    assert watched.get("members/ada/1.yml") == b"c: d\n"
    assert watched.get("members/ada/2.yml") is None
    for folder in ("", "cubes", "cubes/acme/forest", "nowhere"):
        assert list(watched.list(folder)) == list(SNAPSHOT.list(folder))
        assert watched.names(folder) == SNAPSHOT.names(folder)
    assert watched.with_line("members", ["c: d"]) == ["members/ada/1.yml"]
    assert [watched.age(tree) for tree in ("now", "before")] == [0, 1]
    assert not watched.empty()


@pytest.mark.parametrize(
    ("ask", "matter", "not_matter"),
    [
        (lambda s: s.get("root/2.yml"), ["root/2.yml"], ["root/2.ada.sig", "root/3.yml"]),
        (lambda s: s.names("cubes/acme/forest"), ["cubes/acme/forest/2.yml"], ["cubes/acme/forest-2/1.yml"]),
        (lambda s: s.names("cubes"), ["cubes/new/x/1.yml"], ["cubes-new/x/1.yml", "members/new/1.yml"]),
        (lambda s: list(s.list("datasets")), ["datasets/a/b/1.yml"], ["results/a/b/1.yml"]),
        (lambda s: s.with_line("members", ["k: x"]), ["members/eve/1.yml"], ["decisions/members/eve/1.yml"]),
        (lambda s: list(s.list("")), ["anything/1.yml"], []),
        (lambda s: s.age("now"), [], ["root/2.yml"]),
        (lambda s: s.age("never"), ["anything/1.yml"], []),
    ],
)
def test_a_change_matters_where_it_was_looked(
    ask: Callable[[Watched], object], matter: list[str], not_matter: list[str]
) -> None:
    watched = Watched(SNAPSHOT)
    ask(watched)
    assert [path for path in matter if not matters(watched.asked, [path])] == []
    assert [path for path in not_matter if matters(watched.asked, [path])] == []
    assert matters(EVERYTHING, ["anything/1.yml"])
    assert not matters(watched.asked, [])
