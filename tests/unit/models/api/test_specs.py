from __future__ import annotations

import json
import pickle

import pytest
from pydantic import ValidationError

from models.api.loading import load_scenario_text
from models.api.selectors import parse_selector
from models.api.specs import GpuDevices, GpuRequest, Scenario, Vocabulary, scenario_hash
from sim.distributions import Constant, Exponential, Lognormal, Uniform, Weibull
from tests.property.mutants import fill_folder, scenario, write

VOCABULARY = Vocabulary(("best-fit",), ("openb", "table"))


@pytest.fixture
def tree(tmp_path):
    fill_folder(tmp_path)
    return scenario(str(tmp_path))


def load(tree):
    return load_scenario_text(write(tree).text, vocabulary=VOCABULARY)


def test_every_value_is_in_the_unit_of_its_name(tree):
    spec = load(tree)
    assert (spec.seed, spec.until_s, spec.checks, spec.kubernetes) == (7, 86400.0, "full", "1.20")
    assert spec.constants == {"node_monitor_grace_s": 50.0, "pod_backoff_max_s": 20.0}
    assert spec.constant_values["node_monitor_grace_s"] == 50.0
    assert spec.constant_values["node_monitor_period_s"] == 5.0
    web, big = spec.cluster.minions
    assert (web.size, web.cpu_millicores, web.memory_bytes, web.pods) == (40, 8000, 32 * 2**30, 110)
    assert (web.ephemeral_storage_bytes, web.extended) == (100 * 2**30, {"example.com/fpga": 2})
    assert web.gpu == GpuDevices(8, "V100")
    assert (web.reserved.cpu_millicores, web.reserved.memory_bytes) == (200, 500 * 2**20)
    assert web.reserved.ephemeral_storage_bytes == 2**30
    assert web.domains == {"zone": ("a", "b", "c"), "rack": 8}
    assert list(web.minion_names())[:2] == ["web-0", "web-1"]
    assert (big.size, list(big.minion_names()), big.ready, big.gpu) == (1, ["big"], True, None)
    assert (big.ephemeral_storage_bytes, big.reserved.cpu_millicores) == (100 * 2**30, 0)

    batch, groups, once, recorded, written = spec.workloads
    assert batch.arrivals.poisson.rate_per_s == 10 / 3600
    assert (batch.count, batch.start_s, batch.ends) == (1000, 60.0, "Failed")
    assert (batch.give_up_after_s, batch.withdraw_after_s) == (0.0, 600.0)
    assert batch.duration == Lognormal.of_mean(3600.0, 1.4)
    assert batch.pod.cpu_millicores == Lognormal(500.0, 0.5)
    assert batch.pod.memory_bytes == Uniform(2.0**30, 2.0**31)
    assert batch.pod.ephemeral_storage_bytes == Constant(2.0**30)
    assert batch.pod.gpu == GpuRequest(1, 500)
    assert batch.pod.minions == parse_selector("tier=web, zone in (a, b)") == groups.pod.minions
    assert (batch.pod.priority, batch.pod.namespace, batch.pod.labels) == (10, "jobs", {"app": "batch"})
    assert groups.arrivals.batch.every == Exponential(600.0)
    assert groups.arrivals.batch.size == Uniform(1.0, 5.0)
    assert (groups.is_endless, groups.give_up_after_s) == (True, None)
    assert groups.pod.gpu == GpuRequest(1, 460, ("V100", "T4"))
    assert groups.duration == Weibull(2.5, 600.0)
    assert (once.arrivals.at_s, once.count, once.duration, once.pod.gpu) == (300.0, 100, None, None)
    assert (written.name, len(written.objects)) == ("written", 9)
    trace = recorded.trace
    assert (trace.from_s, trace.compress, trace.blocks_s, trace.order, trace.leave) == (
        100.0,
        4.5,
        21600.0,
        "times",
        True,
    )
    assert (trace.pods, trace.every, trace.first) == ("pods.csv", 1, 0)

    assert (spec.policy.scheduler.name, spec.policy.scheduler.parameters) == ("best-fit", {"ties": "random"})
    dies, wear, *_ = spec.faults
    assert (dies.at_s, dies.crash.minion, dies.repair, dies.enabled) == (
        300.0,
        "web-3",
        Constant(600.0),
        True,
    )
    assert wear.time_to_failure == Weibull.of_mean(300 * 86400.0, 0.75)
    assert (wear.repair, wear.start) == (Lognormal(3600.0, 1.4), "fresh")
    assert str(wear.crash.minions) == "all"
    assert spec.expect == ("unavailable(shop) == 0 always", "lost() < 100 at end")


def test_defaults():
    spec = load_scenario_text(
        "apiVersion: wavetank/v1\nname: x\ncluster: {minions: [{name: a, cpu: 1, memory: 1Gi}]}\n"
        "faults: [{at: 1s, crash: {minion: a}}]\n"
        "workloads: [{name: w, arrivals: {at: 0s}, count: 1, pod: {}}]\n",
        vocabulary=VOCABULARY,
    )
    assert (spec.seed, spec.until_s, spec.checks, spec.kubernetes) == (1, None, "cheap", "1.20")
    assert spec.policy.scheduler.name == "best-fit"
    assert (spec.faults[0].name, spec.faults[0].repair, spec.faults[0].start) == (
        "fault-1",
        None,
        "stationary",
    )
    assert (spec.expect, spec.constants) == ((), {})
    (work,) = spec.workloads
    assert (work.start_s, work.duration, work.ends) == (0.0, None, "Succeeded")
    assert (work.give_up_after_s, work.withdraw_after_s) == (None, None)
    assert (
        work.pod.cpu_millicores == work.pod.memory_bytes == work.pod.ephemeral_storage_bytes == Constant(0.0)
    )
    assert (work.pod.gpu, work.pod.priority, work.pod.namespace) == (None, 0, "default")
    assert (work.pod.labels, work.pod.extended, str(work.pod.minions)) == ({}, {}, "all")
    (minion,) = spec.cluster.minions
    assert (minion.pods, minion.labels, minion.domains, minion.extended) == (110, {}, {}, {})


def test_plain_data_reads_back_as_the_same_scenario(tree):
    spec = load(tree)
    plain = spec.to_plain()
    again = load_scenario_text(json.dumps(plain), vocabulary=VOCABULARY)
    assert again == spec
    assert again.to_plain() == plain
    assert scenario_hash(again) == scenario_hash(spec)


def test_the_hash_is_of_what_is_meant_not_of_how_it_is_written(tree):
    same = {**tree, "until": "1440m", "seed": 7.0}
    assert scenario_hash(load(same)) == scenario_hash(load(tree))
    other = {**tree, "seed": 8}
    assert scenario_hash(load(other)) != scenario_hash(load(tree))
    assert len(scenario_hash(load(tree))) == 32


def test_specs_are_frozen_and_can_go_to_another_process(tree):
    spec = load(tree)
    assert pickle.loads(pickle.dumps(spec)) == spec
    with pytest.raises(ValidationError):
        spec.seed = 3


def test_the_json_schema_knows_every_key(tree):
    schema = Scenario.model_json_schema(by_alias=True)
    assert set(schema["properties"]) == {*tree, "include"}, "what is included is there by then"
    assert set(schema["$defs"]["PodTrace"]["properties"]) == set(tree["workloads"][3]["trace"])
    assert set(schema["$defs"]["MinionPool"]["properties"]) == set(tree["cluster"]["minions"][0])
    assert schema["$defs"]["MinionPool"]["additionalProperties"] is False
    for name, model in schema["$defs"].items():
        for key, field in model.get("properties", {}).items():
            assert field.get("description"), (name, key)


@pytest.mark.parametrize(
    ("gpu", "request_"), [(0, None), (2, GpuRequest(2)), (0.001, GpuRequest(1, 1)), (1, GpuRequest(1))]
)
def test_gpus_are_whole_or_a_share_of_one(tree, gpu, request_):
    tree["workloads"][2]["pod"]["gpu"] = gpu
    assert load(tree).workloads[2].pod.gpu == request_
