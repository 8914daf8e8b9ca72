"""One HTML file that opens offline: tables, pictures and notes of a run or a sweep, every name escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from experiments.controlplots import NAMED_CONTROLLERS, draw_controllers, draw_replacement
from experiments.controlsteps import controller_steps
from experiments.decisionplots import draw_decisions
from experiments.decisions import read_decisions
from experiments.idle import free_steps, wanted_steps
from experiments.imageplots import draw_pulls
from experiments.isolation.plots import intrusion_pictures
from experiments.journalfiles import RunFiles, open_run
from experiments.lives import read_lives
from experiments.metrics import resource_column
from experiments.plots import NAMED_FAULTS, draw_allocation, draw_phases, draw_usage, fault_bands
from experiments.plotstyle import data_uri
from experiments.replacement import STAGES
from experiments.startups import pull_steps, pulls_going_on
from experiments.steps import Steps, read_cluster_steps
from experiments.summary import summarise
from experiments.sweep import SweepTable, compare, read_results
from experiments.sweepplots import draw_comparison
from experiments.sweeptable import for_people, say
from experiments.tables import Section, run_sections, shows_idle
from experiments.usagepictures import usage_pictures
from experiments.waitingplots import draw_waiting
from experiments.wording import say_count, say_share, say_time

__all__ = ["write_report", "write_sweep_report"]


@dataclass(frozen=True)
class Picture:
    """A picture and its words.

    Attributes:
        title: Its heading.
        caption: How to read it.
        alt: What it shows, for those who cannot see it.
        uri: The picture itself, as a ``data:`` address.
    """

    title: str
    caption: str
    alt: str
    uri: str


def write_report(folder: Path) -> Path:
    """Write ``report.html`` of the run in a folder, whole or cut short.

    Returns:
        The report's path.

    Raises:
        ScenarioError: There is no run there that can be read.
    """
    run = open_run(folder)
    summary = _summary(run)
    subtitle = [
        f"seed {summary['seed']}",
        f"Kubernetes {summary['kubernetes']}",
        f"{say_time(summary['end_s'])} simulated",
        f"digest {summary['digest']}",
    ]
    return _write(
        folder,
        title=f"{summary['name'] or folder.name}: {summary['policy'] or 'run'}",
        subtitle=", ".join(subtitle),
        warnings=_warnings(summary),
        sections=run_sections(summary),
        pictures=_run_pictures(run, summary),
        notes=summary["notes"],
        scenario=_scenario_text(run.manifest),
    )


def _summary(run: RunFiles) -> dict[str, Any]:
    """What the run wrote about itself; computed now where it did not live to do that."""
    path = run.folder / "summary.json"
    if run.complete and path.is_file():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    return summarise(run)


def _warnings(summary: Mapping[str, Any]) -> list[str]:
    found = []
    if not summary["complete"]:
        found.append("The run is not complete: every figure is of the part that was written.")
    if not summary["pods"]["conserved"]:
        found.append("The pods do not add up: this is a bug in the simulator.")
    verdicts = [entry["verdict"] for entry in summary["expectations"]]
    for verdict, words in (("failed", "failed"), ("inconclusive", "could not be decided")):
        if verdict in verdicts:
            found.append(f"{verdicts.count(verdict)} of {len(verdicts)} expectations {words}.")
    return found


def _scenario_text(manifest: Mapping[str, Any]) -> str:
    scenario = manifest.get("scenario")
    return json.dumps(scenario, indent=2, ensure_ascii=False) if scenario else ""


def _run_pictures(run: RunFiles, summary: Mapping[str, Any]) -> list[Picture]:
    steps, end_s = read_cluster_steps(run), summary["end_s"]
    pods, faults = summary["pods"], summary["faults"]
    made: list[tuple[str, str, str, Figure | None]] = []
    marks = _fault_words(faults, end_s)
    if steps:
        alt = f"Pods by phase over {say_time(end_s)}; at the end " + ", ".join(
            f"{say_count(pods[phase])} {phase}" for phase in ("running", "pending", "succeeded", "lost")
        )
        alt += f"; {say_count(faults['occurrences'])} occurrences of faults."
        made.append(
            (
                "Pods over time",
                f"Pods in each phase.{marks}",
                alt,
                draw_phases(steps, faults["listed"], end_s),
            )
        )
    made += _decision_pictures(run, summary, marks)
    made += _control_pictures(run, summary, marks)
    made += _pull_pictures(run, summary, marks)
    made += usage_pictures(run, summary, marks)
    made += intrusion_pictures(run, summary, marks)
    if steps:
        shares = ", ".join(
            f"{word} {say_share(used['mean'])}" for word, used in summary["utilisation"].items()
        )
        caption = "Sums over ready minions. Stranded is what is free on minions where no template of the workload fits."
        alt = f"Requested and allocatable over {say_time(end_s)}; requested in the mean: {shares}."
        made.append(("Requested, stranded and allocatable over time", caption, alt, draw_usage(steps, end_s)))
        made += _waiting_pictures(run, summary, steps)
    shares = "; ".join(
        f"{word} from {say_share(ratios[-1])} to {say_share(ratios[0])}"
        for word, ratios in summary["allocation"].items()
    )
    caption = (
        "Each minion's own mean over the time that it was ready, each resource sorted on its own; the dashed "
        "line weighs all minions alike, whatever their size."
    )
    alt = f"Time-mean of requested over allocatable, minion by minion: {shares}."
    made.append(("Allocation per minion", caption, alt, draw_allocation(summary["allocation"])))
    return [
        Picture(title, caption, alt, data_uri(figure))
        for title, caption, alt, figure in made
        if figure is not None
    ]


def _waiting_pictures(
    run: RunFiles, summary: Mapping[str, Any], steps: Mapping[str, Steps]
) -> list[tuple[str, str, str, Figure | None]]:
    """What is free beside what is waited for, of the scarcest resource of which any is free though waited for."""
    means = {word: of["mean"] for word, of in summary["idle"].items() if shows_idle(of["mean"])}
    if not means:
        return []
    word = max(means, key=lambda each: summary["utilisation"][each]["mean"])
    column, end_s = resource_column(word), summary["end_s"]
    wanted = wanted_steps(read_lives(run).pods, column)
    figure = draw_waiting(free_steps(steps, column), wanted, column, summary["faults"]["listed"], end_s)
    caption = (
        "What pods that wait ask for, and what is free on ready minions, in pieces too small or where they may not go. "
        "The lesser of the two would be in use if all that is free were on one minion."
    )
    alt = f"{say_share(means[word])} of the {word} is free though waited for, in the mean over time."
    return [(f"Free and waited for over time: {word}", caption, alt, figure)]


def _control_pictures(
    run: RunFiles, summary: Mapping[str, Any], marks: str
) -> list[tuple[str, str, str, Figure | None]]:
    figures, replaced = summary["controllers"], summary["replacement"]
    alt = "At the end " + ", ".join(
        f"{name} has {say_count(of['ready'])} of {say_count(of['desired'])} pods ready"
        for name, of in list(figures.items())[:NAMED_CONTROLLERS]
    )
    curves = draw_controllers(controller_steps(run), summary["faults"]["listed"], summary["end_s"])
    caption = f"What controllers have of what they want, as the record has it.{marks}"
    made = [("Ready and desired over time", caption, f"{alt}.", curves)]
    if replaced is not None and replaced["replaced"]:
        caption = (
            "From the fault until it was noticed; until the minion's taint; until the pod's end; until another pod was "
            "created, had a place, was ready."
        )
        alt = "Means: " + ", ".join(f"{stage} {say_time(replaced[f'{stage}_s']['mean'])}" for stage in STAGES)
        made.append(("Where the time of a replacement goes", caption, f"{alt}.", draw_replacement(replaced)))
    return made


def _decision_pictures(
    run: RunFiles, summary: Mapping[str, Any], marks: str
) -> list[tuple[str, str, str, Figure | None]]:
    figures, end_s = summary.get("schedulers"), summary["end_s"]
    if not figures:
        return []
    alt = "; ".join(
        f"{name} is busy {say_share(of['busyness_ratio'])} of the time and has {say_count(of['conflicts'])} conflicts"
        for name, of in figures.items()
    )
    caption = (
        "A transaction is what one decision commits; it has a conflict where the master refused a pod because of what "
        f"others did since the decision began, or where a kubelet had no room for it.{marks}"
    )
    curves = draw_decisions(read_decisions(run, end_s), summary["faults"]["listed"], end_s)
    return [("Schedulers at work", caption, f"{alt}.", curves)]


def _pull_pictures(
    run: RunFiles, summary: Mapping[str, Any], marks: str
) -> list[tuple[str, str, str, Figure | None]]:
    if summary["images"] is None:
        return []
    total = summary["images"]["total"]
    pulled, failed = (pull_steps(run, f"image_{word}", None) for word in ("pulled", "failed"))
    curves = (pulls_going_on(run), pulled, failed)
    longest = "" if total["max_s"] is None else f"; the longest took {say_time(total['max_s'])}"
    alt = f"{say_count(total['pulled'])} pulls, {say_count(total['failed'])} failed{longest}."
    figure = draw_pulls(curves, summary["faults"]["listed"], summary["end_s"])
    return [("Pulls of images over time", f"For all pods.{marks}", alt, figure)]


def _fault_words(faults: Mapping[str, Any], end_s: float) -> str:
    """How faults are marked in the picture of phases."""
    shown, whole = len(faults["listed"]), faults["occurrences"]
    if not whole:
        return ""
    if len(fault_bands(faults["listed"], end_s)) <= NAMED_FAULTS:
        return " Dark bands are faults, from their beginning until they were over."
    which = f"the first {say_count(shown)} of {say_count(whole)}" if shown < whole else f"{say_count(whole)}"
    return f" Dark strokes along the lower edges are the beginnings of {which} occurrences of faults."


def write_sweep_report(folder: Path, *, level: float = 0.95) -> Path:
    """Write ``report.html`` of a sweep: means with intervals, and differences paired by seed.

    Returns:
        The report's path.
    """
    design, frame = read_results(folder)
    table = compare(folder, level=level)
    failed = int((~frame["status"].is_in([0, 1])).sum())
    return _write(
        folder,
        title=f"Sweep of {design.name}",
        subtitle=f"{len(design.seeds)} seeds for each of {len(table.cases)} cases; cases with one seed met the same "
        "pods and the same failures",
        warnings=[f"{failed} of {frame.height} runs did not come to their end and are left out."]
        if failed
        else [],
        sections=_sweep_sections(table),
        pictures=_sweep_pictures(table),
        notes=[
            *(f"{case}: {meaning}" for case, meaning in table.legend.items()),
            _chance(level),
            *_sweep_notes(folder, frame["key"].to_list()),
        ],
        scenario="",
    )


def _percent(level: float) -> str:
    return f"{100 * level:.4g}%"


def _sweep_sections(table: SweepTable) -> tuple[Section, ...]:
    means, differences = [], []
    for metric, by_case in table.estimates.items():
        found = [for_people(metric, by_case[case]) for case in table.cases]
        means.append((found[0][0], *(say(estimate) for _, estimate in found)))
    for metric, by_pair in table.differences.items():
        for (first, second), difference in by_pair.items():
            name, shown = for_people(metric, difference)
            sure = "yes" if difference.sure else "no"
            differences.append((name, f"{first} - {second}", say(shown), sure))
    headings = ("metric", "first - second", "difference", "interval excludes 0")
    return (
        Section(
            f"Mean and {_percent(table.level)} interval over seeds", ("metric", *table.cases), tuple(means)
        ),
        Section(
            f"Differences paired by seed, {_percent(table.level)} interval",
            headings,
            tuple(differences),
            frozenset({0, 1, 3}),
        ),
    )


def _sweep_pictures(table: SweepTable) -> list[Picture]:
    pictures = []
    caption = "Dots are means, lines their intervals, rings have none. A blue difference is one that is sure."
    for metric, by_case in table.estimates.items():
        # A mean over those runs alone that have a number would flatter the others.
        if any(found.missing for found in by_case.values()):
            continue
        shown = {case: for_people(metric, found) for case, found in by_case.items()}
        estimates = {case: found for case, (_, found) in shown.items()}
        by_pair = table.differences.get(metric, {})
        differences = {pair: for_people(metric, found)[1] for pair, found in by_pair.items()}
        name = next(name for name, _ in shown.values())
        figure = draw_comparison(name, estimates, differences, table.level)
        alt = f"{name}: " + "; ".join(f"{case} {say(found)}" for case, found in estimates.items())
        pictures.append(Picture(metric, caption, alt, data_uri(figure)))
        caption = ""
    return pictures


def _chance(level: float) -> str:
    """What many intervals side by side do not say."""
    one_in = 1 / (1 - level)
    return (
        f"Each interval holds with {_percent(level)} for itself: of {one_in:.3g} differences that are none, "
        "about one looks sure."
    )


def _sweep_notes(folder: Path, keys: list[str]) -> list[str]:
    """The notes of all runs, each once."""
    notes: dict[str, None] = {}
    for key in dict.fromkeys(keys):
        path = folder / "runs" / key / "manifest.json"
        if key and path.is_file():
            notes |= dict.fromkeys(json.loads(path.read_text(encoding="utf-8")).get("notes", ()))
    return list(notes)


def _write(folder: Path, **words: Any) -> Path:
    loader = jinja2.PackageLoader("experiments", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    path = folder / "report.html"
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(environment.get_template("report.html.j2").render(**words), encoding="utf-8")
    unfinished.replace(path)
    return path
