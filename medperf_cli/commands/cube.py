"""`medperf cube` and, for cubes of type model, `medperf model`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from medperf_cli.commands import console
from medperf_cli.commands.browse import add_browsing
from medperf_cli.commands.ending import add_ending
from medperf_cli.core.names import Kind

app = typer.Typer(
    help="Submit containers: data-preparators, models, metrics.", no_args_is_help=True, rich_markup_mode=None
)
add_browsing(app, Kind.CUBE)
add_ending(app, Kind.CUBE, "admins")

Name = Annotated[str, typer.Argument(help="The cube's name; your member name is put before it.")]
Config = Annotated[
    Path,
    typer.Option("--container-config", "--container-config-file", help="MedPerf's container_config.yaml."),
]
About = Annotated[Path | None, typer.Option("--about", help="YAML with type, description, licence, card.")]
Archive = Annotated[Path | None, typer.Option("--archive", help="The `docker save` file of a DockerArchive.")]
Parameters = Annotated[
    Path | None,
    typer.Option("--parameters-file", help="YAML mounted as parameters_file."),
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--additional-file", help="A file for additional_files, once for each; .tar.gz is unpacked."
    ),
]
Urls = Annotated[
    list[str] | None, typer.Option("--archive-url", help="Where others find the archive (https).")
]
Share = Annotated[Path | None, typer.Option("--share", help="Also copy assets into this folder for others.")]
Operational = Annotated[bool, typer.Option("--operational", help="Submit in operation at once.")]
Cube = Annotated[str, typer.Argument(help="A cube's id, or any unique part of it.")]


def send(
    name: str,
    cube_type: str | None,
    config: Path,
    about: Path | None,
    archive: Path | None,
    parameters: Path | None,
    files: list[Path] | None,
    urls: list[str] | None,
    share: Path | None,
    *,
    operational: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Submit a cube, of a fixed type if one is given."""
    from medperf_cli.flows.submitting.submit_cube import submit_cube
    from medperf_cli.flows.submitting.write_cube import CubeFiles

    given: dict[str, Any] = {"type": cube_type}
    cube = CubeFiles(config, about, archive, parameters, tuple(files or ()), tuple(urls or ()))
    deps = console.deps(yes=yes, dry_run=dry_run)
    console.tell(submit_cube(deps, name, cube, share=share, operational=operational, given=given))


@app.command()
def submit(
    name: Name,
    config: Config,
    about: About = None,
    archive: Archive = None,
    parameters: Parameters = None,
    files: Files = None,
    urls: Urls = None,
    share: Share = None,
    operational: Operational = False,
    yes: console.Yes = False,
    dry_run: console.DryRun = False,
) -> None:
    """Submit a cube: its container config, image and files, pinned by digest.

    Example: medperf cube submit metrics --container-config container_config.yaml --about cube.yaml
    --archive metrics.tar
    """
    send(
        name,
        None,
        config,
        about,
        archive,
        parameters,
        files,
        urls,
        share,
        operational=operational,
        yes=yes,
        dry_run=dry_run,
    )


@app.command("set_operational")
def set_operational(cube: Cube, yes: console.Yes = False, dry_run: console.DryRun = False) -> None:
    """Freeze a cube's container, parameters and files, so that benchmarks may rest on it."""
    from medperf_cli.flows.submitting.submit_cube import set_operational as run

    console.tell(run(console.deps(yes=yes, dry_run=dry_run), Kind.CUBE, cube))
