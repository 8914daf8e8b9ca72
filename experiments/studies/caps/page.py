"""The page of results, and its figure."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from experiments.plotstyle import COLOURS, styled
from experiments.statistics import Estimate
from experiments.studies.caps.answer import Answer
from experiments.wording import say_number

__all__ = ["draw", "page"]


def draw(answers: Sequence[Answer]) -> Figure:
    """Draw each figure under each cap: what caps cost above, what they save below; bars are intervals of the mean."""
    with styled():
        figure = Figure(figsize=(9, 4.8), layout="constrained")
        for axes, found in zip(figure.subplots(2, len(answers) // 2).flat, answers, strict=True):
            caps = list(found.means)
            means = [each.mean or 0.0 for each in found.means.values()]
            spread = [
                0.0 if each.high is None else each.high - (each.mean or 0.0) for each in found.means.values()
            ]
            colour = COLOURS["orange" if found.figure.cost else "blue"]
            axes.bar(range(len(caps)), means, color=colour, yerr=spread, capsize=2)
            axes.set_title(found.figure.shown, fontsize=7.5)
            axes.set_xticks(range(len(caps)), [cap.replace("-and-", "\n+ ") for cap in caps], fontsize=7)
            axes.set_ylim(bottom=0, top=None if any(means) else 1)
        return figure


def page(answers: Sequence[Answer], seeds: int) -> str:
    """Return the page of results as Markdown.

    Args:
        answers: One a figure.
        seeds: For each cap.
    """
    lines = ["# What each cap costs the innocent, and what it saves", ""]
    for cost, title in ((True, "Costs the innocent"), (False, "Saves")):
        lines += [f"## {title}", ""]
        for found in answers:
            if found.figure.cost == cost:
                lines += _table(found)
    how = (
        f"{seeds} seeds for each cap, paired: caps met the same pods and draws. A mean has its 95% interval. *more* is "
        "against no cap, paired by seed; the intervals of one table hold together with 95% (Bonferroni); in bold where "
        "0 is not in it."
    )
    lines += [how, "", "![each figure under each cap](figure.svg)"]
    return "\n".join(lines) + "\n"


def _table(found: Answer) -> list[str]:
    rows = [f"| {found.figure.shown} | mean | more than none |", "|---|---|---|"]
    for cap, mean in found.means.items():
        more = found.more.get(cap)
        said = "" if more is None else _say(more)
        rows.append(f"| {cap} | {_say(mean)} | {f'**{said}**' if more is not None and more.sure else said} |")
    return [*rows, ""]


def _say(found: Estimate) -> str:
    assert found.mean is not None, "every run has every number"
    if found.low is None or found.high is None:
        return f"{say_number(found.mean, 3)} in every run"
    return f"{say_number(found.mean, 3)} [{say_number(found.low, 3)}, {say_number(found.high, 3)}]"
