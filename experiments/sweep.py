"""Sweeps: axes x seeds are cells, each a run of its own; resumed by whole runs, compared by pairs.

``sweeps/NAME/0001/{design.json, runs.parquet, runs/KEY/}``. All statistics are functions of these files.
"""

from __future__ import annotations

import itertools
import json
import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from experiments.runfolder import new_folder, write_json
from experiments.statistics import Estimate, estimate, paired_difference
from experiments.sweepcell import Cell, CellResult, end_with_parent, run_cell
from experiments.sweepmetrics import METRICS
from sim.overrides import split_assignment, split_axis

__all__ = ["Design", "SweepTable", "compare", "open_sweep", "read_results", "run_sweep", "worst_status"]

_NO_METRICS = ("key", "seed", "status", "digest")
"""Columns of ``runs.parquet`` that are none, beside the axes."""
_LONGEST = 40
"""Letters of a case's text that a table has room for."""


@dataclass(frozen=True)
class Design:
    """What a sweep is made of.

    Attributes:
        fixed: Overrides with one value, as given.
        axes: (path, values as JSON) of those with several.
    """

    scenario: str
    name: str
    fixed: tuple[str, ...]
    axes: tuple[tuple[str, tuple[str, ...]], ...]
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, scenario: Path, name: str, sets: Sequence[str], seeds: int, first_seed: int) -> Design:
        """Make a design of ``--set path=a,b,c`` texts.

        Raises:
            ScenarioError: A value cannot be read.
            ValueError: A text has no ``=``.
        """
        fixed, axes = [], []
        for number, text in enumerate(sets, start=1):
            path, values_text = split_assignment(text)
            values = split_axis(values_text, f"--set {number}")
            if len(values) == 1:
                fixed.append(f"{path}={json.dumps(values[0])}")
            else:
                axes.append((path, tuple(json.dumps(value) for value in values)))
        return cls(
            str(scenario.resolve()),
            name,
            tuple(fixed),
            tuple(axes),
            tuple(range(first_seed, first_seed + seeds)),
        )

    def cells(self, folder: Path) -> Iterator[Cell]:
        """Yield every cell, seeds innermost."""
        for values in itertools.product(*(values for _, values in self.axes)):
            axes = tuple((path, value) for (path, _), value in zip(self.axes, values, strict=True))
            chosen = [f"{path}={value}" for path, value in axes]
            for seed in self.seeds:
                sets = (*self.fixed, *chosen, f"seed={seed}")
                yield Cell(self.scenario, sets, axes, seed, str(folder / "runs"))

    def as_json(self) -> dict[str, Any]:
        """Return the design as it stands in ``design.json``."""
        return {
            "scenario": self.scenario,
            "name": self.name,
            "fixed": list(self.fixed),
            "axes": [[path, list(values)] for path, values in self.axes],
            "seeds": list(self.seeds),
        }


def open_sweep(design: Design, root: Path) -> Path:
    """Return the folder of the last sweep of the same design, to go on with, or a new one."""
    parent = root / design.name
    numbered = sorted((path for path in parent.glob("[0-9]*") if path.is_dir()), reverse=True)
    for folder in numbered:
        try:
            found = json.loads((folder / "design.json").read_text())
        except (OSError, ValueError):
            continue
        if found == design.as_json():
            return folder
    folder = new_folder(root, design.name)
    write_json(folder / "design.json", design.as_json())
    return folder


def run_sweep(
    design: Design,
    folder: Path,
    workers: int,
    told: Callable[[CellResult], None] = lambda result: None,
    *,
    pool: ProcessPoolExecutor | None = None,
) -> list[CellResult]:
    """Run what is missing and write ``runs.parquet``.

    Args:
        design: What to run.
        folder: The sweep's folder.
        workers: Processes; with 1 the runs are in a process of their own too, so that memory is the same.
        told: Called with each result as it comes.
        pool: Warm workers to use, in place of new ones.

    Returns:
        Results in the order of the design.
    """
    if pool is None:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as own:
            return run_sweep(design, folder, workers, told, pool=own)
    cells = list(design.cells(folder))
    results: dict[int, CellResult] = {}
    futures = {pool.submit(run_cell, cell): place for place, cell in enumerate(cells)}
    try:
        for future in as_completed(futures):
            place = futures[future]
            try:
                results[place] = future.result()
            except BrokenProcessPool as error:
                cell = cells[place]
                results[place] = CellResult("", cell.axes, cell.seed, 70, "", {}, f"a worker died: {error}")
            told(results[place])
    except KeyboardInterrupt:
        # A run is whole or it starts again, so those that are under way need not be waited for.
        for child in multiprocessing.active_children():
            child.terminate()
        # Its thread closes a pipe on its way out, into which the end of the process would write.
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    ordered = [results[place] for place in range(len(cells))]
    _write(folder / "runs.parquet", ordered)
    return ordered


def _write(path: Path, results: Sequence[CellResult]) -> None:
    names = list(dict.fromkeys([*METRICS, *(name for result in results for name in result.metrics)]))
    rows = [
        {
            "key": result.key,
            **dict(result.axes),
            "seed": result.seed,
            "status": result.status,
            "digest": result.digest,
            **{name: result.metrics.get(name) for name in names},
        }
        for result in results
    ]
    unfinished = path.with_suffix(".unfinished")
    schema = dict.fromkeys(names, pl.Float64)
    pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None).write_parquet(unfinished)
    unfinished.replace(path)


def worst_status(results: Sequence[CellResult]) -> int:
    """Return the worst exit status of the runs in the order 70, 3, 1, 0 (bad input before all)."""
    order = (2, 70, 3, 1, 0)
    return min((result.status for result in results), key=order.index, default=0)


@dataclass(frozen=True)
class SweepTable:
    """What a sweep says.

    Attributes:
        cases: Texts of the combinations of axes, in order.
        estimates: By metric and case.
        differences: By metric and (first, second) case: paired by seed.
        level: Of the intervals.
        legend: What each case stands for, where its text is too long to stand for itself.
    """

    cases: tuple[str, ...]
    estimates: dict[str, dict[str, Estimate]]
    differences: dict[str, dict[tuple[str, str], Estimate]]
    level: float
    legend: Mapping[str, str] = field(default_factory=dict)


def case_of(axes: Sequence[tuple[str, str]]) -> str:
    """Return the text of one combination of axes."""
    if len(axes) == 1:
        return _said(axes[0][1])
    return ", ".join(f"{path.rsplit('.', 1)[-1]}={_said(value)}" for path, value in axes) or "as it is"


def _said(value: str) -> str:
    """A value as it could be typed."""
    plain = json.loads(value)
    if not isinstance(plain, dict | list):
        return str(plain)
    return yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=math.inf).strip()


def read_results(folder: Path) -> tuple[Design, pl.DataFrame]:
    """Return the design and the frame of runs of a sweep's folder."""
    plain = json.loads((folder / "design.json").read_text())
    axes = tuple((path, tuple(values)) for path, values in plain["axes"])
    design = Design(plain["scenario"], plain["name"], tuple(plain["fixed"]), axes, tuple(plain["seeds"]))
    return design, pl.read_parquet(folder / "runs.parquet")


def compare(folder: Path, *, level: float = 0.95) -> SweepTable:
    """Estimate every metric for every case, and every difference of two cases, paired by seed.

    Args:
        folder: A sweep's folder.
        level: Of the intervals, between 0 and 1.
    """
    design, frame = read_results(folder)
    paths = [path for path, _ in design.axes]
    metrics = [name for name in frame.columns if name not in {*_NO_METRICS, *paths}]
    said, legend = _cases(design)
    numbers: dict[str, dict[str, dict[int, float | None]]] = {}
    for row in frame.iter_rows(named=True):
        case = said[tuple(row[path] for path in paths)]
        for name in metrics:
            by_case = numbers.setdefault(name, {})
            by_case.setdefault(case, {})[row["seed"]] = row[name] if row["status"] in (0, 1) else None
    present = {
        name: by_case
        for name, by_case in numbers.items()
        if any(value is not None and value != 0 for seeds in by_case.values() for value in seeds.values())
    }
    cases = tuple(next(iter(numbers.values()))) if numbers else ()
    return SweepTable(
        cases,
        {
            name: {case: estimate(list(seeds.values()), level=level) for case, seeds in by_case.items()}
            for name, by_case in present.items()
        },
        {
            name: {
                (first, second): paired_difference(by_case[first], by_case[second], level=level)
                for first, second in itertools.combinations(by_case, 2)
            }
            for name, by_case in present.items()
        },
        level,
        legend,
    )


def _cases(design: Design) -> tuple[dict[tuple[str, ...], str], dict[str, str]]:
    """Return what each combination of values is called, and what is meant where that is a number only."""
    combinations = list(itertools.product(*(values for _, values in design.axes)))
    paths = [path for path, _ in design.axes]
    whole = [case_of(list(zip(paths, values, strict=True))) for values in combinations]
    if max(map(len, whole)) <= _LONGEST:
        return dict(zip(combinations, whole, strict=True)), {}
    short = [f"case {number}" for number in range(1, len(whole) + 1)]
    return dict(zip(combinations, short, strict=True)), dict(zip(short, whole, strict=True))
