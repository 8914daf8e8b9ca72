"""Minions that are down when the run begins: known to the master as they would be by then, or not yet."""

from __future__ import annotations

import numpy as np
import pytest

from models.world import World
from sim.distributions import Constant
from tests.support.worlds import ran, records

TEXT = """
until: {until}
seed: {seed}
cluster: {{minions: [{{name: m, count: {minions}, cpu: 4, memory: 8Gi, domains: {{zone: [a, b]}}}}]}}
controllers: [{{name: web, replicas: {pods}, pod: {{cpu: 1, memory: 64Mi}}}}]
master: {{timing: kubernetes, clients: {{lifecycle: {{qps: 10000, burst: 10000}}}}}}
policy: {{scheduler: worst-fit}}
faults: [{{name: c, crash: {{minions: all}}, timeToFailure: {failure}, repair: {repair}}}]
"""


def world(
    minions: int = 200,
    failure: str = "100h",
    repair: str = "50h",
    until: str = "1s",
    seed: int = 1,
    pods: int = 20,
) -> World:
    return ran(
        TEXT.format(until=until, seed=seed, minions=minions, failure=failure, repair=repair, pods=pods)
    )


def names(found: World, kind: str, until_s: float = 0.0) -> set[str]:
    return {row["object"] for row in records(found, kind) if row["time_s"] <= until_s}


def test_they_begin_unknown_with_both_taints_and_without_pods() -> None:
    found = world()
    down = names(found, "minion_crashed")
    assert 40 < len(down) < 100
    unknown = [row for row in records(found, "minion_condition") if row["time_s"] == 0]
    assert {row["object"] for row in unknown} == down
    assert {row["reason"] for row in unknown} == {"Unknown"}
    for row in records(found, "minion_tainted"):
        assert row["time_s"] == 0
        assert row["reason"] == (
            "node.kubernetes.io/unreachable:NoExecute node.kubernetes.io/unreachable:NoSchedule"
        )
    assert names(found, "minion_tainted") == down
    bound = records(found, "pod_bound")
    assert len(bound) == 20
    assert not {row["minion"] for row in bound} & down


def test_nobody_is_evicted_for_them_and_they_are_clean_when_back() -> None:
    found = world(minions=60, failure="60h", repair="20h", until="2h", pods=30)
    down, back = names(found, "minion_crashed"), names(found, "minion_repaired", 7000.0)
    again = {row["object"] for row in records(found, "minion_crashed") if row["time_s"] > 0}
    first = down & back - again
    assert first
    assert not {row["minion"] for row in records(found, "pod_terminating")} & (down - again)
    latest = {row["object"]: row["reason"] for row in records(found, "minion_tainted")}
    assert {latest[minion] for minion in first} == {""}
    touched = {row["object"] for row in records(found, "minion_tainted") if row["time_s"] > 0}
    assert not (down - names(found, "minion_repaired", 7200.0)) & touched


def test_an_outage_younger_than_the_grace_is_unnoticed_yet() -> None:
    """Outages of 80 s, so half of those that go on are younger than 40 s; notice comes at 30 to 45 s of age."""
    found = world(minions=400, failure="80s", repair="80s", until="60s", pods=1)
    down = names(found, "minion_crashed")
    known = names(found, "minion_condition")
    left_s = {row["object"]: row["value"] for row in records(found, "minion_crashed") if row["time_s"] == 0}
    assert len(down) > 100
    for minion in down:
        age_s = 80.0 - left_s[minion]
        if age_s > 45.1:
            assert minion in known
        if age_s < 30:
            assert minion not in known
    # Those that are not back by then are noticed in time: 30 to 45 s from when they fell silent.
    noticed = {
        row["object"]: row["time_s"]
        for row in records(found, "minion_condition")
        if row["value"] == 0 and row["time_s"] > 0
    }
    first = {minion: noticed[minion] + 80.0 - left_s[minion] for minion in down - known if minion in noticed}
    assert len(first) > 30
    assert all(30 < age_s < 46 for age_s in first.values()), sorted(first.values())


def test_where_all_are_down_nobody_has_the_taint_that_evicts() -> None:
    found = ran(
        """
until: 1s
seed: 1
cluster: {minions: [{name: m, count: 3, cpu: 4, memory: 8Gi, ready: false}]}
controllers: [{name: web, replicas: 1, pod: {cpu: 1, memory: 64Mi}}]
master: {timing: kubernetes}
"""
    )
    assert {row["reason"] for row in records(found, "minion_tainted")} == {
        "node.kubernetes.io/unreachable:NoSchedule"
    }
    assert len(names(found, "minion_condition")) == 3


def test_two_faults_that_would_both_begin_do_so_once() -> None:
    text = TEXT.format(until="1s", seed=1, minions=50, failure="1h", repair="100h", pods=1)
    second = "\n      - {name: d, crash: {minions: all}, timeToFailure: 1h, repair: 100h}"
    found = ran(text.replace("faults: [", "faults:\n      - ").rstrip().removesuffix("]") + second)
    rows = [row for row in records(found, "minion_crashed") if row["time_s"] == 0]
    assert len(rows) == len({row["object"] for row in rows}) > 40


@pytest.mark.parametrize("seed", [1, 2])
def test_with_many_deaths_a_day_the_wait_for_the_taint_is_what_the_rate_implies(seed: int) -> None:
    """1,000 minions and some 100 deaths a day: one at a time as good as always, so each finds a token.

    After Unknown the next pass, 5.003 s later and what the passes wrote, asks; a poll finds it within 0.1 s; two calls.
    """
    found = world(minions=1000, failure="240h", repair="20h", until="24h", seed=seed, pods=1)
    noticed, waits_s = dict[str, float](), []
    for row in records(found, "minion_condition", "minion_tainted"):
        if row["time_s"] == 0:
            continue
        if row["kind"] == "minion_condition" and row["value"] == 0:
            noticed[row["object"]] = row["time_s"]
        elif "NoExecute" in (row["reason"] or "") and row["object"] in noticed:
            waits_s.append(row["time_s"] - noticed.pop(row["object"]))
    assert len(waits_s) > 70
    # M/D/1: load 1.2%, 0.06 s in the mean over what is fixed.
    print(f"{len(waits_s)} deaths: mean wait {np.mean(waits_s):.2f} s, longest {max(waits_s):.2f} s")
    assert 5.0 < np.mean(waits_s) < 5.6
    assert max(waits_s) < 26


def test_age_and_what_remains_are_parts_of_one_outage() -> None:
    law = Constant(80.0)
    assert law.age(0.3, 0.25) + law.residual(0.3, 0.25) == 80.0
