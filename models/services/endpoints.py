"""The endpoints of a service: a set kept by deltas, and writes that carry what was known when they began.

As the endpoints controller of Kubernetes 1.20 (endpoints_controller.go: syncService, addEndpointSubset): a pod that
matches, has an address and is not terminating is an endpoint, ready or not; a change of either writes the whole
object, which here costs as much as changed.

Simplified: a pod that succeeded or failed is none. (1.20 goes on listing a failed one, as not ready, if it would be
restarted.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

__all__ = [
    "NOT_READY",
    "OUTSIDE",
    "READY",
    "EndpointSet",
    "EndpointWrite",
    "ServicePort",
    "membership",
    "service_ports",
]

OUTSIDE: Final = 0
"""No endpoint."""
NOT_READY: Final = 1
"""Listed, and not sent anything."""
READY: Final = 2
"""Listed, and sent its share."""


def membership(
    *, matched: bool, addressed: bool, ready: bool, terminating: bool = False, finished: bool = False
) -> int:
    """Return what a pod is to a service.

    Args:
        matched: The service's selector matches its labels; a service without selector matches none.
        addressed: It has an address: its minion has reported it started.
        ready: Its Ready condition is true.
        terminating: It has a deletion timestamp.
        finished: Its phase is Succeeded or Failed.
    """
    if not matched or not addressed or terminating or finished:
        return OUTSIDE
    return READY if ready else NOT_READY


class EndpointWrite(NamedTuple):
    """One write of an Endpoints object, as against the write before it.

    Attributes:
        added: Pods that are ready now and were not.
        removed: Pods that were ready and are not.
        ready: How many are ready.
        listed: How many are listed, ready or not.
    """

    added: tuple[int, ...]
    removed: tuple[int, ...]
    ready: int
    listed: int


class EndpointSet:
    """What a service's controller believes of its endpoints, and what it last wrote.

    One write at a time: ``take_write`` begins it, ``written`` or ``failed`` ends it, and what ``apply`` learns
    meanwhile is for the next. ``apply`` is O(1); a write costs what has changed.

    Args:
        written: What the Endpoints object holds at the start, NOT_READY or READY by pod.
    """

    __slots__ = ("_in_flight", "_pending", "_written", "ready")

    def __init__(self, written: Mapping[int, int] | None = None) -> None:
        self._written = dict(written or {})
        self._pending: dict[int, int] = {}
        self._in_flight: dict[int, int] | None = None
        self.ready = sum(code == READY for code in self._written.values())
        """Pods believed to be ready endpoints."""

    @staticmethod
    def fresh(pods: Iterable[tuple[int, int]]) -> dict[int, int]:
        """Compute the members from a full list of pods and what each is."""
        return {pod: code for pod, code in pods if code != OUTSIDE}

    def believed(self, pod: int) -> int:
        """Return what a pod is believed to be."""
        return self._pending.get(pod, self._written.get(pod, OUTSIDE))

    def members(self) -> dict[int, int]:
        """Return all members as believed. O(n): for a look at the object, not for each change."""
        return self.fresh((self._written | self._pending).items())

    def apply(self, pod: int, code: int) -> bool:
        """Take in what a pod is now; tell whether that is news."""
        written = self._written.get(pod, OUTSIDE)
        believed = self._pending.get(pod, written)
        if code == believed:
            return False
        if code == READY:
            self.ready += 1
        elif believed == READY:
            self.ready -= 1
        if code == written:
            del self._pending[pod]
        else:
            self._pending[pod] = code
        return True

    def relist(self, members: Mapping[int, int]) -> None:
        """Believe a full list: after a lost watch or a restart. O(n)."""
        for pod in (*self._written, *self._pending):
            if pod not in members:
                self.apply(pod, OUTSIDE)
        for pod, code in members.items():
            self.apply(pod, code)

    @property
    def dirty(self) -> bool:
        """Whether there is something to write, beside what is being written."""
        return bool(self._pending)

    @property
    def writing(self) -> bool:
        """Whether a write is under way."""
        return self._in_flight is not None

    def pending(self) -> tuple[list[int], list[int]]:
        """Return (added, removed): ready pods that the next write would add and take away."""
        written = self._written
        added = [pod for pod, code in self._pending.items() if code == READY]
        removed = [pod for pod in self._pending if written.get(pod) == READY]
        return added, removed

    def take_write(self) -> EndpointWrite | None:
        """Begin a write of what is believed now; nothing if that is what was written last."""
        assert self._in_flight is None, "one write at a time"
        if not self._pending:
            return None
        added, removed = self.pending()
        before: dict[int, int] = {}
        for pod, code in self._pending.items():
            before[pod] = self._written.get(pod, OUTSIDE)
            self._put(pod, code)
        self._pending = {}
        self._in_flight = before
        return EndpointWrite(tuple(added), tuple(removed), self.ready, len(self._written))

    def written(self) -> None:
        """Say that the write under way has been answered."""
        assert self._in_flight is not None, "no write is under way"
        self._in_flight = None

    def failed(self) -> None:
        """Say that the write under way came to nothing: what it carried is to be written still."""
        assert self._in_flight is not None, "no write is under way"
        for pod, before in self._in_flight.items():
            believed = self.believed(pod)
            self._put(pod, before)
            if believed == before:
                self._pending.pop(pod, None)
            else:
                self._pending[pod] = believed
        self._in_flight = None

    def _put(self, pod: int, code: int) -> None:
        if code == OUTSIDE:
            self._written.pop(pod, None)
        else:
            self._written[pod] = code


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a service; ``target`` is a number, or the name of a container's port, as the manifest has it."""

    port: int
    target: int | str
    name: str = ""
    protocol: str = "TCP"


def service_ports(spec: Mapping[str, Any]) -> tuple[ServicePort, ...]:
    """Return the ports of a checked v1 Service spec, with v1's defaults: TCP, and the target is the port."""
    return tuple(
        ServicePort(
            port["port"],
            port.get("targetPort", port["port"]),
            port.get("name", ""),
            port.get("protocol", "TCP"),
        )
        for port in spec.get("ports", ())
    )
