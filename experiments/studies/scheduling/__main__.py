"""``python -m experiments.studies.scheduling``: run the sweeps that are missing, then write the page and its figure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from experiments.checking import check_traces, read_checked
from experiments.plotstyle import styled
from experiments.studies.scheduling.answer import QUESTIONS, answer, offered_gpu
from experiments.studies.scheduling.design import LOADS, OPENB, POLICIES, SYNTHETIC, Workload, design_of
from experiments.studies.scheduling.page import draw, page
from experiments.sweep import Design, open_sweep, run_sweep, worst_status
from sim.diagnostics import render_diagnostics
from sim.errors import ScenarioError

__all__ = ["main", "write_page"]

_WORKLOADS = {each.name: each for each in (OPENB, SYNTHETIC)}
_out = Console()
_err = Console(stderr=True)


def main(words: Sequence[str] | None = None) -> int:
    """Run the study; returns the exit status: the worst of the runs, or 2 for bad input."""
    given = _parser().parse_args(words)
    try:
        workload = _at_hand() if given.workload is None else _WORKLOADS[given.workload]
        designs = {load: design_of(workload, load, given.seeds, given.policies)[0] for load in given.loads}
    except ScenarioError as error:
        _complain(render_diagnostics(error.diagnostics, {}))
        return 2
    folders = {load: open_sweep(design, given.out / "sweeps") for load, design in designs.items()}
    for load, design in designs.items():
        status = _swept(design, folders[load], given.workers, f"load {load}")
        if status:
            return status
    path = write_page(folders, given.seeds, workload.name, given.out)
    answers = path.read_text(encoding="utf-8").split("\n\n")[1]
    _out.print(answers, markup=False, highlight=False, soft_wrap=True)
    _out.print(f"results: {path}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _complain(text: str) -> None:
    _err.print(text, markup=False, highlight=False, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.studies.scheduling",
        description="Compare scheduling policies on a loaded GPU cluster. Runs that are there already stay.",
    )
    parser.add_argument("--seeds", type=_seeds, default=20, help="for each policy and load (default: 20)")
    parser.add_argument(
        "--workload", choices=sorted(_WORKLOADS), help="by default openb where the trace is at hand"
    )
    parser.add_argument("--loads", type=_some(LOADS), default=LOADS, help=f"of {', '.join(LOADS)}")
    parser.add_argument(
        "--policies", type=_some(POLICIES), default=POLICIES, help=f"of {', '.join(POLICIES)}"
    )
    parser.add_argument(
        "--workers", type=int, choices=range(1, 257), default=2, metavar="N", help="processes"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("studies/scheduling"), help="where sweeps, page and figure lie"
    )
    return parser


def _seeds(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"expected at least 2 seeds, as an interval needs, not '{text}'")
    return int(text)


def _some(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(text.split(",")))
        for word in found:
            if word not in known:
                raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, not '{word}'")
        return found

    return read


def _at_hand() -> Workload:
    """Return the recorded workload, or the synthetic one where the trace is not there, and say so."""
    try:
        check_traces(read_checked(OPENB.scenario, ()))
    except ScenarioError as error:
        _out.print(f"the synthetic table stands in: {error.diagnostics[0].message}", markup=False)
        return SYNTHETIC
    return OPENB


def _swept(design: Design, folder: Path, workers: int, title: str) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(title, total=len(list(design.cells(folder))))
        results = run_sweep(design, folder, workers, lambda result: bar.advance(task))
    for result in results:
        if result.problem:
            _complain(f"seed {result.seed} {dict(result.axes)}: {result.problem}")
    return worst_status(results)


def write_page(folders: dict[str, Path], seeds: int, workload: str, out: Path) -> Path:
    """Write ``results.md`` and ``figure.svg`` from the files of the sweeps alone.

    Args:
        folders: The sweeps, by nominal load.
        seeds: For each policy and load.
        workload: Its name.
        out: Where.
    """
    answers = {load: [answer(folder, each) for each in QUESTIONS] for load, folder in folders.items()}
    offered = {load: offered_gpu(folder) for load, folder in folders.items()}
    path = out / "results.md"
    path.write_text(page(answers, offered, seeds, workload), encoding="utf-8")
    with styled():
        draw(answers).savefig(out / "figure.svg", metadata={"Date": None, "Creator": None})
    return path


if __name__ == "__main__":
    sys.exit(main())
