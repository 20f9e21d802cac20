"""The table of command groups; a group's module is imported only when it is called."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
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
    "decision": ("decision", "See what members decided, each a signed file."),
    "bot": ("bot", "Merge what needs no (more) decisions, on a bare registry."),
    "site": ("site", "Build the leaderboard pages."),
    "check": ("check", "Judge a working tree or a range of commits."),
    "verify": ("verify", "Explain one claim: file, signer, key, admission, root."),
    "rules": ("rules", "List the rules that a change is judged by."),
    "profile": ("profile", "See and change your settings."),
}
"""Command, module in this package, one line of help."""

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
        return command

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


def _as_medperf(name: str) -> str:
    """`--data-uid` is `--data_uid`, `set-operational` is `set_operational`."""
    return name.replace("-", "_")


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
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Benchmark medical AI where the data is: a signed registry in git, and containers that run at home.

    Every change is a request; a committee's signed decisions merge it; anyone can check it offline.
    Begin with `medperf registry add URL`, `medperf key new` and `medperf member register`.
    """
    from medperf_cli.commands.console import set_manner

    del debug, version
    set_manner(quiet=quiet)


app = get_command(application)
