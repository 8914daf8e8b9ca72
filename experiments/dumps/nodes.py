"""Nodes as a cloud's kubeadm cluster of v1.20 shows them."""

from __future__ import annotations

from experiments.dumps.parts import Chance, Json, digest, managed, metadata, timestamp, uid

__all__ = ["ALLOCATABLE_MILLICORES", "make_nodes", "masters_of"]

ALLOCATABLE_MILLICORES = 15_640
_ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status. AppArmor enabled"),
)
_SILENT = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")


def masters_of(count: int) -> int:
    """How many of so many nodes run the control plane."""
    return 1 if count < 10 else 3


def make_nodes(count: int, chance: Chance) -> list[Json]:
    """Return nodes by name: the first ones are masters; of ten and more one is cordoned and one is silent."""
    return [_node(index, count, chance) for index in range(count)]


def _node(index: int, count: int, chance: Chance) -> Json:
    master = index < masters_of(count)
    cordoned, silent = (count >= 10 and index == count - offset for offset in (1, 2))
    name = f"ip-10-0-{index // 250}-{index % 250 + 1}.eu-west-1.compute.internal"
    age_s = 86_400.0 * chance.between("node age", index, 30, 90)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata(
            "Node",
            "",
            name,
            age_s,
            annotations={
                "kubeadm.alpha.kubernetes.io/cri-socket": "/run/containerd/containerd.sock",
                "node.alpha.kubernetes.io/ttl": "15",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
            labels=_labels(name, index, master=master),
            managedFields=managed(
                "kubelet",
                "v1",
                20,
                *(f'status.conditions.k:{{"type":"{each[0]}"}}.lastHeartbeatTime' for each in _CONDITIONS),
                "status.images",
            ),
        ),
        "spec": _spec(name, index, master=master, cordoned=cordoned, silent=silent),
        "status": _status(name, index, age_s, silent=silent),
    }


def _labels(name: str, index: int, *, master: bool) -> dict[str, str]:
    role = (
        {"node-role.kubernetes.io/master": ""} if master else {"pool": ("general", "batch")[index % 4 == 0]}
    )
    return {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/instance-type": "m5.4xlarge",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m5.4xlarge",
        "topology.kubernetes.io/region": "eu-west-1",
        "topology.kubernetes.io/zone": _ZONES[index % 3],
        **role,
    }


def _spec(name: str, index: int, *, master: bool, cordoned: bool, silent: bool) -> Json:
    taints: list[Json] = [{"effect": "NoSchedule", "key": "node-role.kubernetes.io/master"}] if master else []
    if cordoned:
        key = "node.kubernetes.io/unschedulable"
        taints.append({"effect": "NoSchedule", "key": key, "timeAdded": timestamp(3600)})
    if silent:
        key = "node.kubernetes.io/unreachable"
        effects = ("NoSchedule", "NoExecute")
        taints += [{"effect": effect, "key": key, "timeAdded": timestamp(100)} for effect in effects]
    cidr = f"10.{100 + index // 256}.{index % 256}.0/24"
    zone = _ZONES[index % 3]
    found: Json = {
        "podCIDR": cidr,
        "podCIDRs": [cidr],
        "providerID": f"aws:///{zone}/i-{uid('i', name)[:17].replace('-', '0')}",
    }
    return found | ({"taints": taints} if taints else {}) | ({"unschedulable": True} if cordoned else {})


def _status(name: str, index: int, age_s: float, *, silent: bool) -> Json:
    conditions = []
    for kind, status, reason, message in _CONDITIONS:
        said = _SILENT if silent else (status, reason, message)
        conditions.append(
            {
                "lastHeartbeatTime": timestamp(160 if silent else 20 + index % 60),
                "lastTransitionTime": timestamp(110 if silent else age_s),
                "message": said[2],
                "reason": said[1],
                "status": said[0],
                "type": kind,
            }
        )
    both = {"attachable-volumes-aws-ebs": "25", "hugepages-1Gi": "0", "hugepages-2Mi": "0", "pods": "110"}
    images = [
        {"names": [f"registry.example.com/{what}@sha256:{digest(what)}", f"registry.example.com/{what}:1.{i}"],
         "sizeBytes": size}
        for i, (what, size) in enumerate(
            (("shop/web", 187_334_211), ("shop/api", 96_113_402), ("batch/report", 412_880_104), ("pause", 682_696))
        )
    ]  # fmt: skip
    return {
        "addresses": [
            {"address": f"10.0.{index // 250}.{index % 250 + 1}", "type": "InternalIP"},
            {"address": name, "type": "Hostname"},
            {"address": name, "type": "InternalDNS"},
        ],
        "allocatable": {
            "cpu": f"{ALLOCATABLE_MILLICORES}m",
            "ephemeral-storage": "95551679124",
            "memory": "62908732Ki",
            **both,
        },
        "capacity": {"cpu": "16", "ephemeral-storage": "103679916Ki", "memory": "64483644Ki", **both},
        "conditions": conditions,
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "images": images,
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": uid("boot", name),
            "containerRuntimeVersion": "containerd://1.4.3",
            "kernelVersion": "5.4.0-1038-aws",
            "kubeProxyVersion": "v1.20.4",
            "kubeletVersion": "v1.20.4",
            "machineID": uid("machine", name).replace("-", ""),
            "operatingSystem": "linux",
            "osImage": "Ubuntu 20.04.2 LTS",
            "systemUUID": uid("system", name),
        },
    }
