"""Tables and entities as printed."""

from __future__ import annotations

import json

from medperf_cli.adapters.store.index_rows import Row, StoredEntity
from medperf_cli.render.entity import entity_text
from medperf_cli.render.table import as_json, table


def test_a_table_is_aligned_and_says_what_is_empty() -> None:
    rows = [
        {"id": "acme/forest", "in_use": True, "title": "a forest"},
        {"id": "b1/c1", "in_use": False, "title": ""},
    ]
    assert table(rows, ("id", "in_use", "title")) == (
        "ID           IN USE  TITLE\nacme/forest  yes     a forest\nb1/c1        no      -\n"
    )
    assert table([], ("id", "title")) == "ID  TITLE\n"


def test_a_cell_is_one_printable_line_and_not_endless() -> None:
    (_, row) = table([{"text": "one\ntwo\x1b[31m\u202e three " + "x" * 200}], ("text",)).splitlines()
    assert row.startswith("one two?[31m? three xxx")
    assert row.endswith("x\u2026")
    assert len(row) == 100


def test_json_keeps_letters() -> None:
    assert (
        as_json([{"name": "Universit\u00e4tsklinikum"}])
        == '[\n  {\n    "name": "Universit\u00e4tsklinikum"\n  }\n]\n'
    )


STORED = StoredEntity(
    Row(
        path="members/acme/1.yml",
        sha256="a" * 64,
        document={"name": "Acme"},
        standing="effective",
        in_force=True,
        signer="acme",
        fingerprint="SHA256:abc",
        commit="b" * 40,
        time=0,
        position=1,
    ),
    b'schema: member/1\nname: "Acme"\n',
    {},
)


def test_an_entity_is_its_file_under_what_is_known_of_it() -> None:
    assert entity_text(STORED, "yaml") == (
        f"# path: members/acme/1.yml\n# sha256: {'a' * 64}\n# standing: effective\n# in_force: True\n"
        f'# signer: acme\n# key: SHA256:abc\n# commit: {"b" * 40}\nschema: member/1\nname: "Acme"\n'
    )
    found = json.loads(entity_text(STORED, "json"))
    assert (found["document"], found["in_force"], found["key"]) == ({"name": "Acme"}, True, "SHA256:abc")
