"""The command line's words for a real Docker Engine: ``engine``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from experiments.replay.hosts import PRIVATE_FOLDER

__all__ = ["engine_app"]

engine_app = typer.Typer(help="A private Docker Engine, where none runs.", no_args_is_help=True)
_out = Console(soft_wrap=True, highlight=False)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Folder = Annotated[Path, typer.Option(help="Where everything of the engine lies.")]


@engine_app.command()
def start(folder: Folder = PRIVATE_FOLDER, yes: Yes = False) -> None:
    """Start a Docker Engine of one's own: no bridge, no rule of the firewall; needs root and Docker's packages."""
    from experiments.replay.asking import agreed
    from experiments.replay.privateengine import start_engine

    agreed(f"Start a Docker Engine as root, with all that is its own in {folder}?", yes=yes)
    _out.print(f"a Docker Engine listens at {start_engine(folder)}", markup=False)


@engine_app.command()
def stop(folder: Folder = PRIVATE_FOLDER, yes: Yes = False) -> None:
    """Stop that engine with its containers, and remove its folder."""
    from experiments.replay.asking import agreed
    from experiments.replay.privateengine import stop_engine

    agreed(f"Stop the engine in {folder}, and remove that folder with its images and containers?", yes=yes)
    stop_engine(folder)
    _out.print(f"the engine in {folder} is gone", markup=False)
