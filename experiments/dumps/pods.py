"""Pods as the API shows them: the template, what admission and scheduler added, and what the kubelet says."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from experiments.dumps.apps import DAY_S, App, pod_labels, pod_spec, reference
from experiments.dumps.nodes import ALLOCATABLE_MILLICORES, masters_of
from experiments.dumps.parts import (
    Chance,
    Json,
    container,
    digest,
    managed,
    metadata,
    short_hash,
    timestamp,
    uid,
)

__all__ = ["make_pods", "make_system_pods", "system_count"]

_STATIC = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
_DAEMONS = (("kube-system", "kube-proxy"), ("monitoring", "node-exporter"))
_TOKEN = {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}


def system_count(nodes: int) -> int:
    """How many pods the system itself has on so many nodes."""
    return len(_DAEMONS) * nodes + len(_STATIC) * masters_of(nodes)


def make_system_pods(nodes: Sequence[Json]) -> list[Json]:
    """Return the static pods of the masters, and the daemons of all nodes."""
    names = [node["metadata"]["name"] for node in nodes]
    found = []
    for node in names[: masters_of(len(names))]:
        for what in _STATIC:
            owner = reference("v1", "Node", "", node)
            del owner["blockOwnerDeletion"]  # the kubelet's own references have none
            spec = {
                "containers": [container(what, f"k8s.gcr.io/{what}:v1.20.4", resources={"requests": {"cpu": "100m"}})],
                "hostNetwork": True,
                "priorityClassName": "system-node-critical",
                "priority": 2_000_001_000,
                "tolerations": [{"effect": "NoExecute", "operator": "Exists"}],
            }  # fmt: skip
            app = App("DaemonSet", "kube-system", what, 1, 100, 60 * DAY_S)
            notes = {"kubernetes.io/config.mirror": uid(what), "kubernetes.io/config.source": "file"}
            found.append(
                _pod(app, f"{what}-{node}", node, owner, spec, {"component": what}, annotations=notes)
            )
    for namespace, what in _DAEMONS:
        app = App("DaemonSet", namespace, what, len(names), 50, 60 * DAY_S)
        owner = reference("apps/v1", "DaemonSet", namespace, what)
        found += [_daemon(app, node, owner) for node in names]
    return found


def _daemon(app: App, node: str, owner: Json) -> Json:
    ports = [{"containerPort": 9100, "hostPort": 9100, "name": "metrics", "protocol": "TCP"}]
    own = {"ports": ports} if app.name == "node-exporter" else {}
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    keys = ("not-ready", "unreachable")
    borne = [
        {"effect": "NoExecute", "key": f"node.kubernetes.io/{key}", "operator": "Exists"} for key in keys
    ]
    requests = {"requests": {"cpu": "50m"}}
    spec: Json = {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
        "containers": [container(app.name, f"k8s.gcr.io/{app.name}:v1.20.4", resources=requests, **own)],
        "hostNetwork": True,
        "tolerations": [{"operator": "Exists"}, *borne],
    }
    if app.namespace == "kube-system":
        spec |= {"priority": 2_000_001_000, "priorityClassName": "system-node-critical"}
    labels = {"k8s-app": app.name, "controller-revision-hash": short_hash(app.name, 10)}
    return _pod(app, f"{app.name}-{short_hash(app.name + node, 5)}", node, owner, spec, labels)


def make_pods(apps: Sequence[App], nodes: Sequence[Json], chance: Chance) -> list[Json]:
    """Return the pods of apps, each on the node that has most CPU left; without one where it has too little."""
    first = masters_of(len(nodes)) if len(nodes) > 1 else 0
    open_nodes = [
        node["metadata"]["name"]
        for node in nodes[first:]
        if not any(taint["effect"] == "NoExecute" for taint in node["spec"].get("taints", ()))
        and not node["spec"].get("unschedulable")
    ]
    spent = 50 * len(_DAEMONS) + (100 * len(_STATIC) if not first else 0)
    left = [(spent - ALLOCATABLE_MILLICORES, len(_DAEMONS), name) for name in open_nodes]
    heapq.heapify(left)
    found: list[Json] = []
    for app in apps:
        kind, name = app.owner
        version = {"ReplicationController": "v1", "Job": "batch/v1"}.get(kind, "apps/v1")
        owner = reference(version, kind, app.namespace, name)
        for ordinal in range(app.replicas):
            need = app.cpu_millicores + (10 if app.rich else 0)
            node = ""
            if left and need <= -left[0][0] and left[0][1] < 110:
                minus, count, node = left[0]
                heapq.heapreplace(left, (minus + need, count + 1, node))
            number = len(found)
            pod = _pod(
                app, f"{name}-{short_hash(f'{name}/{ordinal}', 5)}", node, owner, pod_spec(app), pod_labels(app),
                generateName=f"{name}-",
            )  # fmt: skip
            _happened(pod, app, number, chance)
            found.append(pod)
    return found


def _happened(pod: Json, app: App, number: int, chance: Chance) -> None:
    """Let jobs be done, and some pods fail, restart, or be deleted."""
    status = pod["status"]
    if "nodeName" not in pod["spec"]:
        return
    if app.kind == "Job":
        failed = chance.unit("fails", number) < 0.2
        status["phase"] = "Failed" if failed else "Succeeded"
        ended = {
            "exitCode": int(failed),
            "finishedAt": timestamp(600),
            "reason": "Error" if failed else "Completed",
        }
        ended |= {"startedAt": timestamp(3000), "containerID": status["containerStatuses"][0]["containerID"]}
        status["containerStatuses"][0] |= {"ready": False, "started": False, "state": {"terminated": ended}}
        for each in status["conditions"]:
            if each["type"] in {"Ready", "ContainersReady"}:
                each |= {"reason": "PodCompleted", "status": "False"}
        return
    luck = chance.unit("luck", number)
    first = status["containerStatuses"][0]
    if luck < 0.01:
        back_off = {"message": "back-off 5m0s restarting failed container", "reason": "CrashLoopBackOff"}
        first |= {"ready": False, "started": False, "restartCount": 17, "state": {"waiting": back_off}}
        for each in status["conditions"]:
            if each["type"] in {"Ready", "ContainersReady"}:
                each |= {
                    "message": "containers with unready status",
                    "reason": "ContainersNotReady",
                    "status": "False",
                }
    elif luck < 0.1:
        first["restartCount"] = chance.between("restarts", number, 1, 5)
    elif luck < 0.103:
        pod["metadata"] |= {"deletionGracePeriodSeconds": 30, "deletionTimestamp": timestamp(-20)}  # fmt: skip


def _pod(
    app: App, name: str, node: str, owner: Json, spec: Json, labels: dict[str, str], **more: object
) -> Json:
    age_s = app.age_s * (0.2 + 0.8 * int(uid(name)[:4], 16) / 0xFFFF)
    volume = f"{app.name}-token-{short_hash(app.name, 5)}"
    whole: Json = {
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccount": app.name,
        "serviceAccountName": app.name,
        "terminationGracePeriodSeconds": 30,
        "tolerations": [
            {"effect": "NoExecute", "key": f"node.kubernetes.io/{key}", "operator": "Exists", "tolerationSeconds": 300}
            for key in ("not-ready", "unreachable")
        ],
        "volumes": [{"name": volume, "secret": {"defaultMode": 420, "secretName": volume}}],
        **app.more,
        **spec,
    }  # fmt: skip
    for each in (*whole["containers"], *whole.get("initContainers", ())):
        each["volumeMounts"] = [{**_TOKEN, "name": volume}]
    if node:
        whole["nodeName"] = node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(
            "Pod",
            app.namespace,
            name,
            age_s,
            labels=labels,
            managedFields=_managed(whole, age_s),
            ownerReferences=[owner],
            **more,
        ),
        "spec": whole,
        "status": _status(whole, name, age_s) if node else _waits(age_s),
    }


def _managed(spec: Json, age_s: float) -> list[Json]:
    """Who set which fields of a pod: its controller the spec, the kubelet the status."""
    conditions = [
        f'status.conditions.k:{{"type":"{each}"}}' for each in ("ContainersReady", "Initialized", "Ready")
    ]
    keys = ("lastProbeTime", "lastTransitionTime", "status", "type")
    status = [f"status.{key}" for key in ("containerStatuses", "hostIP", "phase", "podIP", "startTime")]
    containers = [
        f'spec.containers.k:{{"name":"{each["name"]}"}}.{key}' for each in spec["containers"] for key in each
    ]
    own = [f"metadata.{key}" for key in ("generateName", "labels", "ownerReferences")]
    others = [f"spec.{key}" for key in spec if key != "containers"]
    return [
        *managed("kube-controller-manager", "v1", age_s, *own, *containers, *others),
        *managed(
            "kubelet", "v1", age_s - 12, *(f"{each}.{key}" for each in conditions for key in keys), *status
        ),
    ]


def _waits(age_s: float) -> Json:
    condition = {
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(age_s),
        "message": "0/200 nodes are available: 200 Insufficient cpu.",
        "reason": "Unschedulable",
        "status": "False",
        "type": "PodScheduled",
    }
    return {"conditions": [condition], "phase": "Pending", "qosClass": "Burstable"}


def _status(spec: Json, name: str, age_s: float) -> Json:
    states: dict[str, list[Json]] = {}
    for key, field in (("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")):
        done = {
            "exitCode": 0,
            "reason": "Completed",
            "startedAt": timestamp(age_s - 2),
            "finishedAt": timestamp(age_s - 5),
        }
        for each in spec.get(key, ()):
            started = (
                {"running": {"startedAt": timestamp(age_s - 8)}}
                if key == "containers"
                else {"terminated": done}
            )
            one = {
                "containerID": f"containerd://{digest(name, each['name'])}",
                "image": each["image"],
                "imageID": f"{each['image'].partition(':')[0]}@sha256:{digest(each['image'])}",
                "lastState": {},
                "name": each["name"],
                "ready": True,
                "restartCount": 0,
                "state": started,
            }
            states.setdefault(field, []).append(one | ({"started": True} if key == "containers" else {}))
    conditions = [
        {
            "lastProbeTime": None,
            "lastTransitionTime": timestamp(age_s - after),
            "status": "True",
            "type": kind,
        }
        for kind, after in (("Initialized", 6), ("Ready", 12), ("ContainersReady", 12), ("PodScheduled", 0))
    ]
    address = f"10.{int(uid(name)[:2], 16)}.{int(uid(name)[2:4], 16)}.{int(uid(name)[4:6], 16)}"
    return {
        "conditions": conditions,
        **states,
        "hostIP": "10.0.0.1",
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "qosClass": "Burstable",
        "startTime": timestamp(age_s - 1),
    }  # fmt: skip
