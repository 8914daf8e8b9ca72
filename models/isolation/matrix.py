"""What each mechanism does to each technique: blocks, slows, opens, or nothing.

Cells are about one mechanism alone, against a process without any isolation:

- *blocks*: the technique cannot be used, or wins only what lies before a boundary; or who begins lacks the privilege
  that it starts from, which was given to him without the mechanism (non-root, until root is won inside);
- *opens*: it needs a condition that the mechanism provides, or a privilege that there is only with it;
- *slows*: it takes longer by a factor.

A surface is a row too: taken away, it blocks what goes through it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.isolation.closing import stops
from models.isolation.graph import MIDDLE, attack_graph, corner
from models.isolation.posture import Posture, bare_posture
from models.isolation.specs import Catalogue, Mechanism, Technique

__all__ = ["BLOCKS", "NOTHING", "OPENS", "SLOWS", "Row", "matrix"]

BLOCKS, SLOWS, OPENS, NOTHING = "blocks", "slows", "opens", ""


@dataclass(frozen=True, slots=True)
class Row:
    """One mechanism or surface.

    Attributes:
        name: Its name.
        is_surface: Which of both.
        cells: One a technique, in the order of the catalogue.
    """

    name: str
    is_surface: bool
    cells: tuple[str, ...]

    def techniques(self, catalogue: Catalogue, cell: str) -> tuple[str, ...]:
        """Return the names of the techniques with this cell."""
        pairs = zip(catalogue.techniques, self.cells, strict=True)
        return tuple(technique.name for technique, have in pairs if have == cell)


def matrix(catalogue: Catalogue) -> tuple[Row, ...]:
    """Return a row for each mechanism, then one for each surface."""
    bare = bare_posture(catalogue)
    # Conditions that a mechanism provides hold through it alone here, so that it is seen to open them.
    provided = [name for mechanism in catalogue.mechanisms for name in mechanism.provides]
    without = replace(bare, conditions=tuple(name for name in bare.conditions if name not in provided))
    reach = _reach(catalogue, bare)
    rows = [
        Row(
            each.name,
            False,
            tuple(_cell(catalogue, each, technique, without, reach) for technique in catalogue.techniques),
        )
        for each in catalogue.mechanisms
    ]
    rows += [
        Row(
            each.name,
            True,
            tuple(BLOCKS if t.surface == each.name else NOTHING for t in catalogue.techniques),
        )
        for each in catalogue.surfaces
    ]
    return tuple(rows)


def _reach(catalogue: Catalogue, posture: Posture) -> tuple[str, ...]:
    return attack_graph(catalogue, posture, corner(catalogue, MIDDLE)).reachable()


def _cell(
    catalogue: Catalogue, mechanism: Mechanism, technique: Technique, without: Posture, reach: tuple[str, ...]
) -> str:
    if all(stops(mechanism, technique, start, technique.to, without) for start in technique.start):
        return BLOCKS
    if _takes_the_start(catalogue, mechanism, technique):
        return BLOCKS
    if any(name in mechanism.provides for name in technique.conditions):
        return OPENS
    if not any(start in reach for start in technique.start):
        now = _reach(catalogue, bare_posture(catalogue).switched([mechanism.name]))
        if any(start in now for start in technique.start):
            return OPENS
    return SLOWS if mechanism.name in technique.slowed_by else NOTHING


def _takes_the_start(catalogue: Catalogue, mechanism: Mechanism, technique: Technique) -> bool:
    """Whether the mechanism stops what gives whoever begins the privilege that the technique starts from."""
    given = [each for each in catalogue.techniques if each.kind == "given" and each.name != technique.name]
    entry = [each.name for each in catalogue.privileges if each.entry]
    return all(
        any(
            each.to == start
            and any(source in entry for source in each.start)
            and (mechanism.name in each.blocked_by or each.name in mechanism.blocks)
            for each in given
        )
        for start in technique.start
    )
