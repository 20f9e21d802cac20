"""`medperf profile`: your settings."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import UsageError

app = typer.Typer(help="See and change your settings.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def view(json: console.Json = False) -> None:
    """Show the settings in force, environment included."""
    from medperf_cli.commands.browse import show

    settings = console.deps().settings
    values = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    shown = {k: ":".join(map(str, v)) if isinstance(v, tuple) else v for k, v in values.items()}
    rows = [{"setting": key, "value": value} for key, value in shown.items()]
    show(rows, json=json, columns=("setting", "value"))


@app.command("set")
def set_value(
    setting: Annotated[str, typer.Argument(help="Its name, as `profile view` shows it.")],
    values: Annotated[list[str], typer.Argument(help="Its value; several for lists such as assets.")],
) -> None:
    """Change a setting, such as the folders where assets are looked for: profile set assets /mnt/share."""
    from medperf_cli.adapters.store.settings import LISTS, save

    if len(values) > 1 and setting not in LISTS:
        raise UsageError(f"'{setting}' has one value", hint="put a value with spaces into quotes")
    save(console.deps().settings, {setting: values if setting in LISTS else values[0]})
    console.note(f"{setting} is set")
