"""Taints and tolerations: who tolerates what, for how long, and who may be scheduled where."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.constants import constants_for
from models.api.taints import (
    NO_EXECUTE,
    NOT_READY,
    UNREACHABLE,
    UNSCHEDULABLE,
    Taint,
    Toleration,
    tolerates,
)
from models.control.tolerations import admitted_tolerations, eviction_delay, eviction_time, schedulable

GPU = Taint("gpu", "NoExecute", "yes")
DEAD = Taint(UNREACHABLE, "NoExecute")
DEFAULTS = admitted_tolerations((), 300, 300)


@pytest.mark.parametrize(
    ("toleration", "found"),
    [
        (Toleration("gpu", value="yes"), True),
        (Toleration("gpu", value="no"), False),
        (Toleration("gpu"), False),
        (Toleration("gpu", "Exists"), True),
        (Toleration("gpu", "Exists", effect="NoExecute"), True),
        (Toleration("gpu", "Exists", effect="NoSchedule"), False),
        (Toleration("cpu", "Exists"), False),
        (Toleration(operator="Exists"), True),
        (Toleration(operator="Exists", effect="NoSchedule"), False),
        (Toleration(value="yes"), True),
        (Toleration("gpu", value="yes", seconds=0), True),
    ],
)
def test_who_tolerates_what(toleration: Toleration, found: bool) -> None:
    assert tolerates(toleration, GPU) is found


def test_admission_adds_what_the_pod_does_not_say_itself() -> None:
    default_s = constants_for("1.20", {})["default_toleration_s"]
    assert admitted_tolerations((), default_s, default_s) == (
        Toleration(NOT_READY, "Exists", effect="NoExecute", seconds=300),
        Toleration(UNREACHABLE, "Exists", effect="NoExecute", seconds=300),
    )
    own = Toleration(UNREACHABLE, "Exists", effect="NoExecute", seconds=10)
    assert [t.seconds for t in admitted_tolerations((own,), 300, 200)] == [10, 300]
    assert admitted_tolerations((Toleration(operator="Exists"),), 300, 300) == (
        Toleration(operator="Exists"),
    )
    other = Toleration(NOT_READY, "Exists", effect="NoSchedule")
    assert len(admitted_tolerations((other,), 300, 300)) == 3
    assert len(admitted_tolerations((Toleration(NOT_READY, "Exists"),), 300, 300)) == 2


def test_how_long_a_pod_may_stay() -> None:
    assert eviction_delay((), DEFAULTS) is None
    assert eviction_delay((Taint("gpu", "NoSchedule"), Taint("x", "PreferNoSchedule")), ()) is None
    assert eviction_delay((DEAD,), DEFAULTS) == 300
    assert eviction_delay((DEAD, GPU), DEFAULTS) == 0
    assert eviction_delay((DEAD,), (Toleration(operator="Exists"),)) == math.inf
    assert eviction_delay((DEAD, GPU), (Toleration("gpu", "Exists", seconds=60), *DEFAULTS)) == 60
    assert eviction_delay((DEAD, GPU), (Toleration("gpu", "Exists"), *DEFAULTS)) == 300
    assert eviction_delay((DEAD,), (Toleration(UNREACHABLE, "Exists", seconds=-5),)) == 0
    first, second = Toleration("gpu", "Exists", seconds=60), Toleration("gpu", "Exists", seconds=5)
    assert eviction_delay((GPU,), (first, second)) == 60, "the first one applies"
    assert eviction_delay((GPU,), (second, first)) == 5


def test_a_plan_of_eviction_stands_until_the_taints_are_gone() -> None:
    plan = eviction_time(300.0, 100.0, None)
    assert plan == (100.0, 400.0)
    assert eviction_time(300.0, 250.0, plan) == plan, "unreachable after not-ready does not begin anew"
    assert eviction_time(20.0, 250.0, plan) == plan
    assert eviction_time(math.inf, 250.0, plan) == plan
    assert eviction_time(math.inf, 250.0, None) is None
    assert eviction_time(0.0, 250.0, plan) == (250.0, 250.0)
    assert eviction_time(None, 250.0, plan) is None


def test_where_a_pod_may_be_scheduled() -> None:
    assert schedulable((), ())
    assert schedulable((Taint("x", "PreferNoSchedule"),), ())
    assert not schedulable((Taint("x", "NoSchedule"),), ())
    assert not schedulable((GPU,), ())
    assert schedulable((GPU,), (Toleration("gpu", value="yes", seconds=1),))
    assert not schedulable((Taint(UNREACHABLE, "NoSchedule"), DEAD), DEFAULTS), "borne, not sought"
    assert not schedulable((), DEFAULTS, unschedulable=True)
    assert schedulable((), (Toleration(UNSCHEDULABLE, "Exists", effect="NoSchedule"),), unschedulable=True)
    assert schedulable((), (Toleration(operator="Exists"),), unschedulable=True)


def test_taints_read_as_they_are_written() -> None:
    assert [str(GPU), str(DEAD)] == ["gpu=yes:NoExecute", "node.kubernetes.io/unreachable:NoExecute"]


EFFECTS = st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"])
TAINTS = st.lists(st.builds(Taint, st.sampled_from("ab"), EFFECTS, st.sampled_from(["", "v"])), max_size=4)
TOLERATIONS = st.lists(
    st.builds(
        Toleration,
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(["Equal", "Exists"]),
        st.sampled_from(["", "v"]),
        st.sampled_from(["", "NoSchedule", "NoExecute"]),
        st.sampled_from([None, 0, 10, 20]),
    ),
    max_size=4,
)


@given(TAINTS, TOLERATIONS)
def test_eviction_by_the_taints_one_by_one(taints: list[Taint], tolerations: list[Toleration]) -> None:
    delays = []
    for taint in taints:
        if taint.effect == NO_EXECUTE:
            seconds = [t.seconds for t in tolerations if tolerates(t, taint)][:1]
            delays.append(0 if not seconds else math.inf if seconds[0] is None else seconds[0])
    assert eviction_delay(taints, tolerations) == (min(delays) if delays else None)
    keeps = [t for t in taints if t.effect != "PreferNoSchedule"]
    borne = all(any(tolerates(toleration, taint) for toleration in tolerations) for taint in keeps)
    assert schedulable(taints, tolerations) == borne
    everything = [*tolerations, Toleration(operator="Exists")]
    assert schedulable(taints, everything, unschedulable=True)
    assert eviction_delay(taints, everything) != 0 or eviction_delay(taints, tolerations) == 0
