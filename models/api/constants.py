"""Constants of a cluster by Kubernetes version, each with its source.

A scenario chooses a table (``kubernetes: "1.20"``) and may override single values (``constants: {...}``).
Short names in the sources: k/k is github.com/kubernetes/kubernetes, k/w its website, k/e its enhancements, as
path@commit. ``fact`` (K10, K13 ...) groups values that were read from one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = [
    "CONSTANT_NAMES",
    "DEFAULT_KUBERNETES_VERSION",
    "KUBERNETES_VERSIONS",
    "Constant",
    "constants_for",
    "constants_table",
]

_KUBELET = "k/k:pkg/kubelet/apis/config/v1beta1/defaults.go@030891da"
_KUBELET_GO = "k/k:pkg/kubelet/kubelet.go"
_LIFECYCLE = "k/k:pkg/controller/nodelifecycle/node_lifecycle_controller.go@003e8629"
_KCM = "kube-controller-manager reference"
_REPLICA_SET = "k/k:pkg/controller/replicaset/replica_set.go@003e8629"
_TYPES = "k8s.io/api core/v1 types.go"
_SCHEDULER = "k/k:pkg/scheduler, v1.20.2"
_LIFECYCLE_DEFAULTS = "k/k:pkg/controller/nodelifecycle/config/v1alpha1/defaults.go@0d173114"
_SCHEDULER_DEFAULTS = "k/k:pkg/scheduler/apis/config/v1beta1/defaults.go, v1.20.2"
_QUEUE = "k/k:pkg/scheduler/internal/queue/scheduling_queue.go@00e31ce5"


@dataclass(frozen=True, slots=True)
class Constant:
    """One value, in the unit of its name, and where it was read."""

    name: str
    value: float
    fact: str
    source: str


_V1_20: Final = tuple(
    Constant(*row)
    for row in (
        # Heartbeats and the detection of dead minions
        ("node_status_update_period_s", 10, "K1", _KUBELET),
        ("node_status_report_period_s", 300, "K2", f"{_KUBELET}; k/e:keps/sig-node/589"),
        ("node_lease_duration_s", 40, "K3", _KUBELET),
        ("node_lease_renew_period_s", 10, "K3", f"{_KUBELET_GO}: nodeLeaseRenewIntervalFraction"),
        ("node_lease_retry_initial_s", 0.2, "K4", "k/w:concepts/architecture/nodes.md@0189ae0f"),
        ("node_lease_retry_max_s", 7, "K4", "k/w:concepts/architecture/nodes.md@0189ae0f"),
        ("node_monitor_period_s", 5, "K5", _KCM),
        ("node_monitor_pass_s", 0.003, "K10", "measured: period of the passes 5.003 s"),
        ("node_monitor_grace_s", 40, "K6", "k/k PR 126287: 40 s up to v1.31"),
        ("node_startup_grace_s", 60, "K7", _LIFECYCLE_DEFAULTS),
        ("node_update_worker_count", 8, "K8", _LIFECYCLE),
        ("pod_update_worker_count", 4, "K8", _LIFECYCLE),
        # Eviction
        ("default_toleration_s", 300, "K13", "kube-apiserver: --default-not-ready-toleration-seconds"),
        ("eviction_rate_per_s", 0.1, "K15", f"{_KCM}, --node-eviction-rate"),
        ("eviction_burst_count", 1, "K15", "EvictionRateLimiterBurst"),
        ("secondary_eviction_rate_per_s", 0.01, "K16", f"{_KCM}, --secondary-node-eviction-rate"),
        ("unhealthy_zone_ratio", 0.55, "K17", f"ComputeZoneState(), {_LIFECYCLE}"),
        ("unhealthy_zone_min_count", 3, "K17", f"ComputeZoneState(), {_LIFECYCLE}: more than 2"),
        ("large_zone_count", 50, "K18", f"ReducedQPSFunc(), {_LIFECYCLE}: larger than this is large"),
        ("eviction_stale_entries_count", 0, "K22", "k/k PR 98168, for 1.20.5; 1: they stay, as up to 1.20.4"),
        ("eviction_queue_period_s", 0.1, "K22", "NodeEvictionPeriod"),
        ("eviction_queue_pass_s", 0.00065, "K22", "recordings: ten polls of 100 are 100.65 s"),
        # Kubelet
        ("kubelet_sync_period_s", 60, "K25", _KUBELET),
        ("pleg_relist_period_s", 1, "K26", _KUBELET_GO),
        ("pleg_unhealthy_s", 180, "K26", _KUBELET_GO),
        ("kubelet_housekeeping_period_s", 2, "K27", _KUBELET_GO),
        ("eviction_manager_period_s", 10, "K28", f"evictionMonitoringPeriod, {_KUBELET_GO}"),
        ("eviction_cleanup_wait_s", 30, "K28", _KUBELET_GO),
        ("eviction_cleanup_look_s", 1, "K28", "podCleanupPollFreq, k/k:pkg/kubelet/eviction, v1.20.2"),
        ("eviction_hard_memory_bytes", 104857600, "L31", "memory.available<100Mi; 0: nothing is evicted"),
        ("eviction_pressure_transition_s", 300, "L36", _KUBELET),
        (
            "memory_oom_group_count",
            0,
            "L21",
            "1: containers on cgroup v2 have memory.oom.group, as from 1.28",
        ),
        (
            "memory_pressure_tolerated_count",
            1,
            "assumed",
            "1: pods but BestEffort ones tolerate the taint (k/w:taint-and-toleration, PodTolerationRestriction)",
        ),
        ("crash_backoff_initial_s", 10, "K29", "k/e:keps/sig-node/4603"),
        ("crash_backoff_factor_ratio", 2, "K29", "k/e:keps/sig-node/4603"),
        ("crash_backoff_max_s", 300, "K29", "k/e:keps/sig-node/4603; MaxContainerBackOff"),
        ("crash_backoff_reset_s", 600, "K29", "k/e:keps/sig-node/4603"),
        ("image_backoff_initial_s", 10, "K32", f"imageBackOffPeriod, {_KUBELET_GO}"),
        ("image_backoff_max_s", 300, "K32", f"MaxImageBackOff, {_KUBELET_GO}"),
        ("registry_pull_rate_per_s", 5, "K33", _KUBELET),
        ("registry_pull_burst_count", 10, "K33", _KUBELET),
        ("image_gc_high_ratio", 0.85, "K34", _KUBELET),
        ("image_gc_low_ratio", 0.80, "K34", _KUBELET),
        ("image_gc_min_age_s", 120, "K34", _KUBELET),
        ("image_gc_period_s", 300, "K34", _KUBELET_GO),
        ("image_list_period_s", 30, "K34", "imageCache, k/k:pkg/kubelet/images/image_gc_manager.go, v1.20.2"),
        ("node_status_images_count", 50, "K1", f"nodeStatusMaxImages, {_KUBELET}"),
        ("layer_download_count", 3, "assumed", "dockerd --max-concurrent-downloads; containerd has 3 too"),
        ("registry_bandwidth_bytes_per_s", 1.25e9, "assumed", "10 Gbit/s, where a scenario does not say"),
        ("minion_link_bytes_per_s", 1.25e8, "assumed", "1 Gbit/s, where a scenario does not say"),
        ("registry_latency_s", 0.2, "assumed", "token, manifest and configuration: some requests"),
        ("image_default_bytes", 104857600, "assumed", "100 MiB, of an image that is not described"),
        ("image_disk_ratio", 2.5, "assumed", "bytes on disk of one that moves: layers are gzipped tars"),
        ("max_pods_count", 110, "K35", _KUBELET),
        ("kubelet_client_rate_per_s", 5, "K37", f"{_KUBELET}: 5/10 up to v1.26"),
        ("kubelet_client_burst_count", 10, "K37", f"{_KUBELET}: 5/10 up to v1.26"),
        ("probe_period_s", 10, "K39", _TYPES),
        ("probe_timeout_s", 1, "K39", _TYPES),
        ("probe_failure_count", 3, "K39", _TYPES),
        ("probe_success_count", 1, "K39", _TYPES),
        ("probe_initial_delay_s", 0, "K39", _TYPES),
        ("termination_grace_s", 30, "K41", f"{_TYPES}, v1.20.2"),
        ("hard_eviction_grace_s", 0, "K42", "k/w:concepts/scheduling-eviction/node-pressure-eviction"),
        # Replication controllers and the controller manager
        ("replication_burst_count", 500, "K44", f"BurstReplicas, {_REPLICA_SET}"),
        ("replication_slow_start_count", 1, "K45", f"slowStartBatch(), {_REPLICA_SET}"),
        ("replication_expectations_timeout_s", 300, "K47", "k/k:pkg/controller/controller_utils.go@00bdb3fa"),
        ("replication_worker_count", 5, "K49", f"{_KCM}, --concurrent-replicaset-syncs"),
        ("requeue_initial_s", 0.005, "K50", "client-go DefaultControllerRateLimiter"),
        ("requeue_max_s", 1000, "K50", "client-go DefaultControllerRateLimiter"),
        ("requeue_rate_per_s", 10, "K50", "client-go DefaultControllerRateLimiter"),
        ("requeue_burst_count", 100, "K50", "client-go DefaultControllerRateLimiter"),
        ("min_resync_s", 43200, "K51", f"{_KCM}, --min-resync-period"),
        ("controller_client_rate_per_s", 20, "K52", f"{_KCM}; recordings: for each controller's own client"),
        ("controller_client_burst_count", 30, "K52", f"{_KCM}; recordings: for each controller's own client"),
        ("event_client_burst_count", 25, "K52", "recordings: of one source about one object"),
        ("event_client_refill_s", 300, "K52", "recordings: one more after this time"),
        ("event_client_cache_count", 4096, "K52", "client-go record: maxLruCacheEntries"),
        ("leader_lease_s", 15, "K53", _KCM),
        ("leader_renew_deadline_s", 10, "K53", _KCM),
        ("leader_retry_period_s", 2, "K53", _KCM),
        ("terminated_pod_gc_count", 12500, "K54", _KCM),
        ("endpoints_worker_count", 5, "K49", f"{_KCM}, --concurrent-endpoint-syncs"),
        ("garbage_mapper_renewal_s", 30, "K52", "recordings: the collector's mapper is renewed every 30 s"),
        ("garbage_mapper_reading_s", 0.46, "K52", "recordings: 39 reads at 20/s, burst 30, after a renewal"),
        # The master as recorded on one quiet machine, and kubelets where nothing is said
        ("api_latency_low_s", 0.002, "recorded", "recordings: a call to its commit, 2 to 8 ms"),
        ("api_latency_high_s", 0.008, "recorded", "recordings: a call to its commit, 2 to 8 ms"),
        (
            "api_write_s",
            0.0013,
            "recorded",
            "recordings: creates of a batch of 8 or 16 come 1.3 to 1.5 ms apart",
        ),
        (
            "api_cached_read_s",
            0.0005,
            "recorded",
            "recordings: Ready again to no NoSchedule taint, 3 to 12 ms, which is a delivery, this and a write",
        ),
        ("watch_lag_low_s", 0.0005, "recorded", "recordings: a commit to its delivery, 0.5 to 2.5 ms"),
        ("watch_lag_high_s", 0.0025, "recorded", "recordings: a commit to its delivery, 0.5 to 2.5 ms"),
        ("kubelet_start_s", 1.0, "assumed", "a container from an image that is there; within K69's 5 s"),
        ("kubelet_ready_s", 0.0, "assumed", "no readiness probe: ready when it runs"),
        ("init_container_run_s", 1.0, "assumed", "an init container that does little, where nothing is said"),
        ("probe_cpu_s", 0.005, "assumed", "CPU that an answer to a probe takes of a container that is busy"),
        ("kubelet_terminate_s", 1.0, "assumed", "a process that heeds SIGTERM; at most the grace, K41"),
        # Operators, as kubectl
        ("operator_client_rate_per_s", 5, "assumed", "client-go rest: DefaultQPS, v1.20.2"),
        ("operator_client_burst_count", 10, "assumed", "client-go rest: DefaultBurst, v1.20.2"),
        ("drain_retry_s", 5, "assumed", "k/kubectl:pkg/drain/drain.go, v1.20.2: evictPods, when refused"),
        ("drain_poll_s", 1, "assumed", "k/kubectl:pkg/drain/default.go, v1.20.2: waitForDelete"),
        # Scheduler
        ("pod_backoff_initial_s", 1, "K55", _QUEUE),
        ("pod_backoff_factor_ratio", 2, "K55", _QUEUE),
        ("pod_backoff_max_s", 10, "K55", _QUEUE),
        ("unschedulable_flush_s", 60, "K56", f"{_QUEUE}: 60 s in 1.20"),
        ("unschedulable_flush_period_s", 30, "K56", _QUEUE),
        ("backoff_flush_period_s", 1, "K56", _QUEUE),
        ("nodes_examined_min_count", 100, "K57", f"numFeasibleNodesToFind, {_SCHEDULER}"),
        ("nodes_examined_base_percent", 50, "K57", f"numFeasibleNodesToFind, {_SCHEDULER}"),
        ("nodes_examined_divisor_count", 125, "K57", f"numFeasibleNodesToFind, {_SCHEDULER}"),
        ("nodes_examined_min_percent", 5, "K57", f"numFeasibleNodesToFind, {_SCHEDULER}"),
        ("scheduler_client_rate_per_s", 50, "K58", _SCHEDULER_DEFAULTS),
        ("scheduler_client_burst_count", 100, "K58", _SCHEDULER_DEFAULTS),
        ("preemption_candidates_ratio", 0.10, "K61a", f"default_preemption.go, {_SCHEDULER}"),
        ("preemption_candidates_min_count", 100, "K61a", f"default_preemption.go, {_SCHEDULER}"),
    )
)

_TABLES: Final = {"1.20": MappingProxyType({constant.name: constant for constant in _V1_20})}
KUBERNETES_VERSIONS: Final = tuple(_TABLES)
DEFAULT_KUBERNETES_VERSION: Final = "1.20"
CONSTANT_NAMES: Final = tuple(sorted({name: None for table in _TABLES.values() for name in table}))


def constants_table(version: str) -> Mapping[str, Constant]:
    """Return the constants of a version with their sources.

    Raises:
        KeyError: A version that is not in KUBERNETES_VERSIONS.
    """
    return _TABLES[version]


def constants_for(version: str, overrides: Mapping[str, float]) -> dict[str, float]:
    """Return the value of every constant, overrides put over those of the version.

    Raises:
        KeyError: An unknown version, or an override of a constant that does not exist.
    """
    values = {name: constant.value for name, constant in _TABLES[version].items()}
    for name in overrides:
        if name not in values:
            raise KeyError(name)
    return values | dict(overrides)
