# Cases stand in one line each.

from __future__ import annotations

import re

import pytest

from models.api.constants import CONSTANT_NAMES, KUBERNETES_VERSIONS, constants_for, constants_table

UNITS = re.compile(r"_(s|per_s|ratio|count|percent|bytes)$")


def test_every_constant_has_a_unit_in_its_name_and_a_source():
    for version in KUBERNETES_VERSIONS:
        table = constants_table(version)
        for name, constant in table.items():
            assert UNITS.search(name), name
            assert constant.name == name
            assert re.fullmatch(r"[KL]\d+[a-z]?|recorded|assumed", constant.fact), name
            assert len(constant.source) > 3, name
            assert constant.value >= 0


def test_the_figures_on_which_behaviour_rests():
    found = constants_for("1.20", {})
    expected = {
        "node_monitor_grace_s": 40,
        "node_monitor_period_s": 5,
        "node_monitor_pass_s": 0.003,
        "node_lease_renew_period_s": 10,
        "default_toleration_s": 300,
        "eviction_rate_per_s": 0.1,
        "secondary_eviction_rate_per_s": 0.01,
        "eviction_burst_count": 1,
        "eviction_queue_period_s": 0.1,
        "unhealthy_zone_ratio": 0.55,
        "unhealthy_zone_min_count": 3,
        "large_zone_count": 50,
        "crash_backoff_max_s": 300,
        "probe_failure_count": 3,
        "kubelet_client_rate_per_s": 5,
        "kubelet_client_burst_count": 10,
        "replication_burst_count": 500,
        "replication_slow_start_count": 1,
        "replication_expectations_timeout_s": 300,
        "replication_worker_count": 5,
        "endpoints_worker_count": 5,
        "requeue_initial_s": 0.005,
        "requeue_max_s": 1000,
        "requeue_rate_per_s": 10,
        "requeue_burst_count": 100,
        "controller_client_rate_per_s": 20,
        "controller_client_burst_count": 30,
        "event_client_burst_count": 25,
        "event_client_refill_s": 300,
        "unschedulable_flush_s": 60,
        "pod_backoff_max_s": 10,
        "pod_backoff_initial_s": 1,
        "scheduler_client_rate_per_s": 50,
        "scheduler_client_burst_count": 100,
        "max_pods_count": 110,
        "termination_grace_s": 30,
    }
    assert {name: found[name] for name in expected} == expected


def test_overrides_change_one_value_only():
    found = constants_for("1.20", {"node_monitor_grace_s": 50.0})
    assert {name for name in CONSTANT_NAMES if found[name] != constants_for("1.20", {})[name]} == {
        "node_monitor_grace_s"
    }
    with pytest.raises(KeyError):
        constants_for("1.20", {"node_monitor_grace": 50.0})
    with pytest.raises(KeyError):
        constants_for("1.19", {})
