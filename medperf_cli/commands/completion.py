"""Completion in shells: scripts for them, and the ids that options take, from the index, without a word."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medperf_cli.adapters.files import writing
from medperf_cli.errors import UsageError

if TYPE_CHECKING:
    from medperf_cli.adapters.store.settings import Settings

VARIABLE = "_MEDPERF_COMPLETE"
"""Set by the shell's script when it asks."""
SHELLS = ("bash", "zsh", "fish")
_MOST = 500
_CELL = re.compile(r"[0-9a-f]{64}\Z")
_SHORT = 12  # as `show_local_results` shows them

Source = Callable[["Settings"], Sequence[str]]


def begin() -> None:
    """Teach typer the shells; it does so by itself only for programs that it equips."""
    _typer().completion_init()


def item(like: type[Any], name: str, text: str) -> Any:
    """A completion with its explanation, of the library that `like` is a command of."""
    for base in like.__mro__:
        if base.__name__ == "Command":
            module = importlib.import_module(base.__module__.rpartition(".")[0] + ".shell_completion")
            return module.CompletionItem(name, help=text)
    raise TypeError(like)


def script(shell: str) -> str:
    """What a shell must read to complete our commands (raises UsageError)."""
    return str(
        _typer().get_completion_script(prog_name="medperf", complete_var=VARIABLE, shell=_known(shell))
    )


def install(shell: str) -> tuple[str, Path]:
    """Let a shell read the script at its start; returns the shell and the file.

    Raises:
        UsageError: the shell is not one of ours, or cannot be told.
        ConfigurationError: the home folder cannot be written.

    """
    with writing(Path(os.environ.get("HOME") or "~")):
        name, file = _typer().install(shell=_known(shell), prog_name="medperf", complete_var=VARIABLE)
        return str(name), Path(file)


def _typer() -> Any:
    # Its names there have no underscore, and are not declared for others either.
    return importlib.import_module("typer.completion")


def _known(shell: str) -> str:
    shell = _this_shell() if shell == "auto" else shell
    if shell not in SHELLS:
        raise UsageError(
            f"'{shell}' is no shell that can be completed in", hint=f"name one: {', '.join(SHELLS)}"
        )
    return shell


def _this_shell() -> str:
    shellingham: Any = importlib.import_module("shellingham")
    try:
        return str(shellingham.detect_shell()[0])
    except (shellingham.ShellDetectionFailure, OSError):
        raise UsageError("the shell cannot be told from here", hint=f"name it: {', '.join(SHELLS)}") from None


def attach(command: Any, words: tuple[str, ...]) -> None:
    """Give every option and argument that takes an id its ids, by its name and the words that call it."""
    for name, inner in getattr(command, "commands", {}).items():
        attach(inner, (*words, name))
    for parameter in command.params:
        source = _source(words, str(parameter.name))
        if source is not None:
            parameter._custom_shell_complete = _quietly(source)  # noqa: SLF001 - typer has no other way in later


def _quietly(source: Source) -> Callable[[Any, Any, str], list[str]]:
    """Ids that begin with what was typed, else whose last name does; nothing at all on any trouble."""

    def complete(_context: Any, _parameter: Any, typed: str) -> list[str]:
        with contextlib.suppress(Exception):
            from medperf_cli.adapters.store.settings import load

            every = source(load(os.environ))
            begun = [i for i in every if i.startswith(typed)]
            return (begun or [i for i in every if i.rpartition("/")[2].startswith(typed)])[:_MOST]
        return []

    return complete


def _source(words: tuple[str, ...], name: str) -> Source | None:
    if name == "entity":
        kind = _ENTITIES.get(words[0])
        return _SOURCES.get(kind) if kind else None
    if words[0] == "profile":
        return {"setting": _settings, "copy": _profiles}.get(name) or (
            _profiles if name == "name" and words[-1] != "create" else None
        )
    return None if words == ("member", "register") else _SOURCES.get(name)


def _ids(kind: str, sort: str | None = None) -> Source:
    def ids(settings: Settings) -> Sequence[str]:
        from medperf_cli.adapters.store.index import Index

        folder = settings.registry_folder(settings.registry or "")
        with Index.open(folder / "index.sqlite") as index:
            return index.ids(kind, sort)

    return ids


def _registries(settings: Settings) -> Sequence[str]:
    return sorted(p.name for p in (settings.home / "registries").iterdir() if not p.name.startswith("."))


def _requests(settings: Settings) -> Sequence[str]:
    """The open requests, as of the last contact."""
    from medperf_cli.flows.reading.asked import read_asked
    from medperf_cli.flows.reading.registry import place

    return [request.id for request in read_asked(place(settings)).requests]


def _cells(settings: Settings) -> Sequence[str]:
    return sorted(p.name[:_SHORT] for p in settings.runs.iterdir() if _CELL.match(p.name))


def _profiles(settings: Settings) -> Sequence[str]:
    from medperf_cli.adapters.store.profiles import names

    return names(settings.home)


def _settings(_settings: Settings) -> Sequence[str]:
    from medperf_cli.adapters.store.settings import fields

    return fields()


_MODEL = _ids("cube", "model")
_MEMBER = _ids("member")
_SOURCES: dict[str, Source] = {
    "benchmark": _ids("benchmark"),
    "dataset": _ids("dataset"),
    "model": _MODEL,
    "reference_model": _MODEL,
    "cube": _ids("cube"),
    "data_preparator": _ids("cube", "data-preparator"),
    "metrics": _ids("cube", "metrics"),
    "association": _ids("association"),
    "decision": _ids("decision"),
    "published": _ids("result"),
    "member": _MEMBER,
    "owner": _MEMBER,
    "committee": _MEMBER,
    "allow_dataset": _MEMBER,
    "allow_model": _MEMBER,
    "registry": _registries,
    "request": _requests,
    "result": _cells,
    "uid": _cells,
}
"""By the name of an option or argument in the code of a command."""
_ENTITIES = {
    **{
        group: group
        for group in ("member", "cube", "model", "benchmark", "dataset", "association", "decision")
    },
    "result": "published",
}
"""What `view` of a group shows."""
