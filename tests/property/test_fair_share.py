"""The shared link in virtual time, held against a reference in exact fractions that fills step by step."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel import fairshare
from models.kernel.fairshare import Connection, FairShare, Port

RELATIVE = 1e-9

Op = tuple[Any, ...]


@dataclass
class Reference:
    """Max-min sharing by its definition: raise all rates together, freeze those whose link is full."""

    capacity: Fraction
    links: list[Fraction | None]
    now: Fraction = Fraction(0)
    left: dict[int, tuple[int, Fraction]] = field(default_factory=dict)
    ends: dict[int, Fraction] = field(default_factory=dict)

    def rates(self) -> dict[int, Fraction]:
        rates = dict.fromkeys(self.left, Fraction(0))
        rising = set(rates)
        while rising:
            ports = [port for port, _ in self.left.values()]
            rooms = [(self.capacity - sum(rates.values())) / len(rising)]
            for port in set(ports):
                mine = [n for n in rising if self.left[n][0] == port]
                link = self.links[port]
                if mine and link is not None:
                    used = sum(rate for n, rate in rates.items() if self.left[n][0] == port)
                    rooms.append((link - used) / len(mine))
            step = min(rooms)
            for n in rising:
                rates[n] += step
            if step == rooms[0]:
                break
            full = {
                port
                for port in set(ports)
                if self.links[port] is not None
                and sum(rate for n, rate in rates.items() if self.left[n][0] == port) == self.links[port]
            }
            rising = {n for n in rising if self.left[n][0] not in full}
        return rates

    def go(self, until: Fraction | None) -> None:
        while True:
            rates = self.rates()
            dues = [
                Fraction(0) if not left else left / rates[n]
                for n, (_, left) in self.left.items()
                if rates[n] or not left
            ]
            due = min(dues, default=None)
            if due is None or (until is not None and self.now + due > until):
                break
            self.pass_by(due, rates)
        if until is not None:
            self.pass_by(until - self.now, self.rates())

    def pass_by(self, span: Fraction, rates: dict[int, Fraction]) -> None:
        self.now += span
        for n, (port, left) in list(self.left.items()):
            self.left[n] = (port, left - rates[n] * span)
            if self.left[n][1] == 0:
                self.ends[n] = self.now
                del self.left[n]


@dataclass
class Tried:
    """The link under test, driven as an engine would."""

    share: FairShare
    ports: list[Port]
    at: dict[int, Connection] = field(default_factory=dict)
    ends: dict[int, float] = field(default_factory=dict)

    def go(self, until_s: float) -> None:
        while self.share.next_end_s <= until_s and self.share.next_end_s < math.inf:
            end_s = self.share.next_end_s
            ended = self.share.take_ended(end_s)
            assert ended, "an end without a connection that ends"
            for connection in ended:
                self.ends[connection.what] = end_s
                del self.at[connection.what]


sizes = st.one_of(st.integers(0, 40), st.floats(1e-3, 1e12))
waits = st.one_of(st.just(0), st.integers(0, 5), st.floats(1e-6, 1e6))
capacities = st.one_of(st.integers(1, 20), st.floats(1e-2, 1e10))
ops = st.lists(
    st.one_of(
        st.tuples(waits, st.just("join"), st.integers(0, 4), sizes),
        st.tuples(waits, st.just("join"), st.integers(0, 4), sizes),
        st.tuples(waits, st.just("leave"), st.integers(0, 30)),
        st.tuples(waits, st.just("capacity"), st.one_of(capacities, st.just(0))),
    ),
    min_size=1,
    max_size=40,
)
links = st.lists(st.one_of(st.none(), st.integers(1, 6), capacities), min_size=5, max_size=5)


def both(capacity: float, given_links: list[float | None], plan: list[Op]) -> tuple[Reference, Tried, float]:
    exact = Reference(Fraction(capacity), [None if x is None else Fraction(x) for x in given_links])
    tried = Tried(FairShare(capacity), [Port(math.inf if x is None else x) for x in given_links])
    now_s = 0.0
    for n, (wait, word, *rest) in enumerate(plan):
        now_s += wait
        exact.go(Fraction(now_s))
        tried.go(now_s)
        if word == "join":
            port, size = rest
            exact.left[n] = (port, Fraction(size))
            tried.at[n] = tried.share.join(now_s, tried.ports[port], size, n)
        elif word == "capacity":
            exact.capacity = Fraction(rest[0])
            tried.share.set_capacity(now_s, rest[0])
        elif rest[0] in exact.left or rest[0] in tried.at:
            # One that ends at this very instant may have ended in one of the two only: then it has nothing left.
            size = plan[rest[0]][3]
            in_doubt = 1e-9 * (size + capacity * now_s)
            wanted = float(exact.left.pop(rest[0], (0, Fraction(0)))[1])
            found = tried.share.leave(now_s, tried.at.pop(rest[0])) if rest[0] in tried.at else 0.0
            assert abs(found - wanted) <= in_doubt
            exact.ends.pop(rest[0], None)
            tried.ends.pop(rest[0], None)
    exact.go(None)
    tried.go(math.inf)
    return exact, tried, now_s


@given(capacities, links, ops)
def test_ends_are_those_of_exact_sharing(
    capacity: float, given_links: list[float | None], plan: list[Op]
) -> None:
    exact, tried, _ = both(capacity, given_links, plan)
    assert set(tried.ends) == set(exact.ends)
    for n, end in exact.ends.items():
        assert tried.ends[n] == pytest.approx(float(end), rel=RELATIVE, abs=1e-12)
    assert set(tried.at) == set(exact.left)
    stuck = tried.share.next_end_s
    assert stuck == math.inf, "what is left has no rate, else it would have ended"


@given(links, ops)
def test_rates_fill_the_link_or_the_ports(given_links: list[float | None], plan: list[Op]) -> None:
    """At every moment the shared link is full, or every connection has all that its own port allows."""
    tried = Tried(FairShare(7.0), [Port(math.inf if x is None else x) for x in given_links])
    now_s = 0.0
    for n, (wait, word, *rest) in enumerate(plan):
        now_s += wait
        tried.go(now_s)
        if word == "join":
            tried.at[n] = tried.share.join(now_s, tried.ports[rest[0]], rest[1], n)
        lanes = tried.share._lanes
        assert sum(lane.count for lane in lanes) == tried.share.count == len(tried.at)
        assert [lane.bound_per_s for lane in lanes] == sorted({lane.bound_per_s for lane in lanes})
        carried = sum(lane.rate_per_s * lane.count for lane in lanes)
        if any(lane.rate_per_s < lane.bound_per_s for lane in lanes):
            assert carried == pytest.approx(7.0, rel=1e-12)
        assert carried <= 7.0 * (1 + 1e-12)


@dataclass
class Count:
    """Comparisons and calls of the heap operations of the link, counted by heaps of Python's own."""

    calls: int = 0
    compared: int = 0

    def push(self, heap: list[Any], entry: Any) -> None:
        self.calls += 1
        heap.append(entry)
        place = len(heap) - 1
        while place:
            self.compared += 1
            above = (place - 1) // 2
            if not heap[place] < heap[above]:
                return
            heap[place], heap[above] = heap[above], heap[place]
            place = above

    def pop(self, heap: list[Any]) -> Any:
        self.calls += 1
        last = heap.pop()
        if not heap:
            return last
        first, heap[0], place = heap[0], last, 0
        while 2 * place + 1 < len(heap):
            self.compared += 2
            below = min(range(2 * place + 1, min(2 * place + 3, len(heap))), key=heap.__getitem__)
            if not heap[below] < heap[place]:
                break
            heap[place], heap[below], place = heap[below], heap[place], below
        return first

    def heapify(self, heap: list[Any]) -> None:
        self.compared += 2 * len(heap)
        heapq.heapify(heap)


def counted(monkeypatch: pytest.MonkeyPatch, ports: int, layers: int, link: float) -> tuple[Count, int]:
    """Let as many ports move as many layers each, with joins, ends and breaks all mixed; return what it took."""
    count = Count()
    monkeypatch.setattr(fairshare, "heappush", count.push)
    monkeypatch.setattr(fairshare, "heappop", count.pop)
    monkeypatch.setattr(fairshare, "heapify", count.heapify)
    share = FairShare(1e9)
    events, now_s = 0, 0.0
    made = []
    for index in range(ports):
        port = Port(link)
        for layer in range(layers):
            size = 1e9 * (1 + (index * 7919 + layer * 104729) % 1000)
            made.append(share.join(now_s, port, size))
            events += 1
        now_s += 1e-3
    for connection in made[::5]:
        share.leave(now_s, connection)
        events += 1
    while share.count:
        events += len(share.take_ended(share.next_end_s))
    return count, events


@pytest.mark.parametrize("link", [math.inf, 1e8, 1e3])
def test_an_event_costs_a_logarithm(monkeypatch: pytest.MonkeyPatch, link: float) -> None:
    layers = 3
    for ports in (10, 100, 1000):
        count, events = counted(monkeypatch, ports, layers, link)
        n = ports * layers
        # A join or an end moves the port's other connections: at most `layers` pushes, each popped once.
        assert count.calls <= 2 * layers * events
        # A push compares log2 times at most, a pop twice that; a rebuild twice for each entry that went stale.
        assert count.compared <= events * layers * (3 * math.log2(2 * n) + 4)


def test_a_hundred_times_as_many_cost_a_few_comparisons_more(monkeypatch: pytest.MonkeyPatch) -> None:
    few, few_events = counted(monkeypatch, 10, 3, 1e8)
    many, many_events = counted(monkeypatch, 1000, 3, 1e8)
    assert many.compared / many_events < 4 * few.compared / few_events


def test_broken_connections_leave_no_heap_behind() -> None:
    share = FairShare(1e9)
    share.join(0.0, Port(), 1.0)
    for n in range(10_000):
        share.leave(0.0, share.join(0.0, Port(), 1e6 + n))
        assert len(share._lanes[0].heap) < 50


@given(
    st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 50), min_size=1, max_size=4)), max_size=12),
    links,
)
def test_several_that_join_at_once_are_as_one_by_one(
    batches: list[tuple[int, list[int]]], given_links: list[float | None]
) -> None:
    ends: list[dict[int, float]] = []
    for at_once in (True, False):
        tried = Tried(FairShare(7.0), [Port(math.inf if x is None else x) for x in given_links])
        number = 0
        for step, (port, sizes_bytes) in enumerate(batches):
            now_s = 1.5 * step
            tried.go(now_s)
            loads = [(float(size), number + n) for n, size in enumerate(sizes_bytes)]
            number += len(loads)
            if at_once:
                made = tried.share.join_all(now_s, tried.ports[port], loads)
            else:
                made = [tried.share.join(now_s, tried.ports[port], size, what) for size, what in loads]
            tried.at |= {connection.what: connection for connection in made}
        tried.go(math.inf)
        ends.append(tried.ends)
    assert ends[0].keys() == ends[1].keys()
    for what, end_s in ends[0].items():
        assert end_s == pytest.approx(ends[1][what], rel=RELATIVE, abs=1e-12)
