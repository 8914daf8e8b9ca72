"""The quality of service of a pod, from the requests and limits of its containers."""

from __future__ import annotations

from typing import Literal

from models.api.containers import PodContainers

__all__ = ["QosClass", "qos_class"]

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]
_COUNTED = ("cpu", "memory")


def qos_class(pod: PodContainers) -> QosClass:
    """Return the class of a pod: Guaranteed where every container's limits of cpu and memory are its requests.

    Init containers count as the others. Source: k/k:pkg/apis/core/v1/helper/qos/qos.go, GetPodQOS(), v1.20.2.
    """
    everyone = (*pod.init_containers, *pod.containers)
    if not any(each.request(key) or each.limit(key) for each in everyone for key in _COUNTED):
        return "BestEffort"
    if all(each.limit(key) and each.limit(key) == each.request(key) for each in everyone for key in _COUNTED):
        return "Guaranteed"
    return "Burstable"
