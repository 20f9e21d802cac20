"""`medperf registry`: make, add, sync and verify a registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from medperf_cli.commands import console
from medperf_cli.commands.found import add_founding
from medperf_cli.commands.host import add_hosting
from medperf_cli.commands.redact import add_redacting
from medperf_cli.commands.renew_root import add_renewing

app = typer.Typer(help="Make, add, sync and verify a registry.", no_args_is_help=True, rich_markup_mode=None)
add_founding(app)
add_renewing(app)


def counted(number: int, what: str) -> str:
    """A number with its noun."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Any address git understands.")],
    root: Annotated[
        str | None, typer.Option(help="sha256:... of root/1.yml, from somebody you trust.")
    ] = None,
) -> None:
    """Copy a registry, pin its root, verify all of its history, and use it from now on."""
    from medperf_cli.flows.submitting.desk import add_and_keep_up

    added = add_and_keep_up(console.deps(), url, root)
    seen = f"{counted(added.synced.judged, 'change')}, {counted(added.synced.entities, 'file')}"
    console.note(f"'{added.title}' is verified: {seen}")
    console.write(added.registry)


@app.command()
def sync(
    carried: Annotated[
        Path | None, typer.Option("--from", help="A bundle of the registry that was carried here.")
    ] = None,
) -> None:
    """Fetch what is new, and verify each change before believing it.

    Without a network: medperf registry sync --from registry.bundle, which registry export-bundle wrote.
    """
    from medperf_cli.flows.reading.todo import for_me
    from medperf_cli.flows.submitting.desk import keep_up

    deps = console.deps()
    done, asked = keep_up(deps, carried)
    console.note(f"verified up to {done.commit[:12]}: {counted(done.judged, 'new change')}")
    mine = for_me(asked, deps.settings.member or "")
    if mine:
        console.note(f"{counted(len(mine), 'request')} waiting for you: see `medperf todo`")
    if done.expired:
        console.note("warning: the root has expired, nothing is published; an admin: registry renew-root")


@app.command()
def verify() -> None:
    """Verify the whole history again, from its first commit, without the network.

    Every change goes through the check, on all processors; then the index that answers lists is compared with
    what came out. Nothing is believed that was computed before.
    """
    from medperf_cli.flows.reading.verify_registry import verify_registry

    done = verify_registry(console.deps())
    seen = f"{counted(done.judged, 'change')}, {counted(done.entities, 'file')}"
    console.note(f"lawful from the first commit to {done.commit[:12]}: {seen}; the index says the same")


@app.command("export-allowed-signers")
def export_allowed_signers(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
) -> None:
    """Print what stock `ssh-keygen -Y verify` needs: every key ever admitted, with its namespaces."""
    from medperf_cli.flows.reading.allowed_signers import allowed_signers

    console.write_to(output, allowed_signers(console.deps().settings))


@app.command("export-bundle")
def export_bundle(
    file: Annotated[Path, typer.Argument(help="The file to write, such as registry.bundle.")],
) -> None:
    """Write what is verified, and the requests known, into a git bundle for machines without a network.

    There: medperf registry add registry.bundle --root sha256:..., later medperf registry sync --from FILE.
    """
    from medperf_cli.flows.hosting.carrying import export_registry

    main = export_registry(console.deps(), file)
    console.note(f"'{file}' holds what is verified, up to {main[:12]}; whoever adds it verifies it again")


@app.command()
def ls(json: console.Json = False) -> None:
    """List the registries on this machine."""
    from medperf_cli.commands.browse import show
    from medperf_cli.flows.reading.registries import registries

    show(registries(console.deps().settings), json=json, columns=("in_use", "registry", "url", "commit"))


@app.command()
def view(
    version: Annotated[int | None, typer.Option(help="A version of the root; else the one in force.")] = None,
    form: Annotated[Literal["yaml", "json"], typer.Option("--format", "-f", help="How to print.")] = "yaml",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
) -> None:
    """Show the root: who admits members and benchmarks, limits, and until when it holds."""
    from medperf_cli.core.names import Kind
    from medperf_cli.flows.reading.listing import found
    from medperf_cli.render.entity import entity_text

    console.write_to(output, entity_text(found(console.deps(), Kind.ROOT, "", version), form))


@app.command()
def use(registry: Annotated[str, typer.Argument(help="A registry's id, or the beginning of it.")]) -> None:
    """Use another registry from now on."""
    from medperf_cli.flows.reading.registries import use as run

    console.note(f"registry {run(console.deps().settings, registry)} is in use")


add_redacting(app)
add_hosting(app)
