"""``summary.json``: the table of a run as data, and the same printed.

Everything in it follows from the journal, the series and the scenario; nothing of wall time, so two runs of
one scenario and seed have the same summary to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.availability import control_figures
from experiments.cpufigures import cpu_figures
from experiments.decisions import of_schedulers, read_decisions
from experiments.diskfigures import disk_figures
from experiments.expectations import parse
from experiments.filefigures import file_figures
from experiments.hostfigures import host_figures
from experiments.isolation.figures import intrusion_figures
from experiments.journalfiles import RunFiles, open_run
from experiments.judging import Judgement, evaluate, exit_status
from experiments.lives import read_lives
from experiments.memoryfigures import memory_figures
from experiments.metrics import mean_waits_s, measure
from experiments.processfigures import process_figures
from experiments.replacement import replacement_times
from experiments.startups import image_figures, read_startups
from experiments.tables import Section, run_sections

__all__ = ["build_summary", "print_section", "print_summary", "summarise"]

SUMMARY_VERSION = 1


def build_summary(folder: Path) -> dict[str, Any]:
    """Compute the summary of the run in a folder, whole or cut short.

    Raises:
        ScenarioError: There is no run there that can be read.
    """
    return summarise(open_run(folder))


def summarise(run: RunFiles) -> dict[str, Any]:
    """Compute the summary of a run; the expectations are those of the scenario in its manifest."""
    lives = read_lives(run)
    scenario = run.manifest.get("scenario", {})
    judgements = evaluate([parse(text) for text in scenario.get("expect") or ()], run, lives)
    controllers, together = control_figures(run, lives.end_s)
    decided = read_decisions(run, lives.end_s)
    return {
        "version": SUMMARY_VERSION,
        "name": scenario.get("name"),
        "seed": run.manifest.get("seed"),
        "kubernetes": scenario.get("kubernetes"),
        "policy": _policy(scenario),
        "digest": run.manifest.get("digest"),
        "complete": run.complete and lives.complete,
        **measure(run, lives),
        "controllers": controllers,
        "availability": together,
        "replacement": replacement_times(run),
        "startup": read_startups(run).figures(lives.end_s),
        "images": image_figures(run),
        "cpu": cpu_figures(run),
        "hosts": host_figures(run, lives.end_s),
        "disk": disk_figures(run),
        "memory": memory_figures(run),
        "files": file_figures(run),
        "intrusions": intrusion_figures(run),
        "processes": process_figures(run),
        # Of runs without names of schedulers nothing.
        "schedulers": {name: found.figures(lives.end_s) for name, found in decided.items()} or None,
        "schedulers_together": of_schedulers([*decided.values()]).figures(lives.end_s) if decided else None,
        "waits_s": mean_waits_s(lives) if decided else None,
        "expectations": [judgement.as_json() for judgement in judgements],
        "status": _status(run.complete and lives.complete, judgements),
        "notes": [*run.manifest.get("notes", ()), *run.notes],
    }


def _status(complete: bool, judgements: tuple[Judgement, ...]) -> int:
    """The exit status that expectations ask for; of a run cut short it is 1 or 3, as the rest is unknown."""
    return exit_status(judgements) or (0 if complete else 3)


def _policy(scenario: Mapping[str, Any]) -> str | None:
    """The scheduling policy as one text, with its parameters; of several schedulers each with its name."""
    usual = (scenario.get("policy") or {}).get("scheduler")
    several = scenario.get("schedulers") or ()
    if several:
        return ", ".join(f"{each['name']} {_plugin(each.get('policy', usual))}" for each in several)
    return _plugin(usual)


def _plugin(found: str | Mapping[str, Any] | None) -> str | None:
    if not isinstance(found, Mapping):
        return found
    (name, parameters), *_ = found.items()
    told = ", ".join(f"{key}={value}" for key, value in sorted((parameters or {}).items()))
    return f"{name} ({told})" if told else str(name)


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print the table of a run.

    Args:
        summary: What :func:`build_summary` returned, or what ``summary.json`` holds.
        console: Where.
    """
    for section in run_sections(summary):
        print_section(section, console)
    for note in summary["notes"]:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)


def print_section(section: Section, console: Console) -> None:
    """Print one table, if there is anything in it."""
    if section.rows:
        console.print(f"[bold]{escape(section.title)}[/bold]", highlight=False)
        console.print(_rich(section), "")


def _rich(section: Section) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for place, heading in enumerate(section.headings):
        # A name that is cut off names nothing.
        words = place in section.texts
        table.add_column(
            escape(heading), justify="left" if words else "right", overflow="fold" if words else "ellipsis"
        )
    for row in section.rows:
        table.add_row(*(escape(cell) for cell in row))
    return table
