"""`medperf decision`: what members decided, each a signed file."""

from __future__ import annotations

import typer

from medperf_cli.commands.browse import add_browsing
from medperf_cli.core.names import Kind

app = typer.Typer(help="See what members decided.", no_args_is_help=True, rich_markup_mode=None)
add_browsing(app, Kind.DECISION)
