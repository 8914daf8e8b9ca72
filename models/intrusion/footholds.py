"""An attacker, and where he stands: on which minions, in which containers, with what in hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.api.specs_isolation import Compromise
from models.api.types import Pod
from models.isolation.graph import AttackGraph, Edge
from sim.engine import Deadline

__all__ = ["Attack", "Foothold"]


@dataclass(eq=False)
class Attack:
    """One attacker.

    Attributes:
        name: Of the fault, its occurrence and which of its pods: names his draws.
        owner: Of the pod that he got into first.
        minions: That he has taken, by index.
        places: How many minions he was on.
    """

    name: str
    identity: int
    words: Compromise
    owner: int
    began_s: float
    minions: dict[int, None] = field(default_factory=dict)
    owned: dict[str, None] = field(default_factory=dict)
    places: int = 0


@dataclass(eq=False)
class Foothold:
    """An attacker on one minion.

    Attributes:
        number: The how-manieth of his attack, from 0.
        pod: That he is in; nothing where he came from outside with the minion's own rights.
        life: Of the pod's containers when he got in.
        owned: By privilege, the record that says so.
        tried: (when it succeeds, order, edge, the record that it follows from).
        starved: Whom he keeps from answering.
    """

    attack: Attack
    number: int
    minion: int
    pod: Pod | None
    graph: AttackGraph
    life: object = None
    seq: int = -1
    owned: dict[str, int] = field(default_factory=dict)
    tried: list[tuple[float, int, Edge, int]] = field(default_factory=list)
    again: dict[str, int] = field(default_factory=dict)
    starved: list[Pod] = field(default_factory=list)
    is_inside: bool = True
    is_over: bool = False
    deadline: Deadline = field(init=False)
