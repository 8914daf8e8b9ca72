"""The command line's ``verify`` group."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from experiments.progress import progress_bar

__all__ = ["app"]

app = typer.Typer(
    help="Hold the model against recordings of real systems, and a policy against what it must do.",
    no_args_is_help=True,
)


@app.callback()
def verify() -> None:
    """Hold the model against recordings of real systems, and a policy against what it must do."""


@app.command()
def control(
    files: Annotated[list[Path], typer.Argument(help="Recordings of a real control plane, JSON.")],
    seeds: Annotated[int, typer.Option(help="Simulations of each recording.", min=20, max=100_000)] = 200,
    count_seeds: Annotated[
        int, typer.Option(help="Simulations where a recorded count or set is seldom.", min=0, max=100_000)
    ] = 1000,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 2,
    out: Annotated[Path | None, typer.Option("--json", help="Write the comparison here too.")] = None,
) -> None:
    """Replay recordings on the simulated master and compare; exit 1 where it does not agree."""
    from experiments.verify.control.command import verify_control

    with progress_bar() as bar:
        task = bar.add_task("", total=len(files) * seeds)
        status = verify_control(
            files,
            seeds=seeds,
            count_seeds=count_seeds,
            workers=workers,
            console=Console(),
            out=out,
            told=lambda name, done: bar.update(task, description=name, advance=done),
        )
    raise typer.Exit(status)


@app.command()
def kernel(
    files: Annotated[list[Path], typer.Argument(help="Measured cases of a live kernel, JSON.")],
) -> None:
    """Predict what a live kernel did in measured cases; exit 1 where the models are too far off, 3 if unsure."""
    from experiments.verify.kernel.command import verify_kernel

    raise typer.Exit(verify_kernel(files, console=Console()))


@app.command()
def scheduler(
    files: Annotated[
        list[Path], typer.Argument(help="Decisions of a real scheduler, JSON lines, maybe .gz.")
    ],
) -> None:
    """Take recorded decisions again with the model's scheduler; exit 1 where one differs."""
    from experiments.verify.scheduler.command import verify_scheduler

    with progress_bar() as bar:
        task = bar.add_task("reading", total=None)
        status = verify_scheduler(
            files,
            console=Console(),
            told=lambda done, total: bar.update(task, description="deciding", completed=done, total=total),
        )
    raise typer.Exit(status)


@app.command()
def policy(
    name: Annotated[
        str,
        typer.Argument(
            metavar="POLICY",
            help="As in a scenario: best-fit, package.module:name, or {name: {parameter: value}}.",
        ),
    ],
    examples: Annotated[int, typer.Option(help="On so many clusters.", min=1, max=100_000)] = 60,
) -> None:
    """Check that a scheduling policy behaves, on clusters that are made to be awkward; exit 1 where it does not."""
    from experiments.verify.policy import verify_policy

    raise typer.Exit(verify_policy(name, examples, Console()))
