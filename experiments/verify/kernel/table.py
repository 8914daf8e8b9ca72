"""What ``wavetank verify kernel`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from experiments.verify.kernel.kind import Case, Comparison, Kind, Limit, mean_error, worst_error
from models.kernel.constants import FittedConstants, fitted_fields

__all__ = ["Judged", "print_cases", "print_constants", "print_errors"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A limit and what was found.

    Attributes:
        kind: The kind's name.
        found: The statistic's value.
        count: Over how many comparisons.
        worst: Place and owner of the comparison that is furthest off.
    """

    kind: str
    limit: Limit
    found: float
    count: int
    worst: str

    @property
    def holds(self) -> bool:
        """Whether it is within the limit."""
        return self.found <= self.limit.most


def print_cases(
    console: Console, kind: Kind, cases: Sequence[Case], compared: Sequence[Sequence[Comparison]]
) -> None:
    """Print predicted and measured, a line for each figure of each case."""
    table = _table(
        f"{kind.name}: predicted and measured", ("case", "what"), ("predicted", "measured", "error")
    )
    for case, comparisons in zip(cases, compared, strict=True):
        place = case.place.rpartition("/")[2]
        for each in comparisons:
            what = f"{each.who} {each.aspect}".strip()
            over = each.allowed is not None and each.error > each.allowed
            cells = (_shown(each.predicted), _shown(each.measured), _shown(each.error))
            table.add_row(place, what, *cells, style="bold red" if over else "")
            place = ""
    console.print(table)


def print_errors(
    console: Console, judged: Sequence[Judged], loose: Mapping[tuple[str, str], Sequence[Comparison]]
) -> None:
    """Print the error table by kind; ``loose`` are comparisons that no limit judges, by kind and aspect."""
    table = _table("errors", ("kind", "what"), ("of", "found", "at most"))
    for each in judged:
        limit = each.limit
        table.add_row(
            each.kind,
            f"{limit.aspect}, {limit.says}",
            str(each.count),
            f"{_shown(each.found)} {limit.unit}".strip(),
            f"{limit.most:g} {limit.unit}".strip(),
            style="" if each.holds else "bold red",
        )
    for (kind, aspect), comparisons in loose.items():
        found = f"{_shown(mean_error(comparisons))}, {_shown(worst_error(comparisons))}"
        table.add_row(kind, f"{aspect}, mean and greatest error", str(len(comparisons)), found, "not judged")
    console.print(table)


def print_constants(
    console: Console,
    used: FittedConstants,
    again: FittedConstants,
    left_out: Mapping[str, tuple[FittedConstants, float, float]],
) -> None:
    """Print the fitted constants and what leaving a kind out of the fitting does.

    Args:
        console: Where to.
        used: As the model has them.
        again: As fitted to these cases.
        left_out: By the kind that was left out: constants fitted without it, its loss with the constants that the
            model has, and with those.
    """
    known = fitted_fields()
    if not known:
        console.print("constants that were fitted: none")
        return
    table = _table("constants that were fitted", ("constant",), ("used", "fitted here", "prior"))
    table.add_column("of kinds")
    table.add_column("source", overflow="fold")
    for each in known:
        values = (getattr(used, each.name), getattr(again, each.name), each.prior)
        table.add_row(each.name, *map(_shown, values), ", ".join(each.kinds), each.source)
    console.print(table)
    table = _table(
        "error of a kind, as a multiple of what is allowed, summed over its rows of errors",
        ("kind",),
        ("as used", "kind left out of the fitting"),
    )
    table.add_column("constants fitted without it", overflow="fold")
    for kind, (constants, with_used, without) in left_out.items():
        said = ", ".join(f"{each.name} {_shown(getattr(constants, each.name))}" for each in known)
        table.add_row(kind, f"{with_used:.3f}", f"{without:.3f}", said)
    console.print(table)


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for heading in left:
        table.add_column(heading, overflow="fold")
    for heading in right:
        table.add_column(heading, justify="right")
    return table


def _shown(value: float | bool | str | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return value if isinstance(value, str) else f"{value:.4g}"
