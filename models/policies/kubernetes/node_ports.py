"""NodePorts: a port of the host is had by one pod."""

from __future__ import annotations

from models.policies.kubernetes.plugin import Bools, Look, Refused

__all__ = ["NodePorts"]


class NodePorts:
    """Source: k/k:pkg/scheduler/framework/plugins/nodeports and types.go, HostPortInfo, v1.20.5."""

    name = "NodePorts"

    def concerns(self, look: Look) -> bool:
        """Tell whether the pod wants a port."""
        return bool(look.pod.pod.ports)

    def passes(self, look: Look) -> Bools | None:
        """Return where all ports of the pod are free."""
        found: Bools | None = None
        for port in look.pod.pod.ports:
            taken = look.view.ports.taken(port.protocol, port.port, port.address)
            if taken is not None:
                found = ~taken if found is None else found & ~taken
        return found

    def refused(self, look: Look, minion: int) -> Refused:
        """One is taken."""
        return Refused(("node(s) didn't have free ports for the requested pod ports",))
