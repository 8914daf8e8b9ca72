"""Writes a pod's containers as v1 JSON: what v1 can say of them, not how they behave.

Times of probes are whole seconds there, and at least 1 s: others are rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.api.containers import ContainerSpec, HandlerSpec, PodContainers, ProbeSpec, default_pull_policy
from sim.units import format_millicores

__all__ = ["render_containers"]

_PROBES = (("readiness", "readinessProbe"), ("liveness", "livenessProbe"), ("startup", "startupProbe"))


def render_containers(pod: PodContainers) -> dict[str, Any]:
    """Return ``containers``, ``initContainers`` and ``restartPolicy`` of a pod's spec, defaults left out."""
    found: dict[str, Any] = {"containers": [_container(each) for each in pod.containers]}
    if pod.init_containers:
        found["initContainers"] = [_container(each) for each in pod.init_containers]
    if pod.restart_policy != "Always":
        found["restartPolicy"] = pod.restart_policy
    return found


def _container(each: ContainerSpec) -> dict[str, Any]:
    made: dict[str, Any] = {"name": each.name}
    if each.image:
        made["image"] = each.image
    if each.image_pull_policy != default_pull_policy(each.image):
        made["imagePullPolicy"] = each.image_pull_policy
    amounts = {"requests": _amounts(dict(each.requests)), "limits": _amounts(dict(each.limits))}
    resources = {key: given for key, given in amounts.items() if given}
    if resources:
        made["resources"] = resources
    for attribute, key in _PROBES:
        probe = getattr(each, attribute)
        if probe is not None:
            made[key] = _probe(probe)
    if each.pre_stop is not None:
        made["lifecycle"] = {"preStop": _handler(each.pre_stop)}
    return made


def _amounts(amounts: Mapping[str, int]) -> dict[str, str]:
    return {key: format_millicores(value) if key == "cpu" else str(value) for key, value in amounts.items()}


def _probe(probe: ProbeSpec) -> dict[str, Any]:
    made = _handler(probe.handler)
    for key, value, default in (
        ("initialDelaySeconds", round(probe.initial_delay_s), 0),
        ("periodSeconds", max(1, round(probe.period_s)), 10),
        ("timeoutSeconds", max(1, round(probe.timeout_s)), 1),
        ("successThreshold", probe.success_count, 1),
        ("failureThreshold", probe.failure_count, 3),
    ):
        if value != default:
            made[key] = value
    return made


def _handler(handler: HandlerSpec) -> dict[str, Any]:
    if handler.kind == "exec":
        return {"exec": {"command": list(handler.command)}}
    if handler.kind == "sleep":
        return {"sleep": {"seconds": round(handler.seconds or 0.0)}}
    given: dict[str, Any] = {"port": handler.port}
    if handler.kind == "httpGet":
        given["path"] = handler.path
    return {handler.kind: given}
