"""The kinds of object that Kubernetes 1.20 serves itself, by group: which are modelled, which passed over.

Source: the API reference of v1.20, https://v1-20.docs.kubernetes.io/docs/reference/generated/kubernetes-api/.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["KINDS", "MODELLED", "versions_of"]

MODELLED: Final = MappingProxyType(
    {
        "Pod": ("v1",),
        "ReplicationController": ("v1",),
        "ReplicaSet": ("apps/v1",),
        "Service": ("v1",),
        "Node": ("v1",),
    }
)
"""Kinds of which something is simulated, with the versions that are read."""

_GROUPS: Final = {
    ("v1",): "Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume "
    "PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount",
    ("apps/v1",): "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    ("batch/v1",): "Job",
    ("batch/v1beta1",): "CronJob",
    ("autoscaling/v1", "autoscaling/v2beta1", "autoscaling/v2beta2"): "HorizontalPodAutoscaler",
    ("policy/v1beta1",): "Eviction PodDisruptionBudget PodSecurityPolicy",
    ("scheduling.k8s.io/v1", "scheduling.k8s.io/v1beta1"): "PriorityClass",
    ("networking.k8s.io/v1",): "NetworkPolicy",
    ("networking.k8s.io/v1", "networking.k8s.io/v1beta1", "extensions/v1beta1"): "Ingress",
    ("networking.k8s.io/v1", "networking.k8s.io/v1beta1"): "IngressClass",
    ("rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1"): "ClusterRole ClusterRoleBinding "
    "Role RoleBinding",
    ("storage.k8s.io/v1", "storage.k8s.io/v1beta1"): "CSIDriver CSINode StorageClass VolumeAttachment",
    ("storage.k8s.io/v1alpha1",): "CSIStorageCapacity",
    (
        "admissionregistration.k8s.io/v1",
        "admissionregistration.k8s.io/v1beta1",
    ): "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    ("apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"): "CustomResourceDefinition",
    ("apiregistration.k8s.io/v1", "apiregistration.k8s.io/v1beta1"): "APIService",
    ("certificates.k8s.io/v1", "certificates.k8s.io/v1beta1"): "CertificateSigningRequest",
    ("coordination.k8s.io/v1", "coordination.k8s.io/v1beta1"): "Lease",
    ("discovery.k8s.io/v1beta1",): "EndpointSlice",
    ("flowcontrol.apiserver.k8s.io/v1beta1",): "FlowSchema PriorityLevelConfiguration",
    ("node.k8s.io/v1", "node.k8s.io/v1beta1"): "RuntimeClass",
}

KINDS: Final = MappingProxyType({kind: groups for groups, kinds in _GROUPS.items() for kind in kinds.split()})
"""Every kind of Kubernetes' own with the versions that serve it."""


def versions_of(kind: str) -> tuple[str, ...]:
    """The versions in which a kind may be written here; none for a kind that Kubernetes does not have."""
    return MODELLED.get(kind) or KINDS.get(kind, ())
