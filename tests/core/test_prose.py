"""The prose says what the program does: commands, options, exit codes, settings, fields, rules."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import medperf_cli
from medperf_cli.adapters.forge.api import Vendor
from medperf_cli.adapters.store import settings
from medperf_cli.commands.app import GROUPS, app
from medperf_cli.core.entities.fields import Asset, Pin
from medperf_cli.core.entities.header import Entity
from medperf_cli.core.entities.parsing import MODELS
from medperf_cli.core.names import Kind
from medperf_cli.errors import ExitCode, MedperfError
from medperf_cli.flows.founding.protecting import CHECKS
from medperf_cli.flows.founding.workflows import ENVIRONMENT, SECRETS, VARIABLES
from scripts import write_rules_page

ROOT = Path(__file__).resolve().parents[2]
CONTENT = ROOT / "site_generator" / "content"
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(CONTENT.rglob("*.md")))
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^\$ (?:\./as \S+ )?")
SPAN = re.compile(r"(?<!`)`(medperf [^`]+)`(?!`)")


def typed(page: Path) -> Iterator[str]:
    """The `medperf` command lines in a page's blocks, with `\\` at an end taken as going on."""
    for block in FENCE.findall(page.read_text("utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            command = PROMPT.sub("", line)
            if command.startswith("medperf "):
                yield re.split(r" [|>] ", command)[0]


def mentioned(page: Path) -> Iterator[str]:
    """The commands named in running text; they may be cut short."""
    text = FENCE.sub("", page.read_text("utf-8"))
    yield from (" ".join(span.split()) for span in SPAN.findall(text))


def accept(line: str) -> None:
    """Parse a command line as the program would, without running it (raises its usage errors)."""
    words = shlex.split(line, comments=True)[1:]
    command, context = app, app.make_context("medperf", words)
    while hasattr(command, "resolve_command") and context._protected_args:
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


def lookup(line: str) -> tuple[Any, list[str]]:
    """The command that a cut-short line names, and the words that follow."""
    command: Any = app
    words = shlex.split(line)[1:]
    while words and hasattr(command, "get_command"):
        found = command.get_command(None, words[0])
        if found is None:
            break
        command, words = found, words[1:]
    return command, words


def options(command: Any) -> set[str]:
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return {name.replace("_", "-") for name in known} | {"--help", "-h"}


def lines_of(source: Any) -> list[Any]:
    found = [(page, line) for page in PAGES for line in source(page)]
    return [pytest.param(line, id=f"{page.stem}: {line[:60]}") for page, line in found]


@pytest.mark.parametrize("line", lines_of(typed))
def test_a_command_that_is_shown_is_taken(line: str) -> None:
    accept(line)


@pytest.mark.parametrize(
    "line", ["medperf dataset prepare", "medperf key frob", "medperf registry sync --fast"]
)
def test_a_command_that_is_not_there_would_be_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)missing parameter|no such command|no such option"):
        accept(line)


@pytest.mark.parametrize("line", lines_of(mentioned))
def test_a_command_that_is_named_is_there_with_its_options(line: str) -> None:
    command, words = lookup(line)
    assert command is not app or words[0].startswith("-"), "no such group"
    assert not words or not hasattr(command, "get_command") or not re.match(r"[a-z]", words[0]), (
        "no such verb"
    )
    asked = {word.replace("_", "-") for word in words if word.startswith("-")}
    assert not asked - options(command)


def test_every_group_and_verb_stands_on_the_page_of_commands() -> None:
    page = (CONTENT / "command-line.md").read_text("utf-8")
    for name in GROUPS:
        assert f"`{name}`" in page, name
        for verb in getattr(app.get_command(None, name), "commands", {}):
            assert f"`{verb}`" in page, f"{name} {verb}"


def table(page: str, heading: str) -> dict[str, str]:
    """The rows of the table below a heading: second cell by the first, without back quotes."""
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `?([\w.]+)`? \| `?(\w+)`? \|", section, re.MULTILINE)
    return {first: second for first, second in rows if first not in ("code", "error", "setting")}


def test_exit_codes_are_those_of_the_program() -> None:
    page = (CONTENT / "command-line.md").read_text("utf-8")
    assert table(page, "Exit codes") == {str(code.value): code.name for code in ExitCode}


def error_classes(base: type[MedperfError] = MedperfError) -> Iterator[type[MedperfError]]:
    yield base
    for sort in base.__subclasses__():
        yield from error_classes(sort)


def test_error_codes_are_those_of_the_program() -> None:
    for module in pkgutil.walk_packages(medperf_cli.__path__, "medperf_cli."):
        importlib.import_module(module.name)
    known = {sort.code: str(sort.exit_code.value) for sort in error_classes()} | {"MP-BUG": "70"}
    section = (CONTENT / "command-line.md").read_text("utf-8").partition("## Error codes\n")[2]
    told = re.findall(r"^\| `(MP-[A-Z-]+)` \| (\d+) \|", section.partition("\n## ")[0], re.MULTILINE)
    assert len(told) == len(known)
    assert dict(told) == known


def test_settings_are_those_of_the_program() -> None:
    page = (CONTENT / "command-line.md").read_text("utf-8")
    assert table(page, "Settings") == {name: f"MEDPERF_{name.upper()}" for name in settings.fields()}


def records(annotation: Any, found: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """All records inside a field's type, but pins: those are explained once for all kinds."""
    is_record = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    if is_record and annotation is not Pin and annotation not in found:
        found.add(annotation)
        for field in annotation.model_fields.values():
            records(field.annotation, found)
    for part in get_args(annotation):
        records(part, found)
    return found


def names(record: type[BaseModel]) -> set[str]:
    inherited = set(Entity.model_fields) if issubclass(record, Entity) else set[str]()
    inherited |= set(Asset.model_fields) if issubclass(record, Asset) else set()
    return {field.alias or name for name, field in record.model_fields.items() if name not in inherited}


def sections() -> dict[str, str]:
    page = (CONTENT / "file-formats.md").read_text("utf-8")
    return dict(re.findall(r"^## (.*)\n((?:(?!^## ).*\n)*)", page, re.MULTILINE))


def rows(section: str) -> set[str]:
    """The names in the first cells of a section's tables."""
    first = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return {name for cell in first for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("kind", MODELS)
def test_the_fields_of_a_kind_are_documented_and_no_others(kind: Kind) -> None:
    wanted = set().union(*map(names, records(MODELS[kind], set())))
    assert rows(sections()[str(kind)]) == wanted


def test_the_fields_of_every_file_are_documented() -> None:
    wanted = {field.alias or name for name, field in Entity.model_fields.items()}
    assert rows(sections()["Every file"]) == wanted


def test_the_rules_page_is_written_from_the_table() -> None:
    hint = "run `python -m scripts.write_rules_page`"
    assert write_rules_page.PAGE.read_text("utf-8") == write_rules_page.page(), hint


def named_in_code() -> list[Any]:
    """Commands that messages and hints of the program name; those with values filled in are left out."""
    modules = [path for folder in ("medperf_cli", "ci") for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [(path, span) for path in modules for span in SPAN.findall(path.read_text("utf-8"))]
    return [pytest.param(span, id=f"{path.stem}: {span}") for path, span in found if "{" not in span]


@pytest.mark.parametrize("line", named_in_code())
def test_a_command_that_the_program_names_is_there(line: str) -> None:
    test_a_command_that_is_named_is_there_with_its_options(line)


@pytest.mark.parametrize(
    ("page", "vendors"),
    [("hosting-github", [Vendor.GITHUB]), ("hosting-elsewhere", [Vendor.GITLAB, Vendor.FORGEJO])],
)
def test_the_guides_name_all_that_people_have_to_set_on_a_forge(page: str, vendors: list[Vendor]) -> None:
    text = (CONTENT / "guides" / f"{page}.md").read_text("utf-8")
    asked = {name for vendor in vendors for name in (*SECRETS[vendor], *VARIABLES[vendor])}
    others = {"MEDPERF_FORGE_TOKEN", "MEDPERF_FORGE_TOKEN_FILE", "MEDPERF_JOB"}
    assert set(re.findall(r"MEDPERF_[A-Z_]+", text)) - others == asked
    assert f"`{ENVIRONMENT}`" in text
    assert all(
        f"`{check}`" in text or vendor is Vendor.GITLAB
        for vendor, check in CHECKS.items()
        if vendor in vendors
    )
