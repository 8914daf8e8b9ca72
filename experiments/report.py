"""One HTML file that opens offline: tables, pictures, notes; every name escaped."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from experiments import pictures
from experiments.journalfiles import RunFiles, open_run
from experiments.metrics import RESOURCE_WORDS
from experiments.steps import read_cluster_steps
from experiments.summary import summarise
from experiments.sweep import compare, read_results
from experiments.sweeptable import say
from experiments.tables import Section, run_sections
from experiments.wording import say_time

__all__ = ["write_report", "write_sweep_report"]

_SHOWN = {column: word for column, word in RESOURCE_WORDS.items() if word in ("cpu", "memory", "gpu")}
_PICTURED = (
    "mean wait (s)",
    "delay p99 (s)",
    "gpu utilisation",
    "cpu utilisation",
    "gpu stranded",
    "cpu stranded",
)


@dataclass(frozen=True)
class Picture:
    """An SVG with its words."""

    title: str
    caption: str
    svg: Markup


def _picture(title: str, caption: str, svg: str) -> Picture:
    # Our own drawing: matplotlib has escaped the texts in it.
    return Picture(title, caption, Markup(svg))


def write_report(folder: Path) -> Path:
    """Write ``report.html`` of the run in a folder, whole or cut short.

    Returns:
        The report's path.

    Raises:
        ScenarioError: There is no run there that can be read.
    """
    run = open_run(folder)
    summary = _summary(run)
    title = f"{summary['name'] or folder.name}: {summary['policy'] or 'run'}"
    subtitle = (
        f"seed {summary['seed']}, Kubernetes {summary['kubernetes']}, {say_time(summary['end_s'])} simulated"
    )
    return _write(
        folder,
        title=title,
        subtitle=subtitle,
        warnings=[]
        if summary["complete"]
        else ["The run is not complete: every figure is of the part written."],
        sections=run_sections(summary),
        pictures=_run_pictures(run, summary),
        notes=summary["notes"],
    )


def _summary(run: RunFiles) -> dict[str, Any]:
    path = run.folder / "summary.json"
    if run.complete and path.is_file():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    return summarise(run)


def _run_pictures(run: RunFiles, summary: dict[str, Any]) -> list[Picture]:
    end_s = summary["end_s"]
    steps = read_cluster_steps(run)
    if not steps or not end_s:
        return []
    faults = summary["faults"]["listed"]
    marked = f", {summary['faults']['occurrences']} occurrences of faults marked" if faults else ""
    made = [
        _picture(
            "Pods over time", f"Pods running and pending{marked}.", pictures.phases(steps, faults, end_s)
        ),
        _picture(
            "Requested over time",
            "Requests of bound pods over what ready minions can allocate.",
            pictures.usage(steps, _SHOWN, end_s),
        ),
    ]
    if summary["allocation"]:
        caption = "Time-mean of requested over allocatable of each minion while it was ready."
        made.append(_picture("Allocation per minion", caption, pictures.allocation(summary["allocation"])))
    return made


def write_sweep_report(folder: Path, *, level: float = 0.95) -> Path:
    """Write ``report.html`` of a sweep: means with intervals, and differences paired by seed.

    Returns:
        The report's path.
    """
    design, _ = read_results(folder)
    table = compare(folder, level=level)
    means = Section(
        f"Mean and {level:.0%} interval over seeds",
        ("metric", *table.cases),
        tuple(
            (name, *(say(by_case[case]) for case in table.cases)) for name, by_case in table.estimates.items()
        ),
    )
    differences = Section(
        f"Differences, paired by seed, {level:.0%} interval",
        ("metric", "first - second", "difference", "sure"),
        tuple(
            (
                name,
                f"{first} - {second}",
                say(table.differences[name][first, second]),
                "yes" if table.differences[name][first, second].sure else "no",
            )
            for name in table.differences
            for first, second in itertools.combinations(table.cases, 2)
        ),
        frozenset({0, 1, 3}),
    )
    drawn = [
        _picture(name, f"Mean and {level:.0%} interval.", pictures.intervals(name, table.estimates[name]))
        for name in _PICTURED
        if name in table.estimates and not any(found.missing for found in table.estimates[name].values())
    ]
    return _write(
        folder,
        title=f"Sweep of {design.name}",
        subtitle=f"{len(design.seeds)} seeds for each of {len(table.cases)} cases; the same pods for every case",
        warnings=[],
        sections=(means, differences),
        pictures=drawn,
        notes=[],
    )


def _write(folder: Path, **words: Any) -> Path:
    loader = jinja2.PackageLoader("experiments", "templates")
    template = jinja2.Environment(loader=loader, autoescape=True).get_template("report.html.j2")
    path = folder / "report.html"
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(template.render(**words), encoding="utf-8")
    unfinished.replace(path)
    return path
