"""`medperf profile`: your settings, in one profile for each role or registry."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import UsageError

app = typer.Typer(help="See and change your settings.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="The profile's name.")]
Settings = Annotated[str, typer.Argument(help="Its name, as `profile view` shows it.")]


def _home() -> Path:
    """Where profiles are; no value is read, so that a damaged one can still be repaired."""
    from medperf_cli.adapters.store.profiles import home_folder

    return home_folder(os.environ)


@app.command()
def ls(json: console.Json = False) -> None:
    """List the profiles, and which one is active."""
    from medperf_cli.commands.browse import show
    from medperf_cli.flows.profiles import listed

    columns = ("active", "profile", "registry", "member", "key")
    show(listed(os.environ, _home()), json=json, columns=columns)


@app.command()
def view(
    name: Annotated[str | None, typer.Argument(help="A profile; else the active one.")] = None,
    json: console.Json = False,
) -> None:
    """Show the settings in force and where each comes from: a variable, the file, or the default."""
    from medperf_cli.commands.browse import show
    from medperf_cli.flows.profiles import viewed

    show(viewed(os.environ, _home(), name), json=json, columns=("setting", "value", "from"))


@app.command()
def create(
    name: Annotated[str | None, typer.Argument(help="The new profile's name.")] = None,
    named: Annotated[str | None, typer.Option("--name", "-n", help="The same, as MedPerf has it.")] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, as name=value; repeat.")
    ] = None,
    copy: Annotated[str | None, typer.Option("--copy", help="Begin with what this profile says.")] = None,
) -> None:
    """Make a profile; `profile activate` uses it, MEDPERF_PROFILE uses it for one command.

    Example: medperf profile create night --copy default --set parallel=4
    """
    from medperf_cli.flows.profiles import create as run
    from medperf_cli.flows.profiles import pairs

    if (name is None) == (named is None):
        raise UsageError("a new profile has one name", hint="give it as NAME or with --name")
    made = run(_home(), name or named or "", pairs(values or ()), copy)
    console.note(f"made '{made.file}'; `medperf profile activate {made.profile}` uses it")


@app.command("set")
def set_value(
    setting: Settings,
    values: Annotated[list[str], typer.Argument(help="Its value; several for lists such as assets.")],
) -> None:
    """Change a setting, such as the folders where assets are looked for: profile set assets /mnt/share."""
    from medperf_cli.adapters.store.settings import LISTS, located, save

    setting = setting.replace("-", "_")
    if len(values) > 1 and setting not in LISTS:
        raise UsageError(f"'{setting}' has one value", hint="put a value with spaces into quotes")
    changed = save(located(os.environ), {setting: values if setting in LISTS else values[0]})
    console.note(f"{setting} is set in profile {changed.profile}")
    if os.environ.get(f"MEDPERF_{setting.upper()}"):
        console.note(f"MEDPERF_{setting.upper()} is set too, and wins while it is")


@app.command()
def unset(setting: Settings) -> None:
    """Forget a setting: its default holds again."""
    from medperf_cli.adapters.store.settings import located, save

    save(located(os.environ), {setting.replace("-", "_"): None})
    console.note(f"{setting} has its default again")


@app.command()
def activate(name: Name) -> None:
    """Use a profile from now on; MEDPERF_PROFILE wins where it is set."""
    from medperf_cli.adapters.store.profiles import VARIABLE
    from medperf_cli.adapters.store.profiles import activate as run

    run(_home(), name)
    console.note(f"profile {name} is active")
    if os.environ.get(VARIABLE):
        console.note(f"{VARIABLE} is set too, and wins while it is")


@app.command()
def delete(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Even the active one; then `default` is.")] = False,
) -> None:
    """Remove a profile. Keys, registries and data stay."""
    from medperf_cli.flows.profiles import delete as run

    was_active = run(os.environ, _home(), name, even_active=force)
    console.note(f"profile {name} is removed" + ("; `default` is active" if was_active else ""))
