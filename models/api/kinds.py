"""The kinds of object that Kubernetes serves itself, by group: which are modelled, which passed over.

Sources: the API references of v1.20 and v1.32, https://kubernetes.io/docs/reference/generated/kubernetes-api/: what is
passed over may be of any version between them. The list is closed: a kind that is not on it is a mistake.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["KINDS", "MODELLED", "WITHOUT_NAMESPACE", "versions_of"]

MODELLED: Final = MappingProxyType(
    {
        "Pod": ("v1",),
        "ReplicationController": ("v1",),
        "ReplicaSet": ("apps/v1",),
        "Deployment": ("apps/v1",),
        "Service": ("v1",),
        "Node": ("v1",),
        "Namespace": ("v1",),
        "PriorityClass": ("scheduling.k8s.io/v1", "scheduling.k8s.io/v1beta1"),
        "PodDisruptionBudget": ("policy/v1", "policy/v1beta1"),
    }
)
"""Kinds of which something is simulated, with the versions that are read."""
WITHOUT_NAMESPACE: Final = ("Node", "Namespace", "PriorityClass")
"""Of these, the kinds that belong to no namespace."""


def _group(name: str, *versions: str) -> tuple[str, ...]:
    return tuple(f"{name}/{version}" for version in versions)


_PASSED_OVER: Final = {
    (
        "v1",
    ): "Binding ComponentStatus ConfigMap Endpoints Event LimitRange PersistentVolume PersistentVolumeClaim "
    "PodTemplate ResourceQuota Secret ServiceAccount",
    ("apps/v1",): "ControllerRevision DaemonSet StatefulSet",
    ("batch/v1",): "Job",
    ("batch/v1", "batch/v1beta1"): "CronJob",
    _group("autoscaling", "v1", "v2", "v2beta1", "v2beta2"): "HorizontalPodAutoscaler",
    _group("policy", "v1", "v1beta1"): "Eviction",
    ("policy/v1beta1",): "PodSecurityPolicy",
    ("networking.k8s.io/v1",): "NetworkPolicy",
    ("networking.k8s.io/v1", "networking.k8s.io/v1beta1", "extensions/v1beta1"): "Ingress",
    _group("networking.k8s.io", "v1", "v1beta1"): "IngressClass IPAddress ServiceCIDR",
    _group("rbac.authorization.k8s.io", "v1", "v1beta1"): "ClusterRole ClusterRoleBinding Role RoleBinding",
    _group("storage.k8s.io", "v1", "v1beta1"): "CSIDriver CSINode StorageClass VolumeAttachment",
    _group("storage.k8s.io", "v1", "v1beta1", "v1alpha1"): "CSIStorageCapacity",
    _group("storage.k8s.io", "v1beta1", "v1alpha1"): "VolumeAttributesClass",
    _group("admissionregistration.k8s.io", "v1", "v1beta1"): "MutatingWebhookConfiguration "
    "ValidatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    _group("apiextensions.k8s.io", "v1", "v1beta1"): "CustomResourceDefinition",
    _group("apiregistration.k8s.io", "v1", "v1beta1"): "APIService",
    _group("certificates.k8s.io", "v1", "v1beta1"): "CertificateSigningRequest",
    _group("certificates.k8s.io", "v1beta1", "v1alpha1"): "ClusterTrustBundle",
    _group("coordination.k8s.io", "v1", "v1beta1"): "Lease",
    _group("discovery.k8s.io", "v1", "v1beta1"): "EndpointSlice",
    _group("flowcontrol.apiserver.k8s.io", "v1", "v1beta1", "v1beta2", "v1beta3"): "FlowSchema "
    "PriorityLevelConfiguration",
    _group("node.k8s.io", "v1", "v1beta1"): "RuntimeClass",
    _group(
        "resource.k8s.io", "v1beta1", "v1alpha3"
    ): "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice",
}

KINDS: Final = MappingProxyType(
    {**MODELLED, **{kind: groups for groups, kinds in _PASSED_OVER.items() for kind in kinds.split()}}
)
"""Every kind of Kubernetes' own with the versions that serve it."""


def versions_of(kind: str) -> tuple[str, ...]:
    """The versions in which a kind may be written here; none for a kind that Kubernetes does not have."""
    return KINDS.get(kind, ())
