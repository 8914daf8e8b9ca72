"""Sharing a device: full or everybody served, nobody over a ceiling, weights kept among those who want more."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.blockio import IoFlow, bfq_weight, share_device

_RATES = st.one_of(st.just(math.inf), st.floats(0.0, 1e9))
_FLOWS = st.lists(
    st.builds(
        IoFlow,
        weight=st.floats(1.0, 10_000.0),
        demand_bytes_per_s=_RATES,
        ceiling_bytes_per_s=_RATES,
        ceiling_ops_per_s=st.one_of(st.just(math.inf), st.floats(0.0, 1e5)),
    ),
    min_size=1,
    max_size=12,
)


@given(_FLOWS, st.floats(0.0, 1e9))
def test_weighted_max_min(flows: list[IoFlow], capacity: float) -> None:
    rates = share_device(flows, capacity)
    slack = 1e-9 * (capacity + 1.0)
    assert all(0.0 <= rate <= flow.most_bytes_per_s + slack for rate, flow in zip(rates, flows, strict=True))
    assert sum(rates) == pytest.approx(min(capacity, sum(flow.most_bytes_per_s for flow in flows)), abs=slack)
    level = max(rate / flow.weight for rate, flow in zip(rates, flows, strict=True))
    for rate, flow in zip(rates, flows, strict=True):
        if rate < flow.most_bytes_per_s - slack:
            assert rate / flow.weight == pytest.approx(level, rel=1e-9, abs=slack)


@given(_FLOWS, st.floats(1.0, 1e9), st.randoms(use_true_random=False))
def test_the_order_of_flows_does_not_matter(flows: list[IoFlow], capacity: float, shuffled: object) -> None:
    order = list(range(len(flows)))
    shuffled.shuffle(order)  # type: ignore[attr-defined]
    straight = share_device(flows, capacity)
    mixed = share_device([flows[n] for n in order], capacity)
    assert [straight[n] for n in order] == pytest.approx(mixed, rel=1e-9, abs=1e-6)


def test_ceilings_by_operations_and_what_is_left_goes_on_by_weight() -> None:
    flows = [IoFlow(100, ceiling_ops_per_s=5, request_bytes=1000), IoFlow(100), IoFlow(300)]
    assert share_device(flows, 50_000) == [5_000, 11_250, 33_750]


def test_weights_of_v1() -> None:
    assert [bfq_weight(weight) for weight in (10, 1000)] == [1.0, 10_000.0]


def test_what_is_no_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="expected weights above 0, not 0"):
        share_device([IoFlow(0)], 1.0)
    with pytest.raises(ValueError, match="expected a device of at least 0 bytes a second"):
        share_device([], -1.0)
