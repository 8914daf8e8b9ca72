"""The command line's words for a real Docker Engine: ``engine``, ``record``."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from experiments.progress import progress_bar
from experiments.replay.cores import parse_cpus
from experiments.replay.hosts import PRIVATE_FOLDER
from experiments.replay.problems import HostError
from experiments.replay.slices import Slice
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError
from sim.units import parse_bytes, parse_duration_s

if TYPE_CHECKING:
    from experiments.replay.session import Session

__all__ = ["add_host_commands"]

engine_app = typer.Typer(help="A private Docker Engine, where none runs.", no_args_is_help=True)
record_app = typer.Typer(help="Measure cases on a real host, for verify to read.", no_args_is_help=True)
_out = Console(soft_wrap=True, highlight=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Host = Annotated[
    str | None,
    typer.Option(
        help="The engine: unix://PATH or tcp://HOST:PORT.  [default: DOCKER_HOST, a private one, the usual socket]"
    ),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Speak tcp:// without TLS.")]
MaxCpus = Annotated[
    int | None, typer.Option(help="Cores for all containers together.  [default: half]", min=1)
]
OnCpus = Annotated[str | None, typer.Option(help="The cores to use, as 0-3,6.  [default: the last ones]")]
MaxMemory = Annotated[str | None, typer.Option(help="Memory for all together, as 4Gi.  [default: half]")]
MaxPids = Annotated[int | None, typer.Option(help="Tasks of all together.  [default: half]", min=1)]
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


@record_app.callback()
def record() -> None:
    """Measure cases on a real host, for verify to read."""


@record_app.command()
def kernel(
    out: Annotated[Path, typer.Option(help="The file of cases to write.")],
    cases: Annotated[int, typer.Option(help="How many.", min=1, max=100_000)] = 20,
    seed: Annotated[int, typer.Option(help="Of what is drawn.", min=0)] = 7,
    window: Annotated[str, typer.Option(help="For how long CPU is measured.")] = "5s",
    repeats: Annotated[int, typer.Option(help="How often each case is measured.", min=2, max=100)] = 3,
    host: Host = None,
    insecure: Insecure = False,
    max_cpus: MaxCpus = None,
    cpuset: OnCpus = None,
    max_memory: MaxMemory = None,
    max_pids: MaxPids = None,
    yes: Yes = False,
) -> None:
    """Measure what the kernel of an engine's host does with drawn cases; exit 3 where some are inconclusive."""
    from experiments.replay.recording import LARGEST_FILE_BYTES, record_kernel

    _check_place(out)
    window_s = _option("--window", window, parse_duration_s)
    if not 0.5 <= window_s <= 600:
        raise ScenarioError([Diagnostic(f"expected 0.5s to 10m, not {window}", "--window", 1, 1)])
    opening = _opening(host, max_cpus, cpuset, max_memory, max_pids, insecure=insecure, yes=yes)
    with (
        opening(file_bytes=LARGEST_FILE_BYTES) as session,
        progress_bar() as bar,
    ):
        task = bar.add_task("", total=cases)
        found = record_kernel(
            session,
            out,
            count=cases,
            seed=seed,
            window_s=window_s,
            repeats=repeats,
            told=lambda done, case: bar.update(task, completed=done, description=case),
        )
    for kind, why in found.skipped.items():
        _say(f"no cases of kind {kind}: {why}")
    for sentence in found.inconclusive:
        _out.print(f"inconclusive: {sentence}", markup=False)
    _out.print(f"{found.count} cases in {out}, {len(found.inconclusive)} of them inconclusive", markup=False)
    raise typer.Exit(3 if found.inconclusive else 0)


def replay(
    what: Annotated[Path, typer.Argument(metavar="SCENARIO|RUN", help="A scenario, or the folder of a run.")],
    sets: Annotated[list[str] | None, typer.Option("--set", help="Override: path=YAML.")] = None,
    minion: Annotated[str | None, typer.Option(help="Whose pods.  [default: the only one with pods]")] = None,
    pods: Annotated[int | None, typer.Option(help="The first so many.", min=1)] = None,
    seconds: Annotated[float | None, typer.Option(help="So many from the start.", min=1)] = None,
    scale: Annotated[
        str | None, typer.Option(help="For what is too big, as cpu=1/16,memory=1/64,time=1/100.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the replay; absent or empty.")] = None,
    host: Host = None,
    insecure: Insecure = False,
    max_cpus: MaxCpus = None,
    cpuset: OnCpus = None,
    max_memory: MaxMemory = None,
    max_pids: MaxPids = None,
    yes: Yes = False,
) -> None:
    """Run a scenario's containers for real beside the simulation; exit 1 where the two do not agree, 3 if unsure."""
    from experiments.replay.replaycommand import replay_scenario
    from experiments.replay.slicing import parse_scale

    status = replay_scenario(
        what,
        sets or [],
        Slice(minion, pods, seconds, _option("--scale", scale, parse_scale)),
        out,
        _opening(host, max_cpus, cpuset, max_memory, max_pids, insecure=insecure, yes=yes),
        _out,
    )
    raise typer.Exit(status)


def calibrate_host(
    out: Annotated[Path, typer.Option(help="The file to write, YAML.")] = Path("host.yaml"),
    name: Annotated[str, typer.Option(help="Of the minion that is this host.")] = "host",
    repeats: Annotated[int, typer.Option(help="How often each thing is measured.", min=2, max=1000)] = 10,
    host: Host = None,
    insecure: Insecure = False,
    max_cpus: MaxCpus = None,
    cpuset: OnCpus = None,
    max_memory: MaxMemory = None,
    max_pids: MaxPids = None,
    yes: Yes = False,
) -> None:
    """Measure what a host takes to start containers and the like, as a minion that a scenario includes."""
    from experiments.replay.calibration import as_yaml, calibrate

    _check_place(out)
    opening = _opening(host, max_cpus, cpuset, max_memory, max_pids, insecure=insecure, yes=yes)
    with (
        opening() as session,
        progress_bar() as bar,
    ):
        task = bar.add_task("", total=None)
        found = calibrate(session, repeats, told=lambda what: bar.update(task, description=what))
    text = as_yaml(found, name)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HostError(f"cannot write {out}: {error.strerror or error}") from error
    _out.print(text, markup=False)
    _out.print(f"written to {out}", markup=False)


def add_host_commands(app: typer.Typer) -> None:
    """Add all commands that need a real host to the command line."""
    app.add_typer(engine_app, name="engine")
    app.add_typer(record_app, name="record")
    app.command()(replay)
    app.command("calibrate")(calibrate_host)


def _opening(
    host: str | None,
    max_cpus: int | None,
    cpuset: str | None,
    max_memory: str | None,
    max_pids: int | None,
    *,
    insecure: bool,
    yes: bool,
) -> Callable[..., AbstractContextManager[Session]]:
    """Return what opens a session as the options say; they are read now."""
    from experiments.replay.opening import opened

    limits = (max_cpus, _option("--max-memory", max_memory, parse_bytes), max_pids)
    return partial(
        opened,
        host,
        limits,
        cpuset=_option("--cpuset", cpuset, parse_cpus),
        insecure=insecure,
        yes=yes,
        said=_say,
    )


def _say(sentence: str) -> None:
    _err.print(f"note: {sentence}", markup=False)


def _check_place(out: Path) -> None:
    """Say that a file cannot be written before anything is measured for it."""
    problem = ""
    if out.is_dir():
        problem = "it is a folder: name a file"
    elif not out.absolute().parent.is_dir():
        problem = "there is no such folder: make it first"
    elif not os.access(out.absolute().parent, os.W_OK):
        problem = "its folder cannot be written to"
    if problem:
        raise ScenarioError([Diagnostic(f"'{out}' cannot be written: {problem}", "--out", 1, 1)])


def _option(name: str, text: str | None, parse: Callable[[str], Any]) -> Any:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise ScenarioError([Diagnostic(str(error), name, 1, 1)]) from error
