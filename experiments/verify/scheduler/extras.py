"""Other resource scores that a recording holds, by the key that tells their arguments."""

from __future__ import annotations

import re
from typing import Final

from models.policies.kubernetes.resource_scores import CapacityRatio, LeastAllocated, MostAllocated

__all__ = ["ExtraError", "parse_extra"]

_FORM: Final = re.compile(r"([A-Za-z]+)(?:\[([^\]]*)\])?")
_SCORERS: Final = {
    "NodeResourcesMostAllocated": MostAllocated,
    "NodeResourcesLeastAllocated": LeastAllocated,
    "RequestedToCapacityRatio": CapacityRatio,
}


class ExtraError(ValueError):
    """A key that names no resource score; the message says what was expected."""


def parse_extra(key: str) -> LeastAllocated | MostAllocated | CapacityRatio:
    """Return the score that a key names.

    Args:
        key: As ``NodeResourcesLeastAllocated[cpu=2,memory=1]``, or
            ``RequestedToCapacityRatio[0:0,100:10;cpu=1,memory=1]`` with the shape before the weights.

    Raises:
        ExtraError: It is no such key.
    """
    match = _FORM.fullmatch(key)
    scorer = None if match is None else _SCORERS.get(match[1])
    if match is None or scorer is None:
        raise ExtraError(f"expected {', '.join(_SCORERS)} with arguments in brackets, not {key!r}")
    try:
        if scorer is CapacityRatio:
            shape, _, rest = (match[2] or "").partition(";")
            return CapacityRatio(_pairs(shape, ":", int), _pairs(rest, "=", str))
        weights = _pairs(match[2], "=", str) if match[2] else None
        if scorer is LeastAllocated:
            return LeastAllocated() if weights is None else LeastAllocated(weights)
        return MostAllocated() if weights is None else MostAllocated(weights)
    except ValueError as error:
        raise ExtraError(f"expected whole numbers as in [0:0,100:10;cpu=1,memory=1], not {key!r}") from error


def _pairs(text: str, sign: str, left: type) -> tuple[tuple, ...]:  # type: ignore[type-arg]  # texts or numbers
    found = []
    for part in text.split(","):
        name, _, number = part.rpartition(sign)
        found.append((left(name), int(number)))
    return tuple(found)
