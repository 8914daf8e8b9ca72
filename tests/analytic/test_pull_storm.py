"""Hundreds of minions that pull through one registry, against closed forms of processor sharing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.kernel.fairshare import FairShare, Port
from tests.support.worlds import ran, records

MINIONS = 500


def ends(share: FairShare) -> list[float]:
    found = []
    while share.next_end_s < math.inf:
        now_s = share.next_end_s
        found += [now_s] * len(share.take_ended(now_s))
    return found


def test_all_at_once_end_as_the_sorted_sizes_say() -> None:
    """T(i) = sum over j <= i of (s(j) - s(j-1)) (n - j + 1) / C."""
    sizes = np.array([1e6 * (1 + (i * 7919) % 4999) for i in range(MINIONS)])
    capacity = 1.25e9
    share = FairShare(capacity)
    for size in sizes:
        share.join(0.0, Port(), float(size))
    steps = np.diff(np.sort(sizes), prepend=0.0)
    wanted = np.cumsum(steps * np.arange(MINIONS, 0, -1)) / capacity
    assert np.array(ends(share)) == pytest.approx(wanted, rel=1e-9)


def test_equal_pulls_one_after_the_other_end_in_turn() -> None:
    """Equal sizes, arrivals at a steady rate: the level falls as 1/n, and while all are in, ends are d apart too.

    The i-th of n that come d apart has left, when the last has come, s less C d (H(n - 1) - H(i)), with H the harmonic
    numbers; from then on they are as above.
    """
    capacity, size, apart = 1e9, 5e9, 1e-3
    share = FairShare(capacity)
    for i in range(MINIONS):
        assert share.next_end_s > i * apart, "none ends while they come"
        share.join(i * apart, Port(), size)
    harmonic = np.concatenate(([0.0], np.cumsum(1.0 / np.arange(1, MINIONS))))
    left = size - capacity * apart * (harmonic[MINIONS - 1] - harmonic[np.arange(MINIONS)])
    steps = np.diff(left, prepend=0.0)
    last_came = (MINIONS - 1) * apart
    wanted = last_came + np.cumsum(steps * np.arange(MINIONS, 0, -1)) / capacity
    assert np.array(ends(share)) == pytest.approx(wanted, rel=1e-9)


def test_links_of_their_own_bind_first() -> None:
    """100 behind 1 MB/s, 400 behind nothing, 1,000 MB/s in all: 900 MB/s are shared by the 400 until they are done."""
    share = FairShare(1e9)
    for _ in range(100):
        share.join(0.0, Port(1e6), 100e6)
    for _ in range(400):
        share.join(0.0, Port(), 90e6)
    found = ends(share)
    assert found[:400] == pytest.approx([40.0] * 400, rel=1e-9)
    assert found[400:] == pytest.approx([100.0] * 100, rel=1e-9)


def test_layers_side_by_side_share_their_minions_link() -> None:
    """Three layers of 1, 2 and 3 MB over a link of 1 MB/s: after 3, 5 and 6 s, however wide the registry's is."""
    share = FairShare(1e9)
    for port in [Port(1e6) for _ in range(MINIONS)]:
        for size in (1e6, 2e6, 3e6):
            share.join(0.0, port, size)
    found = np.array(ends(share))
    assert found == pytest.approx(np.repeat([3.0, 5.0, 6.0], MINIONS), rel=1e-9)


STORM = """
until: 1h
cluster: {minions: [{name: node, count: 500, cpu: 4, memory: 16Gi}]}
master: {clients: {all: {qps: 1000, burst: 100}}}
images: [{name: "a:1", layers: [{name: base, size: 60M}, {name: lib, size: 180M}, {name: app, size: 20M}]}]
registry: {bandwidth: 1.25G/s, perMinion: 40M/s, latency: 500ms}
controllers: [{name: a, replicas: 500, pod: {containers: [{name: a, image: "a:1", cpu: 3}]}}]
"""


def test_a_storm_of_a_whole_cluster_is_that_of_exact_sharing() -> None:
    """500 pulls of three layers that begin over some seconds, so that minions' links bind first and the registry's later.

    The reference steps from event to event over all layers: rates by raising all of them together until a link is full.
    """
    world = ran(STORM)
    asked = {row["minion"]: row["time_s"] for row in records(world, "image_pulling")}
    pulled = {row["minion"]: row["time_s"] for row in records(world, "image_pulled")}
    assert len(asked) == len(pulled) == MINIONS
    minions = sorted(asked)
    begin = np.repeat([asked[name] + 0.5 for name in minions], 3)
    owner = np.repeat(np.arange(MINIONS), 3)
    left = np.tile([60e6, 180e6, 20e6], MINIONS)
    end = np.full(len(left), np.nan)
    now = 0.0
    while np.isnan(end).any():
        here = (begin <= now) & np.isnan(end)
        rate = np.zeros(len(left))
        beside = np.bincount(owner[here], minlength=MINIONS)
        if here.any():
            bound = 40e6 / beside[owner[here]]
            room, share = 1.25e9, np.zeros(len(bound))
            open_ = np.ones(len(bound), dtype=bool)
            while open_.any():
                level = (room - share[~open_].sum()) / open_.sum()
                full = open_ & (bound <= level)
                if not full.any():
                    share[open_] = level
                    break
                share[full] = bound[full]
                open_ &= ~full
            rate[here] = share
        due = now + np.min(left[here] / rate[here]) if here.any() else math.inf
        following = min(due, begin[begin > now].min(initial=math.inf))
        left[here] -= rate[here] * (following - now)
        now = following
        ended = here & (left <= 1e-3)
        end[ended] = now
    wanted = np.array([end[owner == place].max() for place in range(MINIONS)])
    found = np.array([pulled[name] for name in minions])
    error = float(np.max(np.abs(found / wanted - 1)))
    assert error < 1e-9
    assert found.max() - found.min() > 1.0, "they do not all end together"
    assert found.min() - min(asked.values()) > 6.0, "links bind"
