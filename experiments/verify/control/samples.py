"""The observations of one recording and of many simulations of it, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from experiments.verify.control.history import NEVER
from experiments.verify.control.observation import Form, Observation

__all__ = ["NOTHING", "Sample", "samples_of"]

NOTHING = "nothing"
"""The value of a count or set that a log has nothing to say of."""

Value = float | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One observation in the recording and in each simulation.

    Attributes:
        recorded: As in the recording; ``inf``, ``nothing`` or a flat curve where it does not come up there.
        simulated: The values of the seeds, in order, with the same words for what does not come up.
    """

    recorded: Observation
    simulated: tuple[Value, ...]


def samples_of(
    recorded: Sequence[Observation], simulated: Sequence[Sequence[Observation]]
) -> tuple[Sample, ...]:
    """Put the observations of logs side by side, those of the recording first.

    What comes up in some of the logs only is a value in the others too: that it did not.
    """
    tables = [{found.key: found for found in log} for log in simulated]
    whole = {found.key: found for found in recorded}
    for table in tables:
        for key, found in table.items():
            if key not in whole:
                whole[key] = replace(found, value=_absent(found))
    ordered = sorted(whole.values(), key=lambda found: found.group)
    return tuple(Sample(found, tuple(_values(found, tables))) for found in ordered)


def _values(found: Observation, tables: Iterable[dict[tuple[int, str], Observation]]) -> Iterable[Value]:
    nothing = _absent(found)
    for table in tables:
        yield table[found.key].value if found.key in table else nothing


def _absent(found: Observation) -> Value:
    if found.form is Form.DELAY:
        return NEVER
    if found.form is Form.VALUE:
        return NOTHING
    assert isinstance(found.value, tuple)
    return (0,) * len(found.value)
