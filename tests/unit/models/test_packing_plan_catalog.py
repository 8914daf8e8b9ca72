"""Scores of the packing policies, and what becomes of a scenario's words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.api.specs import PluginRef
from models.api.types import GpuDevices, GpuRequest, MinionAsk, ResourceTable
from models.catalog import POLICIES, PluginParameterError, make_policy, vocabulary
from models.cluster.belief import Belief
from models.policies.packing import BestFit, DotProduct, WorstFit
from models.workloads.templates import TemplateTable
from sim.errors import WavetankError
from tests.support.worlds import GIB, ran, records, world_of


def scores(policy: Any, cpu: int, gpu: GpuRequest | None, used: int = 0) -> list[float]:
    table = ResourceTable()
    templates = TemplateTable(table)
    minions = [
        MinionAsk("a", "p", 0, 128_000, 10 * GIB, 110, GIB, gpu=GpuDevices(8)),
        MinionAsk("b", "p", 1, 64_000, 20 * GIB, 110, GIB, gpu=GpuDevices(2)),
    ]
    belief = Belief(minions, table)
    belief.place(templates.intern(used, 0), 0, (), -1)
    found: list[float] = policy.scorer(belief, templates.intern(cpu, GIB, gpu=gpu))(np.array([0, 1])).tolist()
    return found


def test_best_fit_is_as_the_paper_has_it() -> None:
    # a: 100 (1 - 0.5 (128-28)/128 - 0.5 (8-2)/8) = 23.4; b: 100 (1 - 0.5 36/128 - 0) = 85.9
    assert scores(BestFit(), 28_000, GpuRequest(2)) == [23, 85]
    assert scores(BestFit(levels=0), 28_000, GpuRequest(2)) == pytest.approx([0.234375, 0.859375])
    assert scores(WorstFit(), 28_000, GpuRequest(2)) == [76, 14]


def test_dot_product_is_as_the_paper_has_it() -> None:
    # a: d = (96/128)(32/128) + 1 (2/8) = 0.4375; b: d = 0.5 0.25 + 0.25 0.25 = 0.1875; 100 (1 - d / 2)
    assert scores(DotProduct(), 32_000, GpuRequest(2), used=32_000) == [78, 90]


def test_which_resources_count_can_be_chosen() -> None:
    # memory alone: free less need over the largest, 20 GiB.
    assert scores(BestFit(resources=("memory",)), 1, None) == [55, 5]


@pytest.mark.parametrize(
    ("name", "parameters", "word"),
    [
        ("best-fit", {"colour": 1}, "has no parameter 'colour'"),
        ("best-fit", {"ties": "last"}, "'ties' of policy 'best-fit': expected first or random, not 'last'"),
        ("random", {"device": 3}, "'device' of policy 'random': expected least or random, not '3'"),
        ("best-fit", {"levels": -1}, "'levels' of policy 'best-fit': expected a whole number"),
        ("first-fit", {"resources": ["cpu"]}, "has no parameter 'resources'"),
    ],
)
def test_bad_parameters_are_told(name: str, parameters: dict[str, Any], word: str) -> None:
    with pytest.raises(PluginParameterError, match=word):
        make_policy(PluginRef(name=name, parameters=parameters))


def test_every_named_policy_runs() -> None:
    assert list(vocabulary().policies) == sorted(POLICIES)
    for name in POLICIES:
        world = ran(
            "until: 1d\ncluster: {minions: [{name: web, count: 3, cpu: 4, memory: 16Gi, gpu: {count: 2}}]}\n"
            "workloads: [{name: w, arrivals: {at: 5m}, count: 9, pod: {cpu: 1, memory: 1Gi, gpu: 0.5}}]\n"
            f"policy: {{scheduler: {name}}}"
        )
        assert len(records(world, "pod_bound")) == 9


def decides(view: Any, pod: Any, context: Any) -> int:
    return len(view) - 1


def test_a_function_of_ones_own_is_a_policy_and_takes_no_parameters() -> None:
    name = f"{__name__}:decides"
    assert make_policy(PluginRef(name=name, parameters={})) is decides
    with pytest.raises(PluginParameterError, match="takes no parameters"):
        make_policy(PluginRef(name=name, parameters={"a": 1}))


CLUSTER = """
until: 1h
cluster:
  minions:
    - name: web
      count: 6
      cpu: 8
      memory: 32Gi
      pods: 50
      ephemeral-storage: 10Gi
      extended: {example.com/fpga: 2}
      gpu: {count: 4, model: V100}
      reserved: {cpu: 200m, memory: 2Gi, ephemeral-storage: 1Gi}
      labels: {tier: web}
      domains: {zone: [a, b, c, d], rack: 3}
    - {name: db, cpu: 1, memory: 1Gi, ready: false}
workloads: [{name: w, arrivals: {at: 5m}, count: 1, pod: {cpu: 1, memory: 1Gi}}]
faults:
  - {name: one, at: 1m, crash: {minion: db}}
  - {name: some, at: 2m, crash: {minions: "zone in (a, d)"}, repair: 10m}
  - {name: pool, at: 3m, crash: {minions: web}}
  - {name: none, at: 3m, crash: {minions: all}, enabled: false}
"""


def test_minions_are_made_as_asked() -> None:
    world = world_of(CLUSTER)
    names = [ask.name for ask in world.plan.minions]
    assert names == [*(f"web-{n}" for n in range(6)), "db"]
    labels = [dict(ask.labels) for ask in world.plan.minions]
    assert [each.get("zone") for each in labels] == ["a", "b", "c", "d", "a", "b", None]
    assert [each.get("rack") for each in labels] == [
        *(["rack-0", "rack-0", "rack-1", "rack-1", "rack-2", "rack-2"]),
        None,
    ]
    assert labels[6] == {}
    row = dict(zip(world.belief.resources, world.belief.allocatable[0].tolist(), strict=True))
    assert row == {
        "cpu_millicores": 7800,
        "memory_bytes": 30 * GIB,
        "pods": 50,
        "ephemeral_bytes": 9 * GIB,
        "example.com/fpga": 2,
        "gpu_milli": 4000,
    }
    assert world.belief.ready.tolist() == [True] * 6 + [False]
    assert [row["value"] for row in records(world, "minion_registered")] == [1.0] * 6 + [0.0]


def test_faults_choose_their_minions() -> None:
    faults = {fault.name: fault for fault in world_of(CLUSTER).plan.faults}
    assert {
        name: tuple(i for each in fault.domains for i in each.minions) for name, fault in faults.items()
    } == {
        "one": (6,),
        "some": (0, 3, 4),
        "pool": (0, 1, 2, 3, 4, 5),
    }
    assert (faults["one"].at_s, faults["one"].repair, faults["some"].at_s) == (60, None, 120)


def test_equal_templates_are_one() -> None:
    templates = TemplateTable(ResourceTable(["b", "a"]))
    one = templates.intern(1, 2, extended={"a": 3}, labels={"x": "1", "y": "2"})
    assert templates.intern(1, 2, extended={"a": 3}, labels={"y": "2", "x": "1"}) is one
    assert templates.intern(1, 2, extended={"b": 3}) is not one
    assert one.need == (1, 2, 1, 0, 3, 0, 0)
    assert [template.index for template in templates.templates] == [0, 1]


def test_an_unknown_policy_is_an_error_with_a_sentence() -> None:
    with pytest.raises((WavetankError, LookupError, ValueError), match="best-fitt"):
        make_policy(PluginRef(name="best-fitt", parameters={}))
