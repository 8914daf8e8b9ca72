"""The exact chance that a racing attacker owns a goal by a time, where all times are exponential.

All techniques whose start is owned race. What is owned only grows, so the sets of owned privileges are the states of
a Markov chain: from a set S the privilege v is won at the rate

    r(S, v) = sum over techniques e from a privilege in S to v, v not in S, of 1 / mean(e)

and P(goal owned by t) is the entry [first set, goal] of exp(Q t). Sets that hold the goal are one absorbing state;
techniques that lead to no goal are left out, which changes nothing of it. Ordered by size the matrix is triangular.
Source: textbook (Norris, Markov Chains, 1997, chapter 2); the exponential of the matrix is scipy's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from models.isolation.graph import AttackGraph
from sim.distributions import Exponential

__all__ = ["MAX_STATES", "NotExponentialError", "chances_by"]

MAX_STATES = 2048
"""More sets than this take minutes; eleven privileges that all lead to a goal have half as many."""


class NotExponentialError(ValueError):
    """A graph has no closed form here: a time is not exponential, or there are too many sets."""


def chances_by(graph: AttackGraph, goals: Collection[str], times_s: Sequence[float]) -> list[float]:
    """Return the chance that a racing attacker owns one of the goals by each time.

    Args:
        graph: Whose times are exponential or none.
        goals: Privileges.
        times_s: Seconds from the compromise.

    Raises:
        NotExponentialError: A technique that leads to a goal takes another time, or there are too many sets.
    """
    useful = graph.leading_to(goals)
    odd = next((e for e in useful.edges if not e.is_given and not isinstance(e.law, Exponential)), None)
    if odd is not None:
        raise NotExponentialError(f"the time of '{odd.technique}' is not exponential")
    generator, done = _generator(useful, goals)
    if done:
        return [1.0 for _ in times_s]
    # scipy.linalg takes a while to import, which `validate` can do without.
    from scipy import linalg

    return [float(min(max(linalg.expm(generator * time_s)[0, -1], 0.0), 1.0)) for time_s in times_s]


def _generator(graph: AttackGraph, goals: Collection[str]) -> tuple[NDArray[np.float64], bool]:
    """The chain's rates, the first state first and the absorbing one last; whether the goal is owned at once."""
    place = {name: index for index, name in enumerate(graph.privileges)}
    closures = {name: _mask(graph.owned_at_once([name]), place) for name in graph.privileges}
    goal = _mask(goals, place)
    steps = [
        (1 << place[e.source], closures[e.target], 1.0 / e.mean_s) for e in graph.edges if not e.is_given
    ]
    first = 0
    for name in graph.entry:
        first |= closures[name]
    if first & goal:
        return np.zeros((1, 1)), True
    rates: dict[int, dict[int, float]] = {}
    todo = [first]
    while todo:
        state = todo.pop()
        if state in rates:
            continue
        if len(rates) >= MAX_STATES:
            raise NotExponentialError(f"there are more than {MAX_STATES:,} sets of privileges")
        out = rates[state] = {}
        for source, won, rate in steps:
            if state & source and won & ~state:
                then = state | won
                then = -1 if then & goal else then
                out[then] = out.get(then, 0.0) + rate
                if then != -1:
                    todo.append(then)
    order = sorted(rates, key=lambda state: (state.bit_count(), state))
    index = {state: number for number, state in enumerate(order)} | {-1: len(order)}
    generator = np.zeros((len(order) + 1, len(order) + 1))
    for state, out in rates.items():
        for then, rate in out.items():
            generator[index[state], index[then]] += rate
        generator[index[state], index[state]] = -sum(out.values())
    return generator, False


def _mask(names: Collection[str], place: dict[str, int]) -> int:
    found = 0
    for name in names:
        found |= 1 << place[name]
    return found
