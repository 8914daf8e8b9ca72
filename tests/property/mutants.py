"""Scenarios that use every key, written with known lines, and single mutations of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as Folder
from typing import Any

Path = tuple[Any, ...]


def manifest() -> dict[str, Any]:
    """Valid objects of every kind that is modelled, as one list."""
    container = {
        "name": "main",
        "image": "shop:1",
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "imagePullPolicy": "Always",
        "readinessProbe": {"httpGet": {"path": "/up", "port": "http"}, "periodSeconds": 5},
        "livenessProbe": {"exec": {"command": ["test", "up"]}, "initialDelaySeconds": 3, "timeoutSeconds": 2},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "3s"]}}},
    }
    pod = {
        "containers": [container, {"name": "side", "resources": {"requests": {"example.com/fpga": 1}}}],
        "initContainers": [{"name": "init", "resources": {"requests": {"cpu": "500m"}}}],
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [
            {
                "key": "dedicated",
                "operator": "Equal",
                "value": "shop",
                "effect": "NoExecute",
                "tolerationSeconds": 60,
            }
        ],
        "terminationGracePeriodSeconds": 5,
        "priority": 7,
        "restartPolicy": "Always",
    }
    spread = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    choosy = {
        "containers": [{"name": "main", "ports": [{"containerPort": 80, "hostPort": 80}]}],
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}},
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 5, "podAffinityTerm": {"labelSelector": {"matchLabels": {"app": "shop"}}, "topologyKey": "zone"}}
                ]
            },
        },
        "topologySpreadConstraints": [{**spread, "labelSelector": {"matchLabels": {"app": "shop"}}}],
        "priorityClassName": "a-priorityclass",
    }  # fmt: skip

    def made(kind: str, version: str, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
        metadata = {"name": f"a-{kind.lower()}", "namespace": "shops", "labels": {"a": "b"}}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, **more}

    template = {
        "metadata": {"labels": {"app": "shop"}, "annotations": {"wavetank/minions": "!old"}},
        "spec": pod,
    }
    wanted = {"matchLabels": {"app": "shop"}}
    node = {"unschedulable": False, "taints": [{"key": "dedicated", "value": "shop", "effect": "NoSchedule"}]}
    capacity = {
        "cpu": "4",
        "memory": "8Gi",
        "pods": "20",
        "ephemeral-storage": "10Gi",
        "example.com/fpga": "2",
    }
    ports = [
        {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"},
        {"name": "s", "port": 443},
    ]
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2021-03-15T12:00:00Z"}],
        "containerStatuses": [{"name": "main", "restartCount": 2}],
    }
    items = [
        made("Namespace", "v1", {}),
        made("PriorityClass", "scheduling.k8s.io/v1", {}, value=100, globalDefault=True),
        made(
            "ReplicationController", "v1", {"replicas": 3, "selector": {"app": "shop"}, "template": template}
        ),
        made("ReplicaSet", "apps/v1", {"replicas": 3, "selector": wanted, "template": template}),
        made("Service", "v1", {"selector": {"app": "shop"}, "ports": ports}),
        made(
            "Deployment",
            "apps/v1",
            {"replicas": 1, "selector": wanted, "template": {**template, "spec": choosy}},
        ),
        made(
            "PodDisruptionBudget",
            "policy/v1beta1",
            {"minAvailable": "50%", "selector": wanted},
            status={"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3},
        ),
        made("Pod", "v1", {**pod, "nodeName": "web-1"}, status=status),
        made(
            "Node",
            "v1",
            node,
            status={"capacity": capacity, "conditions": [{"type": "Ready", "status": "True"}]},
        ),
    ]
    owner = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "name": "a-replicationcontroller",
        "uid": "u",
    }
    for each in items:
        if each["kind"] == "Pod":
            each["metadata"] |= {
                "creationTimestamp": "2021-03-15T11:00:00Z",
                "ownerReferences": [owner | {"controller": True}],
            }
        elif each["kind"] == "ReplicationController":
            each["metadata"]["uid"] = "u"
            each["status"] = {"replicas": 1, "readyReplicas": 1}
    return {"apiVersion": "v1", "kind": "List", "items": items}


def fill_folder(folder: Folder) -> None:
    """Make what a scenario's paths lead to."""
    (folder / "pods.csv").write_text("name\n")
    (folder / "ours.yaml").write_text("apiVersion: wavetank/v1\nextends: shipped\n")
    (folder / "shop.yaml").write_text(write(manifest()).text)


def scenario(trace_path: str) -> dict[str, Any]:
    """A valid scenario in which every key of the schema occurs, but for recorded minions.

    Args:
        trace_path: A folder that fill_folder has filled.
    """
    return {
        "apiVersion": "wavetank/v1",
        "name": "everything",
        "kubernetes": "1.20",
        "constants": {"node_monitor_grace_s": 50, "pod_backoff_max_s": 20},
        "seed": 7,
        "until": "24h",
        "checks": "full",
        "cluster": {
            "minions": [
                {
                    "name": "web",
                    "count": 40,
                    "cpu": 8,
                    "memory": "32Gi",
                    "pods": 110,
                    "ephemeral-storage": "100Gi",
                    "extended": {"example.com/fpga": 2},
                    "gpu": {"count": 8, "model": "V100"},
                    "reserved": {"cpu": "200m", "memory": "500Mi", "ephemeral-storage": "1Gi"},
                    "labels": {"tier": "web", "example.com/team": "shop"},
                    "domains": {"zone": ["a", "b", "c"], "rack": 8},
                    "ready": True,
                    "taints": [{"key": "example.com/dedicated", "value": "shop", "effect": "NoSchedule"}],
                    "cordoned": False,
                    "kubelet": {"start": "2s", "ready": "1s", "terminate": "500ms"},
                    "pids": 1024,
                    "kernel": {"version": "5.4", "cgroup": "v1", "pidMax": 32768, "threadsMax": 100000},
                    "imageDisk": "60Gi",
                    "disk": {"bandwidth": "200M/s"},
                    "preloaded": ["shop/web:1.4", "redis:6.0"],
                    "vm": {
                        "host": "metal",
                        "boot": "30s",
                        "speed": 0.98,
                        "guestMemory": "300Mi",
                        "vmmMemory": "130M",
                    },
                },
                {"name": "big", "cpu": 64, "memory": "256Gi", "kernel": {"version": "6.14"}},
            ],
            "hosts": [{"name": "metal", "count": 20, "cpu": 64, "memory": "256Gi"}],
        },
        "master": {
            "timing": "kubernetes",
            "clients": {
                "scheduler": {"qps": 50, "burst": 100},
                "replication": {"qps": 20, "burst": 30},
                "endpoints": {"qps": 20, "burst": 30},
                "lifecycle": {"qps": 20, "burst": 30},
                "kubelet": {"qps": 5, "burst": 10},
                "all": {"qps": 100, "burst": 200},
            },
            "watchLag": {"uniform": {"low": "10ms", "high": "50ms"}},
            "apiLatency": "2ms",
            "expectations": True,
        },
        "kubelet": {"start": "200ms", "ready": "300ms", "terminate": {"exponential": {"mean": "1s"}}},
        "images": [
            {
                "name": "shop/web:1.4",
                "layers": [
                    {"name": "debian", "size": "30Mi", "disk": "80Mi"},
                    {"name": "web", "size": "60Mi"},
                ],
            },
            {"name": "shop/db:2", "layers": [{"name": "debian"}, {"name": "db", "size": "200Mi"}]},
            {"name": "redis:6.0", "size": "40Mi"},
            {"name": "shop/typo", "missing": True},
        ],
        "registry": {
            "bandwidth": "1.25G/s",
            "perMinion": "125M/s",
            "latency": {"uniform": {"low": "100ms", "high": "300ms"}},
            "serialPulls": True,
            "layersAtOnce": 3,
        },
        "controllers": [
            {
                "name": "shop",
                "kind": "ReplicationController",
                "namespace": "shops",
                "replicas": 40,
                "pod": {
                    "cpu": "100m",
                    "memory": "64Mi",
                    "labels": {"app": "shop"},
                    "namespace": "shops",
                    "tolerations": [
                        {
                            "key": "example.com/dedicated",
                            "operator": "Equal",
                            "value": "shop",
                            "effect": "NoExecute",
                            "tolerationSeconds": "1h",
                        }
                    ],
                    "tolerationSeconds": "60s",
                    "grace": "30s",
                },
                "selector": {"app": "shop"},
                "start": "10s",
                "scale": [{"at": "10m", "replicas": 70}, {"at": "20m", "replicas": 30}],
                "delete": {"at": "12h", "policy": "orphan"},
            },
            {
                "name": "front",
                "kind": "ReplicaSet",
                "pod": {
                    "labels": {"app": "front"},
                    "minions": "web",
                    "containers": [
                        {
                            "name": "app",
                            "cpu": "100m",
                            "runs": {"exponential": {"mean": "1h"}},
                            "exitCode": 1,
                            "limits": {
                                "cpu": "500m",
                                "memory": "1Gi",
                                "pids": 100,
                                "kernelMemory": "64Mi",
                                "cpuset": "0-3",
                                "blkioWeight": 300,
                                "deviceBps": "20M/s",
                            },
                            "uses": {
                                "cpu": {"uniform": {"low": "100m", "high": "1"}},
                                "threads": 4,
                                "redraw": "10m",
                                "memory": "100Mi",
                                "leak": "1k/s",
                                "process": "child",
                                "reads": "10Mi",
                                "disk": {"reads": "40M/s", "writes": "10M/s"},
                                "most": "2Gi",
                                "processes": 20,
                                "forks": {"perCpuSecond": 500, "at": "10m", "memory": "100Ki"},
                            },
                            "probes": {"liveness": {"period": "5s", "failureThreshold": 2}},
                        },
                        {
                            "name": "side",
                            "limits": {"cpuQuota": "20ms", "cpuPeriod": "50ms"},
                            "uses": {"forks": {"after": {"exponential": {"mean": "1h"}}}},
                        },
                    ],
                },
                "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["front"]}]},
            },
            {
                "name": "numbered",
                "pod": {
                    "labels": {"app": "numbered"},
                    "minions": "big",
                    "containers": [{"name": "app", "limits": {"pidMax": 400}}],
                },
            },
        ],
        "behaviour": [{"pods": "app=front", "container": "app", "healthyUntil": "30m"}],
        "services": [
            {
                "name": "shop",
                "namespace": "shops",
                "selector": {"app": "shop"},
                "ports": [
                    {"port": 80, "targetPort": 8080, "name": "http", "protocol": "TCP"},
                    {"port": 443, "name": "https"},
                ],
            },
        ],
        "workloads": [
            {
                "name": "batch",
                "arrivals": {"poisson": {"rate": "10/h"}},
                "count": 1000,
                "start": "1m",
                "pod": {
                    "cpu": {"lognormal": {"median": "500m", "sigma": 0.5}},
                    "memory": {"uniform": {"low": "1Gi", "high": "2Gi"}},
                    "ephemeral-storage": "1Gi",
                    "gpu": 0.5,
                    "extended": {"example.com/fpga": 1},
                    "labels": {"app": "batch"},
                    "priority": 10,
                    "minions": "tier=web, zone in (a, b)",
                    "namespace": "jobs",
                },
                "duration": {"lognormal": {"mean": "60m", "sigma": 1.4}},
                "ends": "Failed",
                "giveUpAfter": "0s",
                "withdrawAfter": "10m",
            },
            {
                "name": "groups",
                "arrivals": {
                    "batch": {
                        "every": {"exponential": {"mean": "10m"}},
                        "size": {"uniform": {"low": 1, "high": 5}},
                    }
                },
                "pod": {
                    "cpu": 1,
                    "memory": {"constant": "1Gi"},
                    "gpu": {"count": 1, "milli": 460, "models": ["V100", "T4"]},
                    "minions": {
                        "matchLabels": {"tier": "web"},
                        "matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}],
                    },
                },
                "duration": {"weibull": {"shape": 2.5, "scale": "10m"}},
            },
            {
                "name": "once",
                "arrivals": {"at": "5m"},
                "count": 100,
                "pod": {"cpu": "100m", "memory": "64Mi", "uses": {"threads": 2, "work": "30s"}},
            },
            {
                "name": "recorded",
                "trace": {
                    "format": "openb",
                    "path": trace_path,
                    "pods": "pods.csv",
                    "every": 1,
                    "first": 0,
                    "from": "100s",
                    "compress": 4.5,
                    "blocks": "6h",
                    "order": "times",
                    "leave": True,
                },
                "giveUpAfter": "0s",
                "uses": {"ofRequest": {"uniform": {"low": 0.2, "high": 1}}},
            },
            {"name": "written", "manifest": f"{trace_path}/shop.yaml"},
        ],
        "isolation": {
            "default": "docker",
            "catalogue": f"{trace_path}/ours.yaml",
            "pods": [{"pods": "app=batch", "profile": "hardened"}],
            "needs": [
                {
                    "pods": "app=vpn",
                    "capabilities": ["NET_ADMIN"],
                    "calls": ["keyctl"],
                    "writes": ["/proc/sys/net"],
                    "root": True,
                }
            ],
            "mechanisms": {"add": ["user-namespace"], "drop": ["apparmor"]},
            "closed": ["host-figures"],
            "conditions": {"add": ["runtime-socket-mounted"], "drop": ["hostile-image"]},
            "versions": {"runc": "1.1.12"},
            "updated": False,
            "parameters": {"public-exploit": "2h", "race": 0.5},
        },
        "caps": {
            "default": "quota",
            "pids": 2048,
            "pods": [{"pods": "app=front", "cap": "shares", "pids": 64}],
        },
        "policy": {"scheduler": {"best-fit": {"ties": "random"}}},
        "faults": [
            {
                "name": "web-3-dies",
                "enabled": True,
                "at": "5m",
                "crash": {"minion": "web-3"},
                "repair": "10m",
            },
            {
                "name": "wear",
                "crash": {"minions": "all", "together": "wavetank/host"},
                "timeToFailure": {"weibull": {"shape": 0.75, "mean": "300d"}},
                "repair": {"lognormal": {"median": "60m", "sigma": 1.4}},
                "start": "fresh",
            },
            {"at": "5m", "cutOff": {"minion": "web-4"}, "for": "10m"},
            {"at": "5m", "kill": {"pods": "app=shop", "count": 3, "mode": "kill"}},
            {"at": "5m", "outage": {"of": "master"}, "for": {"exponential": {"mean": "2m"}}},
            {"at": "9m", "outage": {"of": "registry"}, "for": "5m"},
            {"at": "5m", "restart": {"client": "replication"}},
            {"at": "5m", "watch": {"client": "all", "lag": "1s", "loss": 0.1}, "for": "10m"},
            {"timeToFailure": "1h", "cordon": {"minions": "tier=web"}, "for": "10m"},
            {
                "at": "5m",
                "taint": {"minion": "big", "key": "upkeep", "value": "yes", "effect": "NoExecute"},
                "for": "10m",
            },
            {"at": "5m", "unready": {"pods": "shop", "count": 2}, "for": "1m"},
            {"at": "5m", "uncordon": {"minions": "tier=web"}},
            {"at": "5m", "reboot": {"minion": "web-5"}, "for": "3m"},
            {
                "at": "6m",
                "drain": {
                    "minion": "web-6",
                    "force": True,
                    "limit": {"controller": "shop", "namespace": "shops", "ready": 1},
                },
            },
            {
                "timeToFailure": "7d",
                "compromise": {
                    "pods": "batch",
                    "count": 1,
                    "attacker": "racing",
                    "goals": ["host-root"],
                    "does": ["starve", "fork", "kill", "spread"],
                    "detect": {"exponential": {"mean": "30m"}},
                    "respond": ["kill", "rebuild"],
                    "rebuilt": "20m",
                },
            },
            {
                "at": "2h",
                "rolling": {
                    "minions": "tier=web",
                    "action": "drain",
                    "down": "3m",
                    "atOnce": 2,
                    "pause": "1m",
                    "force": False,
                    "limit": {"service": "shop", "namespace": "shops", "ready": 1},
                },
            },
            {"at": "5m", "relabel": {"pods": {"app": "shop"}, "count": 1, "labels": {"app": "debug"}}},
        ],
        "expect": ["unavailable(shop) == 0 always", "lost() < 100 at end"],
        "journal": {},
        "schedulers": [
            {"serves": ["default-scheduler", "other"], "minions": "all"},
            {
                "name": "batch",
                "policy": "best-fit",
                "commit": "checked",
                "conflicts": "coarse",
                "jobs": "gang",
                "decision": {"perJob": {"exponential": {"mean": "1s"}}, "perPod": "5ms"},
            },
        ],
    }


@dataclass
class Written:
    """A text with the line of every path, counted from 1."""

    lines: list[str] = field(default_factory=list)
    line_of: dict[Path, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


@dataclass(frozen=True)
class Raw:
    """A value written as it is."""

    text: str


@dataclass(frozen=True)
class Pairs:
    """A mapping that may hold a key twice."""

    pairs: tuple[tuple[str, Any], ...]


def write(tree: Any, flow_below: int = 99) -> Written:
    """Write a tree one key a line; mappings deeper than ``flow_below`` levels in one line."""
    written = Written()
    _block(tree, (), 0, written, flow_below, "")
    return written


def _pairs(tree: Any) -> tuple[tuple[str, Any], ...]:
    return tree.pairs if isinstance(tree, Pairs) else tuple(tree.items())


def _block(tree: Any, path: Path, level: int, written: Written, flow_below: int, first: str) -> None:
    """Write a collection at an indentation; ``first`` is put before its first line (``- ``)."""
    indent = "  " * level
    is_map = isinstance(tree, dict | Pairs)
    for i, (step, value) in enumerate(_pairs(tree) if is_map else enumerate(tree)):
        prefix = indent if i or not first else first
        below = (*path, step)
        written.line_of.setdefault(below, len(written.lines) + 1)
        nested = isinstance(value, dict | Pairs | list) and value and level < flow_below
        if is_map and not nested:
            _line(f"{prefix}{step}: {_flow(value)}", value, below, written)
        elif is_map:
            written.lines.append(f"{prefix}{step}:")
            _block(value, below, level + 1, written, flow_below, "")
        elif not nested:
            _line(f"{prefix}- {_flow(value)}", value, below, written)
        else:
            _block(value, below, level + 1, written, flow_below, f"{prefix}- ")


def _line(text: str, value: Any, path: Path, written: Written) -> None:
    written.lines.append(text)
    for below in _paths(value, path):
        written.line_of[below] = len(written.lines)


def _paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict | Pairs):
        for key, inner in _pairs(value):
            yield (*path, key)
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield (*path, i)
            yield from _paths(inner, (*path, i))


def _flow(value: Any) -> str:
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict | Pairs):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in _pairs(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    if isinstance(value, str) and (
        not value[0].isalpha() or value in {"True", "False"} or set(value) & set(",:{}[]#&*!|>'\"%@`")
    ):
        return json.dumps(value)
    return "true" if value is True else "false" if value is False else str(value)


@dataclass(frozen=True)
class Mutant:
    """A text with one mistake at ``line``; ``also`` are lines of its parent and twins."""

    what: str
    text: str
    line: int
    also: tuple[int, ...] = ()


VALUES = tuple(
    Raw(text)
    for text in (
        "-1", "-5s", ".nan", ".inf", "1e30", "1e30s", "1e30Gi", "8Gi", "5parsecs", "true", "[1]", "{a: 1}",
        "", "~", "12", "0", "xyz", "Bad Name!", "'3'", "99999999999999999999", "0.5", "10m", "5/h", "*x",
        "@", "a: b", "'", "- 1",
    )
)  # fmt: skip


def all_paths(tree: Any) -> list[Path]:
    """Every path of a tree, parents first."""
    return list(_paths(tree, ()))


def get(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def replaced(tree: Any, path: Path, value: Any) -> Any:
    """A copy with another value at the path; ``...`` removes it."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(tree, list):
        inner = [replaced(item, rest, value) if i == step else item for i, item in enumerate(tree)]
        return [item for i, item in enumerate(inner) if not (i == step and not rest and value is ...)]
    pairs = {key: replaced(item, rest, value) if key == step else item for key, item in tree.items()}
    return {key: item for key, item in pairs.items() if not (key == step and not rest and value is ...)}


def misspelt(word: str, how: int) -> str:
    at = 1 + how % max(1, len(word) - 1)
    kinds = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at - 1] + word[at:],
        word + "x",
        word[:at] + "q" + word[at + 1 :],
    )
    return kinds[how % 4]


def with_key(tree: Any, path: Path, key: str, *, keep: bool) -> Any:
    """A copy in which the key at the path is another one, or (``keep``) there is one more."""
    holder = get(tree, path[:-1])
    pairs: list[tuple[str, Any]] = []
    for name, value in holder.items():
        pairs.append((name if keep or name != path[-1] else key, value))
    if keep:
        pairs.append((key, holder[path[-1]]))
    return replaced(tree, path[:-1], Pairs(tuple(pairs)))


def mutant(
    tree: Any, path: Path, kind: str, how: int, flow_below: int = 99, *, before: Written | None = None
) -> Mutant | None:
    """One mutation of the tree at a path; None where the kind does not fit.

    ``before`` is the tree as it is written without it, for who makes many.
    """
    before = before or write(tree, flow_below)
    line = before.line_of[path]
    parent = tuple(before.line_of.get(path[:n], 1) for n in range(len(path)))[-2:]
    is_key = isinstance(path[-1], str)
    if kind == "key" and is_key:
        changed = with_key(tree, path, misspelt(path[-1], how), keep=False)
    elif kind == "value":
        changed = replaced(tree, path, VALUES[how % len(VALUES)])
    elif kind == "missing":
        changed = replaced(tree, path, ...)
    elif kind == "twice" and is_key:
        after = write(with_key(tree, path, path[-1], keep=True), flow_below)
        copies = [i for i, text in enumerate(after.lines, 1) if text.strip(" -").startswith(f"{path[-1]}:")]
        return Mutant(f"{kind} {path}", after.text, line, (*parent, *copies))
    elif kind == "tail":
        text = before.lines[line - 1]
        cut = text[: len(text) - 1 - how % max(1, len(text.strip(" -")) - 1)]
        lines = [*before.lines[: line - 1], cut, *before.lines[line:]]
        what = f"{kind} {path} {cut!r}"
        return Mutant(what, "\n".join(lines) + "\n", line, (*parent, *twins_of(path, before)))
    else:
        return None
    after = write(changed, flow_below)  # what stands below may have moved
    return Mutant(f"{kind} {path} {how}", after.text, line, (*parent, *twins_of(path, after)))


def twins_of(path: Path, written: Written) -> tuple[int, ...]:
    """Lines of what refers to the value at the path, or of what it must fit."""
    found = [line for other, line in written.line_of.items() if _refers(other, path)]
    twins: list[Path] = []
    if path[:2] == ("cluster", "minions") and path[-1] in {"cpu", "memory", "ephemeral-storage"}:
        twins += [(*path[:3], "reserved", path[-1])]
    if path[-1] in {"low", "high"}:
        twins += [(*path[:-1], "low")]
    if path[:1] == ("workloads",):
        twins += [(*path[:2], "ends")] if path[2:3] == ("duration",) else []
        twins += [(*path[:2], "start")] if path[2:3] == ("arrivals",) else []
        twins += (
            [(*path[:2], "trace", "pods"), (*path[:2], "trace", "blocks")] if path[2:3] == ("trace",) else []
        )
        twins += [(*path[:4], "count")] if path[3:4] == ("gpu",) else []
    if path[:1] == ("controllers",):
        twins += [(*path[:2], "selector"), (*path[:2], "pod", "namespace")]
        # What is wrong with a selector is told where its mapping begins: with the first of its keys.
        twins += [(*path[:2], "selector", key) for key in ("app", "matchExpressions")]
        twins += [(*path[:2], "scale", i, "at") for i in range(2)] + [(*path[:2], "delete", "at")]
    if path[:1] == ("services",):
        twins += [(*path[:2], "ports", i, key) for i in range(2) for key in ("port", "name")]
    if "tolerations" in path:
        at = path.index("tolerations")
        twins += [(*path[:at], "tolerations", 0, key) for key in ("operator", "value", "tolerationSeconds")]
    if path[:1] == ("faults",):
        twins += [(*path[:2], "for"), (*path[:2], "repair")]
        twins += [(*path[:2], "start"), (*path[:2], "timeToFailure")]
        twins += [(*path[:4], "controller"), (*path[:4], "service")] if path[3:4] == ("limit",) else []
    return (*found, *(written.line_of[twin] for twin in twins if twin in written.line_of))


def _refers(other: Path, path: Path) -> bool:
    """Whether the value at one path names what the other path is a part of."""
    if path[0] == "cluster":
        hosts = path[1:2] == ("hosts",) and other[0] == "cluster" and other[-1] == "host"
        return hosts or (other[0] == "faults" and other[-1] in {"minion", "together"})
    if path[0] == "images":
        return "preloaded" in other or (other[0] == "images" and "layers" in other and other[-1] == "name")
    if path[0] == "controllers":
        return other[0] == "faults" and other[-1] in {"pods", "controller"}
    if path[0] == "services":
        return other[0] == "faults" and other[-1] == "service"
    return path[0] == "workloads" and other[0] == "controllers" and other[-1] == "name"
