"""The command line's ``isolation`` group."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

__all__ = ["app"]

app = typer.Typer(
    help="What isolates a container from its host, and the ways out: a model for defence and study.",
    no_args_is_help=True,
)

CatalogueFile = Annotated[
    Path | None, typer.Option("--catalogue", help="A catalogue of your own, YAML; else the shipped one.")
]


@app.callback()
def isolation() -> None:
    """What isolates a container from its host, and the ways out: a model for defence and study."""


@app.command("matrix")
def show_matrix(
    catalogue: CatalogueFile = None,
    csv: Annotated[
        bool, typer.Option("--csv", help="Every cell, comma-separated, instead of a table.")
    ] = False,
) -> None:
    """Show what each mechanism, and each surface taken away, does to each technique: blocks, slows, opens."""
    from experiments.isolation.matrixtable import matrix_csv, print_matrix
    from models.isolation.reading import read_catalogue

    read = read_catalogue(catalogue)
    if csv:
        print(matrix_csv(read), end="")
    else:
        print_matrix(read, Console())


@app.command("catalogue")
def show_catalogue(catalogue: CatalogueFile = None) -> None:
    """Show a catalogue as tables, Markdown."""
    from experiments.isolation.cataloguepage import catalogue_page
    from models.isolation.reading import read_catalogue

    print(catalogue_page(read_catalogue(catalogue)), end="")


@app.command()
def compare(
    profiles: Annotated[
        list[str] | None, typer.Option("--profile", help="A profile; else all of the catalogue.")
    ] = None,
    catalogue: CatalogueFile = None,
    goals: Annotated[
        list[str] | None, typer.Option("--goal", help="A privilege; else all that mean to be out.")
    ] = None,
    given: Annotated[list[str] | None, typer.Option("--with", help="A condition that holds.")] = None,
    lacking: Annotated[list[str] | None, typer.Option("--without", help="A condition that does not.")] = None,
    versions: Annotated[
        list[str] | None, typer.Option("--version", help="Of a program, as kernel=5.10; else any may run.")
    ] = None,
    updated: Annotated[bool, typer.Option("--updated", help="All programs are up to date.")] = False,
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter, or a range of it: public-exploit=2h.")
    ] = None,
    by: Annotated[list[str] | None, typer.Option(help="Times from the compromise on, as 24h.")] = None,
    attacker: Annotated[str, typer.Option(help="racing or greedy.")] = "racing",
) -> None:
    """Show the chance to be out by some times under each profile, with its range."""
    from experiments.isolation.asked import Asked, question
    from experiments.isolation.comparison import print_comparison
    from models.isolation.reading import read_catalogue

    asked = Asked(
        profile="",
        catalogue=catalogue,
        goals=tuple(goals or ()),
        given=tuple(given or ()),
        lacking=tuple(lacking or ()),
        versions=tuple(versions or ()),
        updated=updated,
        sets=tuple(sets or ()),
        attacker=attacker,
    )
    times = tuple(by or ("1h", "1d", "30d", "365d"))
    names = tuple(profiles or (each.name for each in read_catalogue(catalogue).profiles))
    found = [[question(replace(asked, profile=name, by=time)) for time in times] for name in names]
    print_comparison(found, Console())


@app.command()
def paths(
    profile: Annotated[str, typer.Option(help="As docker, kubernetes, hardened or vm.")] = "docker",
    catalogue: CatalogueFile = None,
    goals: Annotated[
        list[str] | None, typer.Option("--goal", help="A privilege; else all that mean to be out.")
    ] = None,
    on: Annotated[list[str] | None, typer.Option("--on", help="A mechanism to switch on.")] = None,
    off: Annotated[list[str] | None, typer.Option("--off", help="A mechanism to switch off.")] = None,
    given: Annotated[list[str] | None, typer.Option("--with", help="A condition that holds.")] = None,
    lacking: Annotated[list[str] | None, typer.Option("--without", help="A condition that does not.")] = None,
    versions: Annotated[
        list[str] | None, typer.Option("--version", help="Of a program, as kernel=5.10; else any may run.")
    ] = None,
    updated: Annotated[bool, typer.Option("--updated", help="All programs are up to date.")] = False,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter, or a range of it: public-exploit=2h, partly=2..8."),
    ] = None,
    by: Annotated[str, typer.Option(help="The horizon from the compromise on, as 24h.")] = "24h",
    attacker: Annotated[
        str, typer.Option(help="racing (tries all at once) or greedy (one by one).")
    ] = "racing",
    limit: Annotated[int, typer.Option(help="Show so many ways.", min=1, max=5000)] = 20,
) -> None:
    """Show the ways out of a container, most likely first, and the fewest mechanisms that close all."""
    from experiments.isolation.asked import Asked, question
    from experiments.isolation.pathstable import print_paths

    asked = Asked(
        catalogue=catalogue,
        profile=profile,
        goals=tuple(goals or ()),
        on=tuple(on or ()),
        off=tuple(off or ()),
        given=tuple(given or ()),
        lacking=tuple(lacking or ()),
        versions=tuple(versions or ()),
        updated=updated,
        sets=tuple(sets or ()),
        by=by,
        attacker=attacker,
    )
    print_paths(question(asked), limit, Console())
