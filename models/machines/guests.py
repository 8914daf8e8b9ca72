"""Virtual machines as minions: what a guest costs beside a minion on bare metal, and whose fate it shares.

A guest has a kernel of its own, which takes memory and takes time to boot, and runs on virtual CPUs, each a bit slower
than a CPU of its host. Guests of one host are lost together when it is (``crash: {..., together: wavetank/host}``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Guest"]


class _Law(Protocol):
    def quantile(self, u: float) -> float:
        """Return the value below which a share ``u`` lies."""
        ...


@dataclass(frozen=True, slots=True)
class Guest:
    """One virtual machine.

    Attributes:
        host: Its host.
        host_cores: That it has for all its guests.
        boot: Law of the seconds from its host's repair to its own.
        speed: What a virtual CPU does of what a CPU of the host does, above 0 and at most 1.
    """

    host: str
    host_cores: float
    boot: _Law
    speed: float
