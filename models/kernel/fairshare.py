"""One link that many share, each behind a link of its own: exact max-min processor sharing in virtual time.

A *connection* moves a number of bytes. Connections of one *port* (a minion) pass its private link; all pass the shared
one (a registry). At any time the rates are max-min fair over connections: there is a level ``w`` such that a connection
of a port with link ``l`` and ``k`` connections moves ``min(w, l / k)``, and the sum is the capacity unless every
port's own link is full (Bertsekas and Gallager, Data Networks, 2nd ed., 6.5.2).

So the rate of a connection depends only on its bound ``l / k``: connections of equal bound make a *lane*, whose virtual
time is the bytes that each of its connections has moved since the lane began. A connection ends when the virtual
time of its lane reaches a value that is known when it joins, so each lane is a heap, and nothing is rescheduled when
others come and go (virtual time as in Parekh and Gallager, IEEE/ACM ToN 1(3), 1993). When a port's number of
connections changes, those few move to another lane with what they have left.

Cost of one connection that joins, leaves or ends, with n of them active, G lanes, k of its port: at most k + 1 pushes
into a heap, O((k + 1) log n), and O(G) to find the level. G is the number of different ``l / k`` at a time: as many as
kinds of port times the connections that a port may have, whatever n is.

Claimed: times equal those of the fluid model up to rounding, whatever the sequence. Not modelled: packets, slow start,
round-trip times, other traffic on the links.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import Any

__all__ = ["Connection", "FairShare", "Port"]

_SLACK = 16


class Port:
    """A private link to the shared one.

    Args:
        link_bytes_per_s: What it carries at most; ``inf`` where it never binds.
    """

    __slots__ = ("connections", "link_bytes_per_s")

    def __init__(self, link_bytes_per_s: float = math.inf) -> None:
        if not link_bytes_per_s > 0.0:
            raise ValueError(f"expected a link of more than 0 bytes a second, not {link_bytes_per_s}")
        self.link_bytes_per_s = link_bytes_per_s
        self.connections: list[Connection] = []


class Connection:
    """Bytes on their way through a port.

    Attributes:
        what: What the owner knows it by.
    """

    __slots__ = ("_ends_bytes", "_entry", "_lane", "port", "what")

    def __init__(self, port: Port, what: Any) -> None:
        self.port = port
        self.what = what
        self._lane: _Lane | None = None
        self._ends_bytes = 0.0
        self._entry = -1


class _Lane:
    """Connections of one bound, and their virtual time."""

    __slots__ = ("bound_per_s", "count", "heap", "moved_bytes", "rate_per_s")

    def __init__(self, bound_per_s: float) -> None:
        self.bound_per_s = bound_per_s
        self.count = 0
        self.moved_bytes = 0.0
        self.rate_per_s = 0.0
        # (virtual time of the end, entry, connection); an entry that is no longer its connection's is stale.
        self.heap: list[tuple[float, int, Connection]] = []

    def first(self) -> tuple[float, int, Connection]:
        """Return the entry of the connection that ends first, dropping what is stale above it."""
        heap = self.heap
        while heap[0][1] != heap[0][2]._entry:
            heappop(heap)
        return heap[0]

    def tidy(self) -> None:
        """Rebuild the heap when most of it is stale: O(1) for each entry that went stale."""
        if len(self.heap) > 2 * self.count + _SLACK:
            self.heap = [entry for entry in self.heap if entry[1] == entry[2]._entry]
            heapify(self.heap)


class FairShare:
    """The shared link. It knows no engine: times are told, and must not go back.

    Args:
        capacity_bytes_per_s: What it carries in all; may be ``inf`` if every port has a finite link.
    """

    def __init__(self, capacity_bytes_per_s: float) -> None:
        _check(capacity_bytes_per_s)
        self._capacity_per_s = capacity_bytes_per_s
        self._now_s = 0.0
        self._entries = 0
        self._lanes: list[_Lane] = []  # those with connections, by bound
        self._by_bound: dict[float, _Lane] = {}
        self._due: _Lane | None = None
        self.count = 0
        self.next_end_s = math.inf
        """When the next connection ends if nothing changes; ``inf`` for never."""

    def join(self, now_s: float, port: Port, size_bytes: float, what: Any = None) -> Connection:
        """Begin to move bytes now, and return the connection.

        Raises:
            ValueError: Negative or infinite bytes, or neither link is finite.
        """
        return self.join_all(now_s, port, ((size_bytes, what),))[0]

    def join_all(self, now_s: float, port: Port, loads: Sequence[tuple[float, Any]]) -> list[Connection]:
        """Begin several connections of a port at once: as one by one, but the others of the port move once.

        Args:
            now_s: When.
            port: Whose they are.
            loads: (bytes, what the owner knows it by) of each.
        """
        for size_bytes, _ in loads:
            if not 0.0 <= size_bytes < math.inf:
                raise ValueError(f"expected a finite number of bytes, not {size_bytes}")
        if port.link_bytes_per_s == math.inf == self._capacity_per_s:
            raise ValueError("expected a finite link: the shared one, or the port's own")
        self._advance(now_s)
        before, joined = list(port.connections), [Connection(port, what) for _, what in loads]
        port.connections += joined
        self.count += len(joined)
        lane = self._lane(port)
        for connection, (size_bytes, _) in zip(joined, loads, strict=True):
            self._enter(connection, lane, size_bytes)
        self._spread(port, before)
        self._plan()
        return joined

    def leave(self, now_s: float, connection: Connection) -> float:
        """Break a connection off now, and return how many bytes it had left."""
        self._advance(now_s)
        left_bytes = self._quit(connection)
        self._plan()
        return left_bytes

    def left_bytes(self, now_s: float, connection: Connection) -> float:
        """Return how many bytes a connection has left now."""
        self._advance(now_s)
        return self._left(connection)

    def take_ended(self, now_s: float) -> list[Connection]:
        """Remove and return the connections that have ended by now, in the order of their ends."""
        self._advance(now_s)
        if self._due is not None and now_s >= self.next_end_s:
            # The time was rounded; that this one ends at it is not in doubt.
            self._due.moved_bytes = max(self._due.moved_bytes, self._due.first()[0])
        ended: list[Connection] = []
        for lane in self._lanes:
            moved_bytes = lane.moved_bytes
            left = lane.count
            while left and (entry := lane.first())[0] <= moved_bytes:
                heappop(lane.heap)
                entry[2]._entry = -1
                ended.append(entry[2])
                left -= 1
        for connection in ended:
            self._quit(connection)
        self._plan()
        return ended

    def set_capacity(self, now_s: float, capacity_bytes_per_s: float) -> None:
        """Change what the shared link carries from now on; 0 for nothing.

        Raises:
            ValueError: A negative capacity, or an infinite one while a port with an infinite link is at work.
        """
        _check(capacity_bytes_per_s)
        if capacity_bytes_per_s == math.inf in self._by_bound:
            raise ValueError("expected a finite link: the shared one, or the port's own")
        self._advance(now_s)
        self._capacity_per_s = capacity_bytes_per_s
        self._plan()

    def set_link(self, now_s: float, port: Port, link_bytes_per_s: float) -> None:
        """Change what a port's own link carries from now on.

        Raises:
            ValueError: A link of nothing, or an infinite one at work behind an infinite shared link.
        """
        if not link_bytes_per_s > 0.0:
            raise ValueError(f"expected a link of more than 0 bytes a second, not {link_bytes_per_s}")
        if port.connections and link_bytes_per_s == math.inf == self._capacity_per_s:
            raise ValueError("expected a finite link: the shared one, or the port's own")
        if link_bytes_per_s == port.link_bytes_per_s:
            return
        self._advance(now_s)
        port.link_bytes_per_s = link_bytes_per_s
        if port.connections:
            self._move(port, port.connections)
        self._plan()

    def rate_bytes_per_s(self, port: Port) -> float:
        """Return what a port's connections move together, as things are."""
        lanes = [each._lane for each in port.connections]
        return sum(lane.rate_per_s for lane in lanes if lane is not None)

    def _advance(self, now_s: float) -> None:
        """Let the virtual times go on to now, at the rates that held since."""
        elapsed_s = now_s - self._now_s
        assert elapsed_s >= 0.0, f"a link asked about {now_s} s is at {self._now_s} s already"
        self._now_s = now_s
        if elapsed_s:
            for lane in self._lanes:
                lane.moved_bytes += lane.rate_per_s * elapsed_s

    def _lane(self, port: Port) -> _Lane:
        bound_per_s = port.link_bytes_per_s / len(port.connections)
        lane = self._by_bound.get(bound_per_s)
        if lane is None:
            lane = self._by_bound[bound_per_s] = _Lane(bound_per_s)
            insort(self._lanes, lane, key=attrgetter("bound_per_s"))
        return lane

    def _enter(self, connection: Connection, lane: _Lane, left_bytes: float) -> None:
        self._entries += 1
        connection._lane = lane
        connection._entry = self._entries
        connection._ends_bytes = lane.moved_bytes + left_bytes
        lane.count += 1
        heappush(lane.heap, (connection._ends_bytes, self._entries, connection))

    def _left(self, connection: Connection) -> float:
        assert connection._lane is not None, "it has ended or was broken off"
        return max(0.0, connection._ends_bytes - connection._lane.moved_bytes)

    def _quit(self, connection: Connection) -> float:
        left_bytes = self._left(connection)
        self._drop(connection)
        connection._lane = None
        port = connection.port
        port.connections.remove(connection)
        self.count -= 1
        if port.connections:
            self._spread(port, port.connections)
        return left_bytes

    def _spread(self, port: Port, connections: list[Connection]) -> None:
        """Move connections of a port to the lane of its present number of them."""
        if port.link_bytes_per_s < math.inf and connections:
            self._move(port, connections)

    def _move(self, port: Port, connections: list[Connection]) -> None:
        lane = self._lane(port)
        for connection in connections:
            if connection._lane is not lane:
                left_bytes = self._left(connection)
                self._drop(connection)
                self._enter(connection, lane, left_bytes)

    def _drop(self, connection: Connection) -> None:
        lane = connection._lane
        assert lane is not None, "a connection that is dropped has a lane"
        connection._entry = -1
        lane.count -= 1
        if not lane.count:
            del self._by_bound[lane.bound_per_s]
            self._lanes.remove(lane)
        else:
            lane.tidy()

    def _plan(self) -> None:
        """Find the level by filling the lanes from the lowest bound, then the next end."""
        left_per_s, count = self._capacity_per_s, self.count
        next_s, due = math.inf, None
        for lane in self._lanes:
            rate_per_s = lane.rate_per_s = min(lane.bound_per_s, left_per_s / count)
            left_per_s = max(0.0, left_per_s - rate_per_s * lane.count)
            count -= lane.count
            to_go_bytes = lane.first()[0] - lane.moved_bytes
            if to_go_bytes <= 0.0:
                end_s = self._now_s
            else:
                end_s = self._now_s + to_go_bytes / rate_per_s if rate_per_s > 0.0 else math.inf
            if end_s < next_s:
                next_s, due = end_s, lane
        self.next_end_s, self._due = next_s, due


def _check(capacity_bytes_per_s: float) -> None:
    if not capacity_bytes_per_s >= 0.0:
        raise ValueError(f"expected a capacity of at least 0 bytes a second, not {capacity_bytes_per_s}")
