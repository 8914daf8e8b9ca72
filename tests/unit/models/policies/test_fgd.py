"""Fragmentation and its descent: small cases by hand, the definition pod by pod, what must hold for all."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.expected import ExpectedPod
from models.api.fragmentation import Fragmentation, typical_pods
from models.api.protocols import DeviceChooser
from models.api.types import GpuDevices, GpuRequest, MinionAsk, ResourceTable
from models.cluster.belief import Belief
from models.policies.fgd import FragmentationGradientDescent
from models.workloads.templates import TemplateTable
from tests.support.worlds import GIB, ran, records

HALF = ExpectedPod(2000, GpuRequest(1, 500), 6)
TWO = ExpectedPod(8000, GpuRequest(2), 3)
NO_GPU = ExpectedPod(500, None, 1)
TYPICAL = [HALF, TWO, NO_GPU]


def amount(typical: list[ExpectedPod], cpu: int, left: list[int], model: str = "") -> float:
    measure = Fragmentation(typical, [model])
    return float(measure.amount(np.array([0]), np.array([cpu]), np.array([left]))[0])


def test_fragmentation_by_hand() -> None:
    # HALF fits twice over and cannot use the 300; TWO has one whole device only; NO_GPU uses none.
    assert amount(TYPICAL, 10_000, [1000, 700, 300]) == pytest.approx(0.6 * 300 + 0.4 * 2000, abs=1e-5)
    # Too little cpu for HALF too: all that is idle is fragment.
    assert amount(TYPICAL, 1999, [1000, 700, 300]) == 2000
    assert amount(TYPICAL, 2000, [1000, 1000]) == pytest.approx(0.4 * 2000, abs=1e-5)
    assert amount(TYPICAL, 8000, [1000, 1000]) == pytest.approx(0.1 * 2000, abs=1e-5)
    assert amount(TYPICAL, 8000, [0, 0]) == 0
    assert amount([], 8000, [1000, 250]) == 1250


def test_a_pod_of_another_model_can_use_nothing() -> None:
    choosy = [ExpectedPod(0, GpuRequest(1, 500, ("T4", "V100")), 1)]
    assert amount(choosy, 1000, [1000], "T4") == 0
    assert amount(choosy, 1000, [1000], "A10") == 1000
    assert amount(choosy, 1000, [1000]) == 1000


def test_typical_are_the_most_frequent_ten_at_a_time() -> None:
    kinds = [ExpectedPod(100 * n, None, 30 - n) for n in range(30)]
    assert [pod.cpu_millicores for pod in typical_pods(kinds, 0.5)] == [100 * n for n in range(10)]
    assert len(typical_pods(kinds, 0.6)) == 20
    assert len(typical_pods(kinds, 1.0)) == 30
    assert typical_pods([], 0.95) == []
    twice = [ExpectedPod(100, GpuRequest(1), 2), ExpectedPod(7, None, 3), ExpectedPod(100, GpuRequest(1), 2)]
    assert typical_pods(twice, 1.0) == [ExpectedPod(100, GpuRequest(1), 4), ExpectedPod(7, None, 3)]


def belief_of(
    *minions: tuple[int, int], expected: list[ExpectedPod] = TYPICAL
) -> tuple[Belief, TemplateTable]:
    table = ResourceTable()
    asks = [
        MinionAsk(f"m-{i}", "m", i, cpu, 1024 * GIB, 110, GIB, gpu=GpuDevices(gpus))
        for i, (cpu, gpus) in enumerate(minions)
    ]
    return Belief(asks, table, lambda: expected), TemplateTable(table)


def scores(policy: Any, belief: Belief, template: Any) -> list[float]:
    found: list[float] = policy.scorer(belief, template)(np.arange(len(belief))).tolist()
    return found


def test_a_fraction_goes_to_the_device_whose_rest_is_used() -> None:
    belief, table = belief_of((10_000, 3))
    belief.place(table.intern(0, 0, gpu=GpuRequest(1, 300)), 0, (1,), -1)
    belief.place(table.intern(0, 0, gpu=GpuRequest(1, 700)), 0, (2,), -1)
    # left 1000, 700, 300; F = 980. Of the 300: F = 680; of the 700: 420 + 680; of the 1000: 180 + 680.
    template, policy = table.intern(1000, 0, gpu=GpuRequest(1, 300)), FragmentationGradientDescent(levels=0)
    by_device = policy._by_device(belief, np.array([0]), template)[0]
    assert by_device == pytest.approx([1 / (1 + np.exp(-d / 1000)) for d in (120, -120, 300)], abs=1e-7)
    assert policy.device_for(belief, template, 0) == 2
    assert scores(FragmentationGradientDescent(), belief, template) == [57]
    # With 1,000 millicores left nobody can use what is left: F = 1,700 whichever device it is.
    hungry = table.intern(9000, 0, gpu=GpuRequest(1, 300))
    by_device = policy._by_device(belief, np.array([0]), hungry)[0]
    assert by_device == pytest.approx([1 / (1 + np.exp(0.72))] * 3, abs=1e-7)
    assert policy.device_for(belief, hungry, 0) == 0
    # What does not fit is no choice: with 500 asked the 300 is out.
    large = table.intern(1000, 0, gpu=GpuRequest(1, 500))
    assert np.isneginf(policy._by_device(belief, np.array([0]), large)[0]).tolist() == [False, False, True]


def test_whole_devices_and_none() -> None:
    belief, table = belief_of((10_000, 2), (10_000, 4), (9000, 0))
    policy = FragmentationGradientDescent()
    # Two of two: F 200 -> 0. Two of four: F 400 -> 0.4 * 2000, as TWO's cpu is gone.
    two = table.intern(8000, 0, gpu=GpuRequest(2))
    assert scores(policy, belief, two)[:2] == [int(100 / (1 + np.exp(-0.2))), int(100 / (1 + np.exp(0.4)))]
    # cpu alone: TWO cannot use 2 of 2 any more: F 200 -> 800; nor 4 of 4: 400 -> 1600; no GPU: 0 -> 0.
    assert scores(policy, belief, table.intern(2001, 0)) == [
        int(100 / (1 + np.exp(0.6))), int(100 / (1 + np.exp(1.2))), 50,
    ]  # fmt: skip
    assert scores(policy, belief, table.intern(2000, 0)) == [50, 50, 50]


LEFT = st.lists(st.integers(0, 1000), min_size=1, max_size=8)
REQUESTS = st.one_of(
    st.none(),
    st.builds(GpuRequest, st.integers(1, 4), st.just(1000), st.sampled_from([(), ("T4",), ("A10", "T4")])),
    st.builds(GpuRequest, st.just(1), st.integers(1, 999), st.sampled_from([(), ("A10",)])),
)
PODS = st.lists(
    st.builds(ExpectedPod, st.integers(0, 8000), REQUESTS, st.integers(1, 50)), min_size=1, max_size=25
)
MODELS = st.sampled_from(["", "T4", "A10"])


def defined(typical: list[ExpectedPod], cpu: int, left: list[int], model: str) -> Fraction:
    """The definition, pod by pod and device by device."""
    total, summed = sum(int(pod.count) for pod in typical), Fraction(0)
    for pod in typical:
        gpu = pod.gpu
        share = Fraction(int(pod.count), total)
        if (
            gpu is None
            or (gpu.models and model not in gpu.models)
            or cpu < pod.cpu_millicores
            or sum(each >= gpu.milli for each in left) < gpu.count
        ):
            summed += share * sum(left)
        else:
            summed += share * sum(each for each in left if each < gpu.milli)
    return summed


@given(PODS, st.integers(0, 9000), LEFT, MODELS)
def test_fragmentation_is_as_defined(typical: Any, cpu: int, left: Any, model: str) -> None:
    found = amount(typical, cpu, left, model)
    assert found == pytest.approx(float(defined(typical, cpu, left, model)), abs=1e-4)
    assert -1e-4 <= found <= sum(left)


@given(PODS, st.integers(0, 9000), LEFT, MODELS, st.integers(0, 3000), st.data())
def test_more_room_is_never_less_use(
    typical: Any, cpu: int, left: Any, model: str, more: int, data: Any
) -> None:
    measure = Fragmentation(typical, [model])

    def usable(millicores: int, devices: list[int]) -> float:
        looked = measure.devices(np.array([devices]))
        return float(measure.usable(np.array([0]), np.array([millicores]), looked)[0])

    now = usable(cpu, left)
    assert usable(cpu + more, left) >= now
    device = data.draw(st.integers(0, len(left) - 1))
    freed = [*left[:device], data.draw(st.integers(left[device], 1000)), *left[device + 1 :]]
    assert usable(cpu, freed) >= now
    assert usable(cpu, left[::-1]) == now


@given(PODS, st.integers(0, 9000), LEFT, MODELS, st.integers(1, 999))
def test_what_is_left_after_a_pod_is_as_if_looked_at_anew(
    typical: Any, cpu: int, left: Any, model: str, milli: int
) -> None:
    measure, before = Fragmentation(typical, [model]), np.array([left])
    found = measure.devices(before)
    less = measure.with_less(before, found, milli)
    for device, has in enumerate(left):
        if has >= milli:
            after = before.copy()
            after[0, device] -= milli
            anew = measure.devices(after)
            np.testing.assert_array_equal(less.enough[0, device], anew.enough[0])
            np.testing.assert_array_equal(less.left[0, device], anew.left[0])
    whole = np.flatnonzero(before[0] == 1000)
    for count in range(1, whole.size + 1):
        after = before.copy()
        after[0, whole[:count]] = 0
        anew, known = measure.devices(after), measure.without(found, count)
        np.testing.assert_array_equal(known.enough, anew.enough)
        np.testing.assert_array_equal(known.left, anew.left)


SCENARIO = """
until: 1h
cluster: {minions: [{name: a, count: 2, cpu: 8, memory: 8Gi, gpu: {count: 2}}]}
workloads:
  - {name: small, arrivals: {at: 1s}, count: 2, duration: 1h, pod: {cpu: 1, memory: 1Gi, gpu: 0.4}}
  - {name: big, arrivals: {at: 2s}, count: 3, duration: 1h, pod: {cpu: 1, memory: 1Gi, gpu: 0.6}}
policy: {scheduler: fgd}
"""


def test_a_run_is_decided_by_it() -> None:
    world = ran(SCENARIO)
    assert isinstance(world.plan.policy, DeviceChooser)
    bound = {row["object"].rsplit("/", 1)[1]: row["minion"] for row in records(world, "pod_bound")}
    assert len(bound) == 5
    left = sorted(world.belief.gpu_left_milli[:].ravel().tolist())
    # 0.4 with 0.6 twice, and 0.6 alone: one device stays whole.
    assert left == [0, 0, 400, 1000]
