"""What every cube of this example does alike: dispatch a task, read CSV and flat YAML, write YAML.

No YAML library: the images hold Python and numpy only.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

VOLUMES = Path("/mlcommons/volumes")
_PLAIN_KEY = re.compile(r"(?!(y|n|yes|no|on|off|true|false|null)\Z)[a-z][a-z0-9_]*\Z")
"""Keys that are texts in YAML 1.1 and 1.2 without quotes."""


class BadInput(Exception):  # noqa: N818 - it names the finding, not the class tree
    """The input cannot be used; the text says what is wrong with which file."""


def run(tasks: Mapping[str, Callable[[Path], None]]) -> None:
    """Run the task named on the command line; exits with 1 and one line on stderr if it cannot be done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=sorted(tasks))
    parser.add_argument(
        "--volumes", type=Path, default=VOLUMES, help="folder of the mounts, for trying it out"
    )
    arguments = parser.parse_args()
    try:
        tasks[arguments.task](arguments.volumes)
    except (BadInput, OSError) as e:
        sys.exit(f"error: {e}")


def only_csv(folder: Path) -> Path:
    """The one CSV file of a folder."""
    found = sorted(folder.glob("*.csv"))
    if len(found) != 1:
        raise BadInput(f"expected one .csv file in '{folder.name}', found {len(found)}")
    return found[0]


def read_csv(path: Path, delimiter: str = ",") -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file; every row has as many cells as the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file, delimiter=delimiter) if row]
    except (UnicodeDecodeError, csv.Error) as e:
        raise BadInput(f"'{path.name}' is not a UTF-8 CSV file: {e}") from None
    if not rows:
        raise BadInput(f"'{path.name}' is empty")
    header, *body = rows
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise BadInput(f"'{path.name}' row {number}: {len(row)} cells, expected {len(header)}")
    return header, body


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV file; a reader never sees half of it."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    partial.replace(path)


def read_parameters(volumes: Path) -> dict[str, Any]:
    """The cube's parameters: one `key: value` a line, the value a number, a truth value or a text."""
    parameters: dict[str, Any] = {}
    for line in (volumes / "parameters/parameters_file.yaml").read_text(encoding="utf-8").splitlines():
        key, colon, value = line.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if not colon or line != line.lstrip():
            raise BadInput(f"parameters: '{line}' is not 'key: value'")
        try:
            parameters[key] = json.loads(value)
        except ValueError:
            parameters[key] = value.strip()
    return parameters


def yaml_lines(tree: Mapping[str, Any], indent: str = "") -> list[str]:
    """Nested mappings of texts and numbers as block YAML; texts are quoted, floats have a point."""
    lines = []
    for key, value in tree.items():
        name = key if _PLAIN_KEY.match(key) else _quoted(key)
        if isinstance(value, Mapping):
            lines += [
                f"{indent}{name}:" if value else f"{indent}{name}: {{}}",
                *yaml_lines(value, indent + "  "),
            ]
        else:
            lines.append(f"{indent}{name}: {_scalar(value)}")
    return lines


def write_yaml(path: Path, tree: Mapping[str, Any]) -> None:
    """Write a YAML file in place: where the file itself is the mount, it cannot be replaced by another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(yaml_lines(tree)) + "\n", encoding="utf-8")


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    text = json.dumps(value, allow_nan=False)
    # YAML 1.1 reads 1e-05 as a text, 1.0e-05 as a number.
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text


def _quoted(text: str) -> str:
    """As JSON; what YAML does not allow or folds (controls, U+2028) as its escape for any character."""
    escaped = (c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(text, ensure_ascii=False))
    return "".join(escaped)
