"""The table of command groups; a group's module is imported only when it is called."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

GROUPS: dict[str, tuple[str, str]] = {
    "registry": ("registry", "Make, add, sync and verify a registry."),
    "key": ("key", "Make and choose the SSH key that signs for you."),
    "member": ("member", "Register yourself or your organisation."),
    "cube": ("cube", "Submit containers: data-preparators, models, metrics."),
    "model": ("model", "Submit models and take part in benchmarks with them."),
    "benchmark": ("benchmark", "Define benchmarks and run them on your data."),
    "dataset": ("dataset", "Register, prepare and associate your data; it never leaves."),
    "association": ("association", "See and decide who takes part in a benchmark."),
    "run": ("run", "Run one model of a benchmark on your data."),
    "test": ("test", "Try cubes on a demo dataset or your data before you submit."),
    "result": ("result", "See, check and submit results."),
    "review": ("review", "See and decide what waits for you."),
    "outbox": ("outbox", "See, send and carry what was signed and has not arrived."),
    "todo": ("todo", "See what waits for you, and what to type."),
    "decision": ("decision", "See what members decided, each a signed file."),
    "bot": ("bot", "Merge what needs no (more) decisions, on a bare registry."),
    "site": ("site", "Build the leaderboard pages."),
    "check": ("check", "Judge a working tree or a range of commits."),
    "verify": ("verify", "Explain one claim: file, signer, key, admission, root."),
    "rules": ("rules", "List the rules that a change is judged by."),
    "profile": ("profile", "See and change your settings."),
    "storage": ("storage", "See, move and clean up what is kept on disk."),
    "doctor": ("doctor", "Find out what is amiss on this machine, and how to repair it."),
}
"""Command, module in this package, one line of help."""

_OPTIONAL = ("--install-completion", "--show-completion")
ALIASES = {"mlcube": "cube", "container": "cube"}


class LazyGroup(TyperGroup):
    """Lists groups from the table; imports one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the table, in its order."""
        del ctx
        return list(GROUPS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the module of a command and give its click command; None for an unknown name."""
        del ctx
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in GROUPS:
            return None
        module = importlib.import_module(f"medperf_cli.commands.{GROUPS[name][0]}")
        command = get_command(module.app)
        command.name = name
        # Typer gives each group its own options to install completion, as if it were a program.
        command.params = [p for p in command.params if not str(p.name).endswith("_completion")]
        if "_MEDPERF_COMPLETE" in os.environ:
            from medperf_cli.commands.completion import attach

            attach(command, (name,))
        return command

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Allow the options about completion to stand without the name of a shell."""
        for at, word in enumerate(args[:2]):
            if word in _OPTIONAL and (at + 1 == len(args) or args[at + 1].startswith("-")):
                args = [*args[: at + 1], "auto", *args[at + 1 :]]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete the names of groups from the table, and options; no group is imported."""
        if incomplete.startswith("-"):
            # Without commands, it is their options that are left.
            plain = TyperCommand(self.name, params=self.params)
            return plain.shell_complete(ctx, incomplete)
        from medperf_cli.commands.completion import item

        known = [(n, t) for n, (_, t) in GROUPS.items() if n.startswith(incomplete)]
        return [item(type(self), name, text) for name, text in known]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Print the table without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in GROUPS.items()])


def _version(value: bool) -> None:
    if value:
        from medperf_cli.flows.deps import TOOL_VERSION

        typer.echo(f"medperf {TOOL_VERSION}")
        raise typer.Exit


def _install(shell: str | None) -> None:
    if shell is not None:
        from medperf_cli.commands.completion import install

        name, file = install(shell)
        typer.echo(f"completion for {name} is in '{file}'; it works in shells started from now on")
        raise typer.Exit


def _print_script(shell: str | None) -> None:
    if shell is not None:
        from medperf_cli.commands.completion import script

        typer.echo(script(shell))
        raise typer.Exit


def _as_medperf(name: str) -> str:
    """`--data-uid` is `--data_uid`, `set-operational` is `set_operational`."""
    return name.replace("-", "_")


def _completion(verb: str, run: Callable[[str | None], None]) -> Any:
    text = {"install": "Let this shell complete commands and ids.", "show": "Print what that would install."}
    return typer.Option(
        f"--{verb}-completion", callback=run, is_eager=True, metavar="[bash|zsh|fish]", help=text[verb]
    )


application = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": _as_medperf},
)


@application.callback()
def options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what is asked for.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say what is run: programs, downloads, containers.")
    ] = False,
    no_pager: Annotated[
        bool, typer.Option("--no-pager", help="Print long lists without PAGER, on a terminal too.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    install_completion: Annotated[str | None, _completion("install", _install)] = None,
    show_completion: Annotated[str | None, _completion("show", _print_script)] = None,
) -> None:
    """Benchmark medical AI where the data is: a signed registry in git, and containers that run at home.

    Every change is a request; a committee's signed decisions merge it; anyone can check it offline.
    Begin with `medperf registry add URL`, `medperf key new` and `medperf member register`.
    """
    from medperf_cli.commands.console import set_manner

    del debug, version, install_completion, show_completion
    set_manner(quiet=quiet, verbose=verbose, pager=not no_pager)


app = get_command(application)
