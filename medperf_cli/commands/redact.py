"""`medperf registry redact`: take out of history what must not be there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medperf_cli.commands import console
from medperf_cli.errors import UsageError

if TYPE_CHECKING:
    from medperf_cli.flows.hosting.redacting import Applied
    from medperf_cli.flows.submitting.redact import Draft

_BY_HAND = """\
main is now {now} (it was {before}). What the host's admin must still do by hand, in that repository:
  delete the other refs, which may hold the files: {others}
  git reflog expire --expire=now --all && git gc --prune=now
  do the same in mirrors; who has open requests submits them again
Copies that others made already cannot be called back, and whoever guesses a file can compare its digest.
"""


def add_redacting(app: typer.Typer) -> None:
    """Add `redact` to the group of registries."""
    app.command("redact")(redact)


def redact(
    paths: Annotated[list[str] | None, typer.Argument(help="Files that must go: cubes/.../1.yml.")] = None,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; it is public for ever.")] = "",
    draft: Annotated[Path, typer.Option(help="The folder to write the draft to.")] = Path("redaction"),
    sign: Annotated[Path | None, typer.Option(help="Sign the draft in this folder too.")] = None,
    apply: Annotated[Path | None, typer.Option(help="Apply the draft in this folder.")] = None,
    repository: Annotated[Path | None, typer.Option(help="With --apply: the bare repository.")] = None,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Take files out of history, such as a description that names a patient; for admins.

    What rests on a file goes with it: decisions, later versions, whatever pins it. All that is shown before
    you sign. Roots and members stay. As many admins sign as the root asks, all the same draft; then whoever
    hosts the registry applies it in the repository itself. Readers verify everything again and say so.

    Example: medperf registry redact cubes/acme/forest/1.yml --reason "its description named a patient"; then,
    for each other admin, medperf registry redact --sign redaction; then, at the host,
    medperf registry redact --apply redaction --repository /srv/registry.git
    """
    from medperf_cli.flows.submitting import redact as flow

    deps = console.deps(yes=yes, dry_run=dry_run)
    if apply is not None:
        if repository is None:
            raise UsageError("say which repository", hint="add --repository PATH, the registry's bare one")
        _tell_applied(flow.apply_draft(deps, apply, repository))
    elif sign is not None:
        _tell_signed(flow.sign(deps, sign), sign)
    elif not reason:
        raise UsageError("say why", hint="add --reason TEXT; it is public for ever")
    else:
        _tell_signed(flow.draft(deps, paths or [], reason, draft), draft)


def _tell_signed(done: Draft | None, folder: Path) -> None:
    if done is None:
        console.note("nothing was signed")
        return
    console.note(
        f"signed by {', '.join(done.signed_by)}; give '{folder}' to the other admins until enough signed,"
        " then to the host"
    )


def _tell_applied(done: Applied | None) -> None:
    if done is None:
        console.note("nothing was changed")
        return
    others = ", ".join(done.others) or "none"
    console.note(_BY_HAND.format(now=done.now[:12], before=done.before[:12], others=others).rstrip())
