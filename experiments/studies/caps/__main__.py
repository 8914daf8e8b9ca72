"""``python -m experiments.studies.caps``: run what is missing of the sweep, then write the page and its figure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from experiments.plotstyle import styled
from experiments.studies.caps.answer import answer
from experiments.studies.caps.page import draw, page
from experiments.sweep import open_sweep, run_sweep, worst_status
from experiments.sweepchecks import checked_design
from models.api.usage import CAPS

__all__ = ["SCENARIO", "main", "write_page"]

SCENARIO: Final = Path(__file__).with_name("scenario.yaml")
_out = Console()


def main(words: Sequence[str] | None = None) -> int:
    """Run the study; returns the exit status: the worst of the runs."""
    given = _parser().parse_args(words)
    sets = [f"caps={','.join(CAPS)}", *(given.set or ())]
    design, _ = checked_design(SCENARIO, "caps", sets, given.seeds, 1)
    folder = open_sweep(design, given.out / "sweeps")
    results = run_sweep(design, folder, given.workers, lambda result: None)
    if status := worst_status(results):
        return status
    path = write_page(folder, given.seeds, given.out)
    _out.print(f"results: {path}", markup=False, highlight=False, soft_wrap=True)
    return 0


def write_page(folder: Path, seeds: int, out: Path) -> Path:
    """Write ``results.md`` and ``figure.svg`` from the files of the sweep alone."""
    answers = answer(folder)
    path = out / "results.md"
    path.write_text(page(answers, seeds), encoding="utf-8")
    with styled():
        draw(answers).savefig(out / "figure.svg", metadata={"Date": None, "Creator": None})
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.studies.caps",
        description="Compare what kernels are told of requests and limits. Runs that are there already stay.",
    )
    parser.add_argument("--seeds", type=_seeds, default=12, help="for each cap (default: 12)")
    parser.add_argument("--set", action="append", metavar="PATH=YAML", help="anything else in the scenario")
    parser.add_argument(
        "--workers", type=int, choices=range(1, 257), default=2, metavar="N", help="processes"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("studies/caps"), help="where the sweep, page and figure lie"
    )
    return parser


def _seeds(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"expected at least 2 seeds, as an interval needs, not '{text}'")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
