"""`medperf registry init` and `sign-root`: found a registry, alone or with other admins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from medperf_cli.commands import console
from medperf_cli.errors import UsageError

if TYPE_CHECKING:
    from medperf_cli.flows.founding.found_on_forge import Founded
    from medperf_cli.flows.founding.genesis import Charter

Forge = Annotated[
    Literal["github", "gitlab", "forgejo"] | None,
    typer.Option(help="A working tree for a repository on such a forge (forgejo: Gitea too)."),
]
Url = Annotated[str, typer.Option(help="With --forge: https://HOST/OWNER/NAME.git, where it will be.")]
Owner = Annotated[
    list[str] | None,
    typer.Option(help="With --forge: @ORG/TEAM or @LOGIN that owns all beside the registry; repeat."),
]
Tool = Annotated[
    str | None,
    typer.Option(
        help="With --forge: what the workflows install, pinned as pip names it; also on what is there."
    ),
]
Admin = Annotated[
    list[str] | None,
    typer.Option(help="Your name as a member; for each other admin NAME=KEYFILE.pub; repeat."),
]
Threshold = Annotated[int | None, typer.Option(help="How many of several admins decide together.")]
Recorder = Annotated[Path | None, typer.Option(help="The merge bot's public key: records approvals.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--recorded-kind", help="Kind that recorded approvals suffice for, or none; else all."),
]
Years = Annotated[int, typer.Option(help="After how many years the root must be renewed.")]
Shared = Annotated[bool, typer.Option("--shared", help="With --bare: the folder's group may push.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be made, and stop.")]
Contact = Annotated[str, typer.Option(help="A role mailbox; it is public for ever.")]


def add_founding(app: typer.Typer) -> None:
    """Add `init` and `sign-root` to the group of registries."""
    app.command("init")(init)
    app.command("sign-root")(sign_root)


def init(
    path: Annotated[Path, typer.Argument(help="The folder of the new repository.")],
    bare: Annotated[bool, typer.Option("--bare", help="A bare git repository with hooks.")] = False,
    forge: Forge = None,
    url: Url = "",
    title: Annotated[str, typer.Option(help="What the registry is called.")] = "Registry of benchmarks",
    admin: Admin = None,
    threshold: Threshold = None,
    name: Annotated[str, typer.Option(help="Your name for people.")] = "",
    contact: Contact = "",
    owner: Owner = None,
    tool: Tool = None,
    recorder: Recorder = None,
    recorded_kind: Kinds = None,
    years: Years = 5,
    shared: Shared = False,
    dry_run: DryRun = False,
) -> None:
    """Make a registry whose first commit is the root, signed with your key.

    With --bare a repository that judges and merges by hooks; with --forge a working tree to push, with all
    that a hosted registry needs, and the steps to do there. Other admins sign with `registry sign-root`. On
    what is there already it goes on: renews hooks, makes the first commit once all signed, says the steps.

    Examples: medperf registry init --bare /srv/registry.git --title "Breast imaging" --admin ada --contact
    registry@example.org; medperf registry init breast --forge github --url https://github.com/ORG/breast.git
    --title "Breast imaging" --admin ada --contact registry@example.org --owner @ORG/admins
    """
    from medperf_cli.flows.founding.genesis import Charter, Person

    path, person, kinds = _new(path), Person(name, contact), recorded_kind or ()
    charter = Charter(title, admin or (), person, years, threshold, recorder, kinds)
    if bare:
        _bare(path, charter, forge, shared=shared, dry_run=dry_run)
    else:
        _on_forge(path, charter, forge, (url, tuple(owner or ()), tool), dry_run=dry_run)


def _new(path: Path) -> Path:
    """Where the repository will stand, whole from the first moment on: so not where somebody works."""
    if path.resolve() == Path.cwd():
        raise UsageError(
            "the folder you are in cannot be the new one", hint="name a folder in it, or beside it"
        )
    return path


def _bare(path: Path, charter: Charter, forge: str | None, *, shared: bool, dry_run: bool) -> None:
    from medperf_cli.flows.founding.found_registry import found_registry, renewed_hooks

    if forge:
        raise UsageError("a registry is hosted in one place", hint="--bare or --forge, not both")
    if not dry_run and renewed_hooks(path):
        console.note(f"hooks of '{path}' are renewed")
        return
    root = found_registry(
        console.deps(yes=True, dry_run=dry_run), path, charter, shared=shared, dry_run=dry_run
    )
    if root is None:
        console.note("nothing was made")
        return
    console.note(f"made '{path}'; give this to everybody who joins:")
    console.write(f"medperf registry add {path} --root {root}")


def _on_forge(
    path: Path,
    charter: Charter,
    forge: str | None,
    hosted: tuple[str, tuple[str, ...], str | None],
    *,
    dry_run: bool,
) -> None:
    from medperf_cli.flows.founding.found_on_forge import carry_on, found_on_forge, is_founded
    from medperf_cli.flows.founding.scaffold import site_of

    deps = console.deps(yes=True, dry_run=dry_run)
    if is_founded(path):
        founded = carry_on(deps, path, look=dry_run)
        _expect_same(founded, forge, hosted[0])
        if hosted[2] is None or founded.waiting:
            _tell(founded)
        else:
            _renew(founded, hosted[2], dry_run=dry_run)
        return
    if forge is None:
        raise UsageError(
            "say where the registry is hosted", hint="add --bare for a bare git repository, or --forge VENDOR"
        )
    begun = found_on_forge(deps, path, charter, site_of(forge, *hosted))
    if begun is None:
        console.note("nothing was made")
    else:
        _tell(begun)


def _expect_same(founded: Founded, forge: str | None, url: str) -> None:
    """Who types another address for what is there already should know that it does nothing."""
    there = founded.url.removesuffix(".git")
    if (forge and forge != founded.address.vendor) or (url and url.removesuffix(".git") != there):
        raise UsageError(
            f"'{founded.path}' was founded for {founded.address.vendor}, {founded.url}",
            hint="leave out --forge and --url to go on with it, or name a new folder",
        )


def _renew(founded: Founded, tool: str, *, dry_run: bool) -> None:
    from medperf_cli.flows.founding.renew_workflows import renew_workflows

    written = renew_workflows(founded, tool, dry_run=dry_run)
    if not written:
        console.note(f"the workflows are as this version writes them, with {tool}")
        return
    what = "would be written" if dry_run else "are written anew; commit them and ask for them to enter main"
    console.note(f"{what}:")
    for name in written:
        console.write(name)


def _tell(founded: Founded) -> None:
    from medperf_cli.flows.founding.scaffold_steps import next_steps, signing_steps

    if founded.waiting:
        console.note(signing_steps(founded))
        return
    console.note(next_steps(founded))
    console.write(f"medperf registry add {founded.url} --root {founded.root}")


def sign_root(
    folder: Annotated[Path, typer.Argument(help="The draft that the founder sent.")],
    contact: Contact = "",
    name: Annotated[str, typer.Option(help="Your name for people.")] = "",
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Sign the first root of a registry that is being founded, as one of the admins it names.

    Your key says which of them you are. Compare the fingerprint shown with the founder by telephone. Your
    signature and your signed member file are put beside the root; send these three files back.

    Example: medperf registry sign-root breast --contact registry@lakeside.example
    """
    from medperf_cli.flows.founding.cosigning import cosign
    from medperf_cli.flows.founding.genesis import Person

    done = cosign(console.deps(yes=yes, dry_run=dry_run), folder, Person(name, contact))
    if done is None:
        console.note("nothing was signed")
        return
    left = f"still to sign: {', '.join(done.waiting)}" if done.waiting else "everybody has signed"
    console.note(f"signed {done.root} as '{done.admin}' ({left}); send these files to the founder:")
    for file in done.files:
        console.write(file)
