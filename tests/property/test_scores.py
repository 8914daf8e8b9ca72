"""Cached scores are what a fresh computation gives, to the last bit, for whatever changes in whatever order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models.cluster.belief
from models.api.expected import ExpectedPod
from models.api.linear import LinearScore
from models.api.selectors import parse_selector
from models.api.types import GpuDevices, GpuRequest, MinionAsk, PodTemplate, ResourceTable
from models.cluster.belief import Belief
from models.policies.fgd import FragmentationGradientDescent
from models.policies.first_fit import FirstFit
from models.policies.packing import BestFit, DotProduct, WorstFit
from models.workloads.templates import TemplateTable

MIB = 1 << 20


@dataclass(frozen=True)
class Opaque:
    """A policy whose scores are a function of its own."""

    ties: str = "first"
    device: str = "least"

    def scorer(self, view: Any, template: PodTemplate) -> Any:
        """Some function that is not linear."""
        return lambda rows: np.sqrt(view.free[rows, 0] + template.need[0])


@dataclass(frozen=True)
class Mixed:
    """Linear for one half of the classes, truncated for half of those."""

    ties: str = "first"
    device: str = "least"

    def scorer(self, view: Any, template: PodTemplate) -> Any:
        """By the number of the template."""
        kind = template.index % 4
        policies = (Opaque(), BestFit(), WorstFit(levels=0), DotProduct(levels=0))
        return policies[kind].scorer(view, template)


POLICIES = [
    FirstFit(), BestFit(), BestFit(levels=0), WorstFit(), DotProduct(), DotProduct(levels=0), Opaque(), Mixed(),
    FragmentationGradientDescent(), FragmentationGradientDescent(levels=0, popularity=1.0),
]  # fmt: skip
EXPECTED = [
    ExpectedPod(500, GpuRequest(1, 300), 5), ExpectedPod(1000, GpuRequest(2), 3), ExpectedPod(100, None, 2)
]  # fmt: skip
GPUS = st.one_of(st.none(), st.builds(GpuRequest, st.just(1), st.integers(1, 1000)), st.just(GpuRequest(2)))
CLASSES = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 8), GPUS, st.sampled_from([None, "tier=web"])),
    min_size=1,
    max_size=150,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "return", "ready", "ask"]), st.integers(0, 10**6), st.integers(1, 12)
    ),
    max_size=60,
)


def made(minions: int) -> tuple[Belief, TemplateTable]:
    table = ResourceTable()
    asks = [
        MinionAsk(
            f"m-{i}", "m", i, 1000 * (1 + i % 4), (4 + i % 3) * MIB, 5, 0,
            gpu=GpuDevices(i % 3), labels={"tier": "web" if i % 2 else "db"}, ready=i % 7 != 0,
        )
        for i in range(minions)
    ]  # fmt: skip
    return Belief(asks, table, lambda: EXPECTED), TemplateTable(table)


def fresh(belief: Belief, template: PodTemplate, policy: Any) -> Any:
    scores = np.full(len(belief), -np.inf)
    rows = np.flatnonzero(belief.fits(template))
    if rows.size:
        scores[rows] = policy.scorer(belief, template)(rows)
    return scores


def check(belief: Belief, template: PodTemplate, policy: Any) -> int:
    row, expected = belief.row(template, policy), fresh(belief, template, policy)
    np.testing.assert_array_equal(row.scores, expected)
    best = row.best()
    assert best == (-1 if expected.max() == -np.inf else int(expected.argmax()))
    return best


@pytest.mark.parametrize("cached", [4096, 3])
@given(CLASSES, STEPS, st.sampled_from(POLICIES), st.sampled_from([1, 5, 40]))
def test_scores_and_best_are_those_of_a_fresh_look(
    cached: int, classes: Any, steps: Any, policy: Any, minions: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.cluster.belief, "_CACHED_CLASSES", cached)
        belief, table = made(minions)
        templates = [
            table.intern(cpu, mib * MIB, gpu=gpu, minions=None if where is None else parse_selector(where))
            for cpu, mib, gpu, where in classes
        ]
        placed: list[tuple[PodTemplate, int, tuple[int, ...]]] = []
        for step, number, times in steps:
            template = templates[number % len(templates)]
            for _ in range(times):
                if step == "ready":
                    belief.set_ready(number % minions, not belief.ready[number % minions])
                elif step == "return" and placed:
                    belief.place(*placed.pop(number % len(placed)), 1)
                elif step == "place":
                    best = check(belief, template, policy)
                    if best >= 0:
                        devices = devices_of(belief, template, best)
                        belief.place(template, best, devices, -1)
                        placed.append((template, best, devices))
            if step == "ask":
                check(belief, template, policy)
        for template in templates:
            check(belief, template, policy)


def devices_of(belief: Belief, template: PodTemplate, minion: int) -> tuple[int, ...]:
    if template.gpu is None:
        return ()
    left = belief.gpu_left_milli[minion]
    return tuple(np.flatnonzero(left >= template.gpu.milli)[: template.gpu.count].tolist())


def test_more_classes_than_a_block_holds_share_no_score() -> None:
    belief, table = made(50)
    policy = DotProduct(levels=0)
    templates = [table.intern(10 * n, n * 1000) for n in range(200)]
    for template in [*templates, *reversed(templates)]:
        best = check(belief, template, policy)
        belief.place(template, best, (), -1)
        belief.set_ready(best, template.index % 5 != 0)
        if not belief.ready.any():
            belief.set_ready(0, True)
        belief.place(template, best, (), 1)
    assert len({id(row.scores.base) for row in belief._rows.values()}) == 4


def test_a_linear_score_that_is_none_is_refused() -> None:
    belief, _ = made(3)
    with pytest.raises(ValueError, match="for 5 resources"):
        LinearScore(belief, 0.0, np.zeros(2))
    with pytest.raises(ValueError, match="not finite"):
        LinearScore(belief, np.nan, np.zeros(5))
    with pytest.raises(ValueError, match="not finite"):
        LinearScore(belief, 0.0, np.full(5, np.inf))
