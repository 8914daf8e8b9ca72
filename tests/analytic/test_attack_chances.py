"""Walks of a racing attacker against the exact chances of the Markov chain, and the chain against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from models.isolation.chances import NotExponentialError, chances_by
from models.isolation.graph import AttackGraph, Edge
from models.isolation.walks import TECHNIQUE_TIMES, greedy_arrivals, racing_arrivals
from sim.distributions import Constant, Exponential, Lognormal
from sim.streams import Streams
from tests.support.attackgraphs import random_graph

WALKS = 20_000
"""Half the width of a 99% interval is then 2.576 x 0.5 / sqrt(20,000) = 0.0091 at most."""


def graph(*edges: tuple[str, str, float]) -> AttackGraph:
    names = tuple(dict.fromkeys(name for edge in edges for name in edge[:2]))
    made = (
        Edge(f"{index}", f"{index}", one, other, Exponential(mean) if mean else Constant(0.0))
        for index, (one, other, mean) in enumerate(edges)
    )
    return AttackGraph(names, ("in",), tuple(made))


def misses(numbers: range, seed: int) -> list[str]:
    """The graphs of which the simulated chance is not in the 99% interval of the exact one, or that is too wide."""
    found, errors, widths = [], [], []
    for number in numbers:
        made = random_graph(number)
        goal = made.privileges[-1]
        by_s = 0.3 + 3 * Streams(0).stream("test.horizon").at("graph", number)
        (exact,) = chances_by(made, [goal], [by_s])
        arrivals = racing_arrivals(made, Streams(seed).stream(TECHNIQUE_TIMES), WALKS)[goal]
        simulated = float((arrivals <= by_s).mean())
        half = stats.norm.ppf(0.995) * math.sqrt(exact * (1 - exact) / WALKS)
        widths.append(half)
        errors.append(simulated - exact)
        if not abs(simulated - exact) <= half:
            found.append(f"graph {number}: {simulated:.4f} simulated, {exact:.4f} exact, {half:.4f} allowed")
    print(
        f"seed {seed}, {len(numbers)} graphs: outside {len(found)}; greatest error {max(map(abs, errors)):.4f}, "
        f"mean error {np.mean(errors):+.5f}, greatest half-width {max(widths):.4f}"
    )
    assert max(widths) <= 0.01
    return found


def test_walks_agree_with_the_chain_on_some_graphs():
    assert len(misses(range(12), 1)) <= 1


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_walks_agree_with_the_chain_on_sixty_graphs(seed):
    found = misses(range(60), seed)
    assert len(found) <= 4, "\n".join(found)


def test_the_graphs_are_worth_the_test():
    """Most goals can be reached, by more than one way, and the chances are not all near 0 or 1."""
    chances = []
    for number in range(60):
        made = random_graph(number)
        assert 3 <= len(made.privileges) <= 10
        chances += chances_by(made, [made.privileges[-1]], [1.5])
    assert sum(0.05 < chance < 0.95 for chance in chances) >= 30
    assert max(len(random_graph(number).edges) for number in range(60)) >= 20


def test_the_chain_agrees_with_closed_forms():
    one = chances_by(graph(("in", "out", 2.0)), ["out"], [3.0])[0]
    assert one == pytest.approx(1 - math.exp(-1.5), abs=1e-12)
    race = chances_by(graph(("in", "out", 2.0), ("in", "out", 3.0)), ["out"], [1.0])[0]
    assert race == pytest.approx(1 - math.exp(-(1 / 2 + 1 / 3)), abs=1e-12)
    chain = chances_by(graph(("in", "a", 1.0), ("a", "out", 2.0)), ["out"], [1.7])[0]
    # The sum of two exponential times of rates 1 and 1/2.
    assert chain == pytest.approx(1 - (2 * math.exp(-1.7 / 2) - math.exp(-1.7)), abs=1e-12)


def test_two_ways_that_share_a_step_are_not_independent():
    made = graph(("in", "a", 1.0), ("a", "b", 1.0), ("a", "c", 1.0), ("b", "out", 1.0), ("c", "out", 1.0))
    exact = chances_by(made, ["out"], [2.0])[0]
    alone = chances_by(graph(("in", "a", 1.0), ("a", "b", 1.0), ("b", "out", 1.0)), ["out"], [2.0])[0]
    assert exact < 1 - (1 - alone) ** 2 - 0.02
    arrivals = racing_arrivals(made, Streams(5).stream(TECHNIQUE_TIMES), 100_000)["out"]
    assert float((arrivals <= 2.0).mean()) == pytest.approx(exact, abs=0.005)


def test_several_goals_are_one():
    made = graph(("in", "a", 1.0), ("in", "b", 2.0), ("a", "b", 1.0))
    assert chances_by(made, ["a", "b"], [1.0])[0] == pytest.approx(1 - math.exp(-1.5), abs=1e-12)
    assert chances_by(made, ["in"], [0.0]) == [1.0]


def test_what_takes_no_time_is_owned_at_once():
    made = graph(("in", "a", 0.0), ("a", "out", 2.0), ("out", "more", 0.0))
    assert chances_by(made, ["more"], [2.0])[0] == pytest.approx(1 - math.exp(-1), abs=1e-12)
    arrivals = racing_arrivals(made, Streams(1).stream(TECHNIQUE_TIMES), 100)
    assert np.array_equal(arrivals["out"], arrivals["more"])
    assert not arrivals["a"].any()


def test_rates_of_many_sizes_lose_nothing():
    """A minute beside ten years: the matrix has entries ten million apart."""
    year_s = 365 * 86400.0
    made = graph(("in", "a", 60.0), ("a", "b", 10 * year_s), ("b", "out", 60.0))
    exact = chances_by(made, ["out"], [year_s])[0]
    assert exact == pytest.approx(1 - math.exp(-0.1), rel=1e-5)


def test_a_goal_out_of_reach_is_never_owned():
    made = AttackGraph(("in", "out"), ("in",), ())
    assert chances_by(made, ["out"], [1.0, 1e9]) == [0.0, 0.0]
    assert np.isinf(racing_arrivals(made, Streams(1).stream(TECHNIQUE_TIMES), 3)["out"]).all()


def test_another_law_has_no_closed_form():
    made = AttackGraph(("in", "out"), ("in",), (Edge("a", "slow-one", "in", "out", Lognormal(1.0, 1.0)),))
    with pytest.raises(NotExponentialError, match="slow-one"):
        chances_by(made, ["out"], [1.0])


def test_a_greedy_attacker_does_one_thing_after_another_on_the_shortest_way():
    made = graph(("in", "a", 3.0), ("in", "a", 1.0), ("a", "out", 2.0), ("a", "out", 5.0), ("in", "out", 4.0))
    arrivals = greedy_arrivals(made, ["out"], Streams(1).stream(TECHNIQUE_TIMES), 100_000)["out"]
    exact = 1 - (2 * math.exp(-1.7 / 2) - math.exp(-1.7))
    assert float((arrivals <= 1.7).mean()) == pytest.approx(exact, abs=0.005)
    racing = racing_arrivals(made, Streams(1).stream(TECHNIQUE_TIMES), 100_000)["out"]
    assert (racing <= arrivals).all()


def test_a_factor_stretches_any_law():
    """Of a lognormal time with factor 3 the median is three times its own, walk by walk."""
    plain, slowed = (
        AttackGraph(("in", "out"), ("in",), (Edge("a", "a", "in", "out", Lognormal(2.0, 1.0), factor),))
        for factor in (1.0, 3.0)
    )
    stream = Streams(1).stream(TECHNIQUE_TIMES)
    before, after = (racing_arrivals(made, stream, 20_000)["out"] for made in (plain, slowed))
    assert after == pytest.approx(3 * before)
    assert float(np.median(after)) == pytest.approx(6.0, rel=0.03)
    assert np.array_equal(greedy_arrivals(slowed, ["out"], stream, 20_000)["out"], after)
