"""The page of results, and its figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.figure import Figure

from experiments.plotstyle import COLOURS, GREY, styled
from experiments.statistics import Estimate
from experiments.studies.scheduling.answer import QUESTIONS, Answer
from experiments.wording import say_number

__all__ = ["draw", "page"]

Answers = Mapping[str, Sequence[Answer]]
"""By nominal load, one a question."""

_MARKS: Final = ("o", "s", "^", "v", "D", "x", "P", "*")


def draw(answers: Answers) -> Figure:
    """Draw each question's metric over the load, a curve a policy; bars are intervals of the mean."""
    loads = list(answers)
    policies = sorted(each.policy for each in next(iter(answers.values()))[0].ranked)
    colours = [*COLOURS.values(), GREY]
    with styled():
        figure = Figure(figsize=(9, 6.4), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True).flat
        for axes, question in zip(panels, range(len(QUESTIONS)), strict=True):
            for place, policy in enumerate(policies):
                found = [_of(answers[load][question], policy) for load in loads]
                means = [each.mean or 0.0 for each in found]
                spread = [0.0 if each.high is None else each.high - (each.mean or 0.0) for each in found]
                # A little aside, so that intervals can be told apart.
                at = [each + 0.035 * (place - (len(policies) - 1) / 2) for each in range(len(loads))]
                axes.errorbar(at, means, spread, color=colours[place % len(colours)], capsize=2,
                              marker=_MARKS[place % len(_MARKS)], markersize=4.5, label=policy)  # fmt: skip
            axes.set_title(QUESTIONS[question].shown)
            axes.set_xticks(range(len(loads)), loads)
            axes.set_ylim(bottom=0)
        for axes in figure.axes[2:]:
            axes.set_xlabel("offered load of GPUs")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(policies))
        return figure


def _of(answer: Answer, policy: str) -> Estimate:
    return next(each.mean for each in answer.ranked if each.policy == policy)


def page(answers: Answers, offered: Mapping[str, Estimate], seeds: int, workload: str) -> str:
    """Return the page of results as Markdown.

    Args:
        answers: By nominal load, one a question.
        offered: What GPUs were really asked for, by nominal load.
        seeds: For each policy and load.
        workload: Its name.
    """
    level = f"{100 * next(iter(answers.values()))[0].level:.4g}%"
    lines = [f"# Which policy waits least, strands least and allocates most: {workload}", ""]
    lines += [_said(answers, place) for place in range(len(QUESTIONS))]
    how = (
        f"{seeds} seeds for each policy and load, paired: policies met the same pods. A mean has its {level} interval. "
        "*behind* is how much worse than the first, paired by seed; its intervals in one table hold together with "
        f"{level} (Bonferroni over all pairs of policies); in bold where 0 is not in it."
    )
    lines += ["", how, "", "![curves by policy over the load](figure.svg)"]
    for place, question in enumerate(QUESTIONS):
        lines += ["", f"## Who {question.asks}: {question.shown}", ""]
        for load, found in answers.items():
            share = offered[load]
            lines += [f"Load {load} (offered: {say_number(100 * (share.mean or 0), 3)}% of the GPUs)", ""]
            lines += _table(found[place])
    return "\n".join(lines).rstrip() + "\n"


def _said(answers: Answers, place: int) -> str:
    """Say in one line who is first at each load."""
    told = []
    for load, found in answers.items():
        first, *like = found[place].first
        also = f" (not surely better than {', '.join(like)})" if like else ""
        told.append(f"at {load} {first}{also}")
    return f"- Who {QUESTIONS[place].asks}: {'; '.join(told)}."


def _table(found: Answer) -> list[str]:
    rows = ["| policy | mean | behind |", "|---|---|---|"]
    for each in found.ranked:
        behind = "first" if each.behind is None else _say(each.behind)
        rows.append(f"| {each.policy} | {_say(each.mean)} | {f'**{behind}**' if each.is_sure else behind} |")
    return [*rows, ""]


def _say(found: Estimate) -> str:
    assert found.mean is not None, "every run has every number"
    if found.low is None or found.high is None:
        return f"{say_number(found.mean, 3)} in every run"
    return f"{say_number(found.mean, 3)} [{say_number(found.low, 3)}, {say_number(found.high, 3)}]"
