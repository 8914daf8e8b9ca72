"""Scenarios under the policy kubernetes: what v1 manifests ask for is where pods go, and why they go nowhere is said."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from experiments.run import _notes
from models.api.loading import read_scenario
from models.api.scheduling_templates import POOL_LABEL
from models.catalog import vocabulary
from models.cluster.placedbelief import PlacedBelief
from models.plan import make_plan
from models.world import World
from sim.errors import ScenarioError
from tests.support.manifests import pod_text
from tests.support.worlds import ran, records, sinks

_SHOP = """
apiVersion: v1
kind: ReplicationController
metadata: {name: web}
spec:
  replicas: 12
  selector: {app: web}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: c, image: "nginx:1", resources: {requests: {cpu: 100m, memory: 64Mi}}}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: DoNotSchedule
          labelSelector: {matchLabels: {app: web}}
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - {labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: db}
spec:
  replicas: 4
  selector: {app: db}
  template:
    metadata: {labels: {app: db}}
    spec:
      nodeSelector: {disk: ssd}
      tolerations: [{key: dedicated, operator: Exists, effect: NoSchedule}]
      containers:
        - name: c
          image: "db:1"
          resources: {requests: {cpu: "1", memory: 1Gi}}
          ports: [{containerPort: 5432, hostPort: 5432}]
"""
_SCENARIO = """
apiVersion: wavetank/v1
name: shop
until: 20m
cluster:
  minions:
    - {name: web, count: 12, cpu: 8, memory: 32Gi, domains: {zone: [a, b, c]}}
    - name: ssd
      count: 3
      cpu: 8
      memory: 32Gi
      labels: {disk: ssd}
      taints: [{key: dedicated, value: db, effect: NoSchedule}]
      domains: {zone: [a, b, c]}
workloads:
  - {manifest: shop.yaml}
policy: {scheduler: kubernetes}
faults:
  - {name: death, at: 5m, crash: {minion: web-3}}
"""


def shop(folder: Path, scenario: str = _SCENARIO, manifests: str = _SHOP) -> World:
    (folder / "shop.yaml").write_text(manifests)
    file = folder / "scenario.yaml"
    file.write_text(scenario)
    loaded = read_scenario(file, vocabulary=vocabulary())
    world = World(make_plan(loaded.spec), sinks())
    world.run()
    return world


def placed(world: World) -> dict[str, list[str]]:
    """Minions of the pods that are bound and not on their way out, by the label app."""
    found: dict[str, list[str]] = {}
    for minion, pods in enumerate(world.store.bound):
        for pod in (pod for pod in pods.values() if not pod.terminating):
            found.setdefault(dict(pod.labels)["app"], []).append(world.plan.minions[minion].name)
    return found


def said(world: World) -> list[Any]:
    return [row["reason"] for row in records(world, "pod_unschedulable")]


def test_manifests_are_placed_as_they_ask(tmp_path: Path) -> None:
    world = shop(tmp_path)
    found = placed(world)
    assert sorted(found["db"]) == ["ssd-0", "ssd-1", "ssd-2"]
    assert len(set(found["web"])) == len(found["web"]) == 11
    assert not any(name.startswith("ssd") for name in found["web"])
    # The fourth db has its port nowhere; what comes in the place of the dead minion's pod would make a zone
    # have two more than another, or meet one of its kind.
    assert said(world)[0] == (
        "0 of 15 minions: node(s) didn't have free ports for the requested pod ports x 3, "
        "node(s) didn't match Pod's node affinity x 12"
    )
    assert said(world)[-1] == (
        "0 of 15 minions: node(s) didn't match pod affinity/anti-affinity x 3, "
        "node(s) didn't match pod anti-affinity rules x 3, "
        "node(s) didn't match pod topology spread constraints x 8, "
        "node(s) had taint {dedicated: db}, that the pod didn't tolerate x 3, "
        "node(s) had taint {node.kubernetes.io/unreachable: }, that the pod didn't tolerate x 1"
    )


def test_without_the_constraints_other_policies_place_them_elsewhere(tmp_path: Path) -> None:
    other = shop(tmp_path, _SCENARIO.replace("scheduler: kubernetes", "scheduler: best-fit"))
    assert len(placed(other)["db"]) == 4
    told = "The policy best-fit heeds neither affinity nor topology spread nor host ports of pods: kubernetes does."
    assert told in _notes(other)
    assert not any("heeds neither" in note for note in _notes(shop(tmp_path)))
    assert not isinstance(other.belief, PlacedBelief)


def test_a_service_spreads_its_pods_by_default(tmp_path: Path) -> None:
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
    start, _, rest = _SHOP.partition("      topologySpreadConstraints:")
    plain = start + "---" + rest.partition("---")[2]
    world = shop(tmp_path, manifests=plain + service)
    assert max(Counter(placed(world)["web"]).values()) <= 2


def test_room_that_a_bind_makes_is_found(tmp_path: Path) -> None:
    """A pod that must be near another waits until that one is there; nothing else changes meanwhile."""
    near = pod_text("follower", "podAffinity", "app: leader")
    scenario = _SCENARIO.partition("faults:")[0] + (
        "controllers: [{name: leader, start: 60s, replicas: 1, pod: {cpu: 1, memory: 1Gi, labels: {app: leader}}}]\n"
    )
    found = placed(shop(tmp_path, scenario, near))
    assert found["follower"] == found["leader"]


def test_the_label_by_which_pools_are_found_is_none_that_a_manifest_can_ask_for(tmp_path: Path) -> None:
    asking = pod_text("asks", spec="nodeSelector: {KEY: web}")
    assert "asks" not in placed(shop(tmp_path, manifests=asking.replace("KEY", "wavetank/pool")))
    with pytest.raises(ScenarioError, match="is not a name as tier"):
        shop(tmp_path, manifests=asking.replace("KEY", POOL_LABEL))


_CROWD = """
until: 30m
cluster:
  minions: [{name: web, count: 300, cpu: 8, memory: 32Gi, domains: {zone: [a, b, c]}}]
workloads:
  - {name: app, count: 600, arrivals: {poisson: {rate: 4000/h}}, pod: {cpu: 500m, memory: 1Gi}, duration: 5m}
  - {name: picky, count: 40, arrivals: {poisson: {rate: 400/h}}, pod: {cpu: 500m, memory: 1Gi, minions: web-7}}
"""


@pytest.mark.parametrize("parameters", ["{}", "{percentage: 100, ties: first}", "{strategy: most-allocated}"])
def test_pods_of_rules_are_placed_too(parameters: str) -> None:
    world = ran(f"{_CROWD}policy: {{scheduler: {{kubernetes: {parameters}}}}}")
    assert world.store.created == 640
    where = [row["minion"] for row in records(world, "pod_bound")]
    assert len(where) == 600 + 16
    picky = {pod.minion for pods in world.store.bound for pod in pods.values()}
    assert picky == {7}
    if "most" in parameters:  # packs, and reaches no further than 30% of the minions at a time
        assert len(set(where)) < 150
    else:
        assert len(set(where)) > 250


def test_fractions_of_devices_are_heeded() -> None:
    world = ran("""
until: 1h
cluster: {minions: [{name: g, count: 2, cpu: 64, memory: 256Gi, gpu: {count: 2, model: T4}}, {name: c, count: 9, cpu: 64, memory: 256Gi}]}
workloads:
  - {name: half, count: 5, arrivals: {at: 0s}, pod: {cpu: 1, memory: 1Gi, gpu: 0.5}}
  - {name: whole, count: 2, arrivals: {at: 1m}, pod: {cpu: 1, memory: 1Gi, gpu: 1}}
policy: {scheduler: kubernetes}
""")
    assert {world.plan.minions[m].pool for m, pods in enumerate(world.store.bound) if pods} == {"g"}
    bound = sum(len(pods) for pods in world.store.bound)
    assert bound in {5 + 0, 5 + 1}  # five halves take three devices or four
    assert "Insufficient gpu x " in said(world)[0]
