"""What runs in the cluster: deployments with their replica sets, a replication controller, daemon sets, jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from experiments.dumps.parts import Chance, Json, container, managed, metadata, short_hash, uid

__all__ = [
    "DAY_S",
    "App",
    "count_pods",
    "make_apps",
    "make_owners",
    "make_services",
    "pod_labels",
    "pod_spec",
]

DAY_S = 86_400.0
_ENOUGH = 20
"""Pods that make some of them wait for ever."""
Kind = Literal["Deployment", "ReplicationController", "DaemonSet", "Job"]


@dataclass(frozen=True)
class App:
    """One workload.

    Attributes:
        replicas: Pods that it wants.
        cpu_millicores: A pod's request.
        rich: Its pods have everything: two containers, an init container, probes, hooks, affinity, spread.
    """

    kind: Kind
    namespace: str
    name: str
    replicas: int
    cpu_millicores: int
    age_s: float
    rich: bool = False
    priority_class: str = ""
    more: Json = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """The hash of its pods' template."""
        return short_hash(f"{self.namespace}/{self.name}", 10)

    @property
    def owner(self) -> tuple[str, str]:
        """Kind and name of what owns its pods."""
        if self.kind == "Deployment":
            return "ReplicaSet", f"{self.name}-{self.hash}"
        return self.kind, self.name


def make_apps(pods: int, fair_millicores: float, chance: Chance) -> list[App]:
    """Return deployments, replication controllers and jobs with so many pods in all.

    Args:
        pods: At least 2: those of coredns are the first.
        fair_millicores: CPU that there is for each pod.
        chance: Sizes and ages.
    """
    dns = App("Deployment", "kube-system", "coredns", 2, 100, 60 * DAY_S, more={"priority": 2_000_000_000})
    apps, left, number = [dns], pods - 2, 0
    if left >= _ENOUGH:  # nothing is large enough for one of these
        giant = App("Deployment", "batch", "giant", 2, 20_000, DAY_S, more={"priority": 0})
        apps, left = [dns, giant], left - 2
    while left:
        kind: Kind = "Deployment"
        if number % 23 == 7:
            kind = "ReplicationController"
        elif number % 11 == 5:
            kind = "Job"
        size = 1 if kind == "Job" else 2 if number % 3 == 0 else chance.between("replicas", number, 1, 60)
        millicores = max(10, int(fair_millicores * (0.3 + 0.6 * chance.unit("cpu", number))) // 10 * 10)
        size = min(size, left)
        apps.append(
            App(
                kind,
                ("shop", "search", "payments", "batch")[number % 4],
                f"{('web', 'api', 'worker', 'cache', 'index')[number % 5]}-{number}",
                size,
                millicores,
                DAY_S * (1 + 20 * chance.unit("age", number)),
                rich=number % 2 == 0 and kind != "Job",
                priority_class="high" if number % 10 == 1 else "",
                more={"priority": 1000} if number % 10 == 1 else {"priority": 0},
            )
        )
        left -= size
        number += 1
    return apps


def pod_labels(app: App) -> dict[str, str]:
    """Return the labels of a pod's template."""
    labels = {"app.kubernetes.io/name": app.name, "app.kubernetes.io/part-of": app.namespace}
    if app.kind == "Job":
        return labels | {"job-name": app.name, "controller-uid": uid("Job", app.namespace, app.name)}
    return labels | ({"pod-template-hash": app.hash} if app.kind == "Deployment" else {})


def _probes(app: App) -> Json:
    if not app.rich:
        return {}
    probe = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
    http = {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}}
    return {
        "livenessProbe": {**probe, **http, "initialDelaySeconds": 15},
        "readinessProbe": {**probe, **http, "periodSeconds": 5},
        "startupProbe": {**probe, **http, "failureThreshold": 30},
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 5"]}}},
    }


def _main(app: App) -> Json:
    requests = {"cpu": f"{app.cpu_millicores}m", "memory": f"{64 + app.cpu_millicores}Mi"}
    return container(
        app.name,
        f"registry.example.com/{app.namespace}/{app.name}:1.{len(app.name)}",
        args=["--port=8080", "--log-level=info", f"--shard={app.name}"],
        env=[
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"key": "url", "name": f"{app.name}-db"}}},
            {"name": "GOMAXPROCS", "value": "2"},
        ],
        ports=[
            {"containerPort": 8080, "name": "http", "protocol": "TCP"},
            {"containerPort": 9102, "name": "metrics", "protocol": "TCP"},
        ],
        resources={"limits": {"memory": f"{128 + 2 * app.cpu_millicores}Mi"}, "requests": requests},
        securityContext={"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True},
        **_probes(app),
    )  # fmt: skip


def pod_spec(app: App) -> Json:
    """Return the spec of a pod's template, with what the API defaults."""
    containers = [_main(app)]
    found: Json = {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Never" if app.kind == "Job" else "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000} if app.rich else {},
        "serviceAccount": app.name,
        "serviceAccountName": app.name,
        "terminationGracePeriodSeconds": 45 if app.rich else 30,
    }
    if app.rich:
        sidecar = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
        containers.append(container("log", "registry.example.com/infra/fluent-bit:1.7", resources=sidecar))
        found["initContainers"] = [
            container("migrate", f"registry.example.com/{app.namespace}/{app.name}:1.{len(app.name)}", args=["migrate"])
        ]  # fmt: skip
        labels = {"matchLabels": {"app.kubernetes.io/name": app.name}}
        term = {"labelSelector": labels, "topologyKey": "kubernetes.io/hostname"}
        preferred = [{"podAffinityTerm": term, "weight": 50}]
        found["affinity"] = {
            "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
        }
        found["topologySpreadConstraints"] = [
            {
                "labelSelector": labels,
                "maxSkew": 5,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
            }
        ]
    if app.priority_class:
        found["priorityClassName"] = app.priority_class
    return found | {"containers": containers}


def make_owners(app: App) -> list[Json]:
    """Return the controllers that the dump shows of an app: of a deployment the last revision's set too, at rest."""
    if app.kind == "ReplicationController":
        return [_controller(app, app.name, pod_labels(app), app.replicas, "v1")]
    if app.kind != "Deployment":
        return []
    old = short_hash(f"{app.namespace}/{app.name}/old", 10)
    before = {**pod_labels(app), "pod-template-hash": old}
    return [
        _controller(app, f"{app.name}-{old}", before, 0, "apps/v1"),
        _controller(app, f"{app.name}-{app.hash}", pod_labels(app), app.replicas, "apps/v1"),
    ]


def _controller(app: App, name: str, labels: dict[str, str], replicas: int, version: str) -> Json:
    kind = "ReplicaSet" if version == "apps/v1" else "ReplicationController"
    selected = {key: labels[key] for key in labels if key != "app.kubernetes.io/part-of"}
    more: Json = {"labels": labels, "generation": 1}
    if kind == "ReplicaSet":
        annotations = {
            "desired-replicas": app.replicas,
            "max-replicas": app.replicas + 1,
            "revision": 2 if replicas else 1,
        }
        more["annotations"] = {
            f"deployment.kubernetes.io/{key}": str(value) for key, value in annotations.items()
        }
        more["ownerReferences"] = [reference("apps/v1", "Deployment", app.namespace, app.name)]
    manager = ("kube-controller-manager", version, app.age_s, "status.replicas", "status.readyReplicas")
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": metadata(kind, app.namespace, name, app.age_s, managedFields=managed(*manager), **more),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selected} if kind == "ReplicaSet" else selected,
            "template": {"metadata": {"creationTimestamp": None, "labels": labels}, "spec": pod_spec(app)},
        },
        "status": {"observedGeneration": 1, "replicas": replicas},
    }


def count_pods(owners: list[Json], pods: list[Json]) -> None:
    """Let controllers say how many of their pods there are and are ready; what is 0 is left out, as in the API."""
    there: Counter[str] = Counter()
    ready: Counter[str] = Counter()
    for pod in pods:
        owner = pod["metadata"]["ownerReferences"][0]["uid"]
        there[owner] += "deletionTimestamp" not in pod["metadata"]
        conditions = {each["type"]: each["status"] for each in pod["status"]["conditions"]}
        ready[owner] += conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]
    for each in owners:
        found, up = there[each["metadata"]["uid"]], ready[each["metadata"]["uid"]]
        counts = {"availableReplicas": up, "fullyLabeledReplicas": found, "readyReplicas": up}
        each["status"] |= {"replicas": found, **{key: count for key, count in counts.items() if count}}


def reference(version: str, kind: str, namespace: str, name: str) -> Json:
    """Return a reference to the controller of an object."""
    return {
        "apiVersion": version,
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": kind,
        "name": name,
        "uid": uid(kind, namespace, name),
    }


def make_services(apps: list[App]) -> list[Json]:
    """Return a service for each app that serves, and the API's own."""
    own = App("Deployment", "default", "kubernetes", 0, 0, 90 * DAY_S)
    serving = [app for app in apps if app.kind != "Job"]
    return [_service(app, number) for number, app in enumerate([own, *serving])]


def _service(app: App, number: int) -> Json:
    address = f"10.96.{number // 250}.{number % 250 + 1}"
    ports: list[dict[str, Any]] = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}]
    selector: Json = {"selector": {"app.kubernetes.io/name": app.name}}
    if not app.replicas:
        ports, selector = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}], {}
    made = managed("kubectl-client-side-apply", "v1", app.age_s, "spec.ports", "spec.selector", "spec.type")
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata("Service", app.namespace, app.name, app.age_s, managedFields=made),
        "spec": {
            "clusterIP": address,
            "clusterIPs": [address],
            "ports": ports,
            "sessionAffinity": "None",
            "type": "ClusterIP",
            **selector,
        },
        "status": {"loadBalancer": {}},
    }
