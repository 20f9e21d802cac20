"""`medperf key`: the SSH key that signs for you."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import UsageError

app = typer.Typer(
    help="Make and choose the SSH key that signs for you.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def new(
    file: Annotated[Path | None, typer.Option(help="Where the key goes; else below ~/.medperf/keys.")] = None,
    label: Annotated[str, typer.Option(help="What the key is called.")] = "medperf signing key",
    passphrase: Annotated[bool, typer.Option("--passphrase", help="Ask for a passphrase.")] = False,
) -> None:
    """Make an Ed25519 key and sign with it from now on."""
    from medperf_cli.flows.keys import new_key

    deps = console.deps()
    if passphrase and not deps.interactive:
        raise UsageError("there is no terminal to ask at for a passphrase", hint="run it in a terminal")
    made = new_key(deps, file, label, interactive=passphrase)
    console.note(f"made '{made.file}'; keep a copy of it somewhere safe")
    console.write(made.fingerprint)


@app.command()
def use(
    file: Annotated[Path, typer.Argument(help="A private key, or the .pub of a key in your agent.")],
) -> None:
    """Sign with this key from now on: a file, a key in ssh-agent, or a hardware key."""
    from medperf_cli.flows.keys import use_key

    console.write(use_key(console.deps(), file).fingerprint)


@app.command()
def ls(json: console.Json = False) -> None:
    """List the keys on this machine that could sign."""
    from medperf_cli.commands.browse import show
    from medperf_cli.flows.keys import known_keys

    show(known_keys(console.deps()), json=json, columns=("in_use", "type", "fingerprint", "file"))
