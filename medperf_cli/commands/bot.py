"""`medperf bot`: the merge bot of a registry, on a bare repository or on a hosted forge."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import PartialError

if TYPE_CHECKING:
    from medperf_cli.adapters.keys.base import Signer
    from medperf_cli.flows.hosting.merge_bot import Outcome

app = typer.Typer(
    help="Merge what needs no (more) decisions, and say below requests how they stand.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_KEY = "MEDPERF_RECORDER_KEY"
_COLUMNS = ("request", "fate", "commit")


@app.callback()
def group() -> None:
    """Merge what needs no (more) decisions, and say below requests how they stand."""


@app.command()
def run(
    repository: Annotated[str, typer.Argument(help="The bare repository's folder, or a forge's address.")],
    once: Annotated[bool, typer.Option("--once", help="One round, then stop (the only way so far).")] = True,
    root: Annotated[
        str | None,
        typer.Option(envvar="MEDPERF_ROOT", help="On a forge: sha256:... of root/1.yml, which pins it."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="On a forge: where the working copy is kept; else ~/.medperf/bot.")
    ] = None,
    recorder_key: Annotated[
        Path | None,
        typer.Option(help="On a forge: the recorder's key file (or .pub)."),
    ] = None,
    json: console.Json = False,
) -> None:
    """Merge every open request that may be merged; safe to run twice at once and to kill.

    On a hosted forge it fetches, judges main and each request as every reader does, hears decisions in
    comments, moves main with one push, and keeps one comment below each open request: the verdict, whom it
    waits for, what to repair. Where the root lets approvals in the forge's page count, it records them with
    the recorder's key, whose text may stand in MEDPERF_RECORDER_KEY. The token is looked for as everywhere
    (MEDPERF_FORGE_TOKEN); MEDPERF_PUSH_TOKEN is another one for pushing main. It ends with 9 where it merged
    and could not read or say everything.

    Example: medperf bot run https://github.com/consortium/registry.git --once --root sha256:...
    """
    del once
    if Path(repository).exists() or ":" not in repository:
        _show(_on_bare(Path(repository)), json=json)
        return
    with _recorder(recorder_key) as signer:
        _on_forge(repository, root, folder, signer, json=json)


def _on_bare(path: Path) -> Sequence[Outcome]:
    from medperf_cli.adapters.store.repository import GitStore
    from medperf_cli.flows.hosting.merge_bot import run_once

    with GitStore(path) as store:
        return run_once(store, console.utc_now)


def _on_forge(url: str, root: str | None, folder: Path | None, signer: Signer | None, *, json: bool) -> None:
    from medperf_cli.flows.hosting.hosted_run import run_hosted
    from medperf_cli.render.status import as_comment

    deps = console.deps()
    home = (folder or deps.settings.home / "bot").expanduser().absolute()
    settings = dataclasses.replace(deps.settings, home=home, registry=None)
    done = run_hosted(dataclasses.replace(deps, settings=settings), url, root, as_comment, signer)
    _show(done.outcomes, json=json)
    for what, error in done.troubles:
        console.note(f"{what}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    if done.troubles:
        raise PartialError(
            "what may be merged is merged, but not everything could be read or said",
            hint="each line above says what to do; then, or in the next round, the same command finishes it",
        )


@contextlib.contextmanager
def _recorder(file: Path | None) -> Iterator[Signer | None]:
    """The recorder's key, if there is one; its text leaves the environment that git gets."""
    from medperf_cli.adapters.keys.lent import lent_key
    from medperf_cli.adapters.keys.ssh_keygen import SshKeygenSigner

    text = os.environ.pop(_KEY, "")
    if file is not None or not text.strip():
        yield None if file is None else SshKeygenSigner(file.expanduser())
        return
    with lent_key(text) as signer:
        yield signer


def _show(outcomes: Sequence[Outcome], *, json: bool) -> None:
    from medperf_cli.commands.browse import show

    rows = [
        {
            "request": outcome.id,
            "fate": outcome.fate,
            "commit": outcome.commit,
            "findings": [f"{f.rule} {f.path}: {f.message}" for f in outcome.findings],
            "left_out": list(outcome.left_out),
        }
        for outcome in outcomes
    ]
    show(rows, json=json, columns=_COLUMNS)
