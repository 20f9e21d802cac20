"""Measures the code: sizes of modules and functions, annotated share, mocks per test."""

from __future__ import annotations

import ast
import re
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PRODUCT = ("medperf_cli", "ci", "site_generator")
MOCK = re.compile(
    r"\b(?:Mock|MagicMock|AsyncMock|create_autospec)\(|\bpatch(?:\.\w+)?\(|\bmonkeypatch\.setattr\("
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One parsed Python file."""

    path: Path
    source: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """How many lines the file has."""
        return len(self.source.splitlines())

    def functions(self) -> Iterator[Function]:
        """Every function in it: methods and inner ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


def read_module(path: Path) -> Module:
    """Read and parse one file (raises SyntaxError)."""
    source = path.read_text(encoding="utf-8")
    return Module(path, source, ast.parse(source, filename=str(path)))


def length(function: Function) -> int:
    """Lines from `def` to the last one of the body, docstring included."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def is_annotated(function: Function) -> bool:
    """Whether the return value and every argument but self and cls are annotated."""
    a = function.args
    arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    named = [argument for argument in arguments if argument.arg not in {"self", "cls"}]
    return function.returns is not None and all(argument.annotation is not None for argument in named)


def count_tests(modules: Iterable[Module]) -> int:
    """How many test functions are written (a parametrised one counts once)."""
    return sum(f.name.startswith("test_") for module in modules for f in module.functions())


def count_mocks(modules: Iterable[Module]) -> int:
    """How often something real is replaced: Mock(), patch(), monkeypatch.setattr()."""
    return sum(len(MOCK.findall(module.source)) for module in modules)


def facts(root: Path) -> list[tuple[str, str]]:
    """The measurements of the project at `root`, as label and value."""
    product = [read_module(p) for folder in PRODUCT for p in sorted((root / folder).rglob("*.py"))]
    tests = [read_module(p) for p in sorted((root / "tests").rglob("*.py"))]
    filled = [
        m for m in product if m.lines > 1
    ]  # an __init__ that only says what its package is does not count
    functions = [f for m in product for f in m.functions()]
    written, mocks = count_tests(tests), count_mocks(tests)
    annotated = sum(map(is_annotated, functions))
    return [
        ("modules", str(len(filled))),
        ("lines per module, median and max", _spread([m.lines for m in filled])),
        ("functions", str(len(functions))),
        ("lines per function, median and max", _spread([length(f) for f in functions])),
        (
            "annotated functions",
            f"{annotated} of {len(functions)} ({annotated / max(1, len(functions)):.1%})",
        ),
        ("test functions", str(written)),
        ("mocks per test", f"{mocks / max(1, written):.3f} ({mocks} in {written})"),
    ]


def _spread(sizes: list[int]) -> str:
    return f"{statistics.median(sizes):g}, {max(sizes)}" if sizes else "none"


def main() -> None:
    """Print the measurements, one a line."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    for label, value in facts(root):
        print(f"{label:<36} {value}")


if __name__ == "__main__":
    main()
