"""The control plane whole, in short worlds: counts, service endpoints, faults, and what they leave behind."""

from __future__ import annotations

import pytest

from models.api.types import TERMINATING, Phase
from models.control.replication import ReplicaDigest
from models.control.replicationbelief import STANDING
from models.world import World
from tests.support.worlds import ran, records

CLUSTER = "cluster: {minions: [{name: m, count: 4, cpu: 4, memory: 8Gi}]}\n"
POD = "pod: {cpu: 100m, memory: 100Mi, labels: {app: web}}"
SERVICE = "services: [{name: web, selector: {app: web}}]\n"


def web(more: str = "", replicas: int = 6, until: str = "30m", cluster: str = CLUSTER) -> str:
    controller = f"controllers: [{{name: web, replicas: {replicas}, {POD}{more}}}]\n"
    return f"until: {until}\n{cluster}{controller}{SERVICE}"


def faults(*each: str) -> str:
    return f"faults: [{', '.join(each)}]\n"


def settled(world: World, desired: int) -> None:
    """Demand that counts, endpoints, the manager's digest and the books agree with the store."""
    plane = world.plane
    assert plane is not None
    (controller,) = plane.controllers.values()
    pods = list(controller.pods.values())
    active = [pod for pod in pods if pod.phase is Phase.RUNNING and not pod.word & TERMINATING]
    assert len(active) == len(pods) == desired
    (service,) = plane.services.values()
    assert set(service.endpoints) == {pod.arrival for pod in active}
    # News that call for nothing wait to be read until something does.
    for change in plane.replication.client.cursor.read():
        plane.replication.belief.apply(change)
    found = plane.replication.belief.by_owner[controller.identity]
    # It does not watch binds, so it cannot tell unassigned pods from unready ones.
    fresh = ReplicaDigest.fresh(STANDING[pod.word] for pod in pods)
    digest = found.digest
    assert (digest.active, digest.ready, digest.terminating) == (fresh.active, fresh.ready, fresh.terminating)
    assert world.fleet.overcommitted() is None
    assert world.fleet.adds_up() is None
    assert world.store.conservation() is None


def times(world: World, *kinds: str) -> list[float]:
    return [row["time_s"] for row in records(world, *kinds)]


def test_pods_are_created_in_full_and_their_service_gets_all_of_them() -> None:
    world = ran(web(replicas=20))
    settled(world, 20)
    assert len(times(world, "pod_created")) == 20


def test_creation_is_held_to_the_rate_of_the_client() -> None:
    world = ran(web(replicas=130))
    settled(world, 130)
    created = times(world, "pod_created")
    # Burst 30, then 20 a second; status writes take a few of them.
    assert (130 - 30) / 20 - 0.1 <= created[-1] - created[0] <= (130 - 30) / 20 + 1


def test_scaling_down_and_up_reaches_the_count() -> None:
    settled(ran(web(", scale: [{at: 5m, replicas: 2}]")), 2)
    settled(ran(web(", scale: [{at: 5m, replicas: 2}, {at: 5m1s, replicas: 9}]")), 9)


def test_scaling_down_takes_pods_that_wait_first() -> None:
    cluster = "cluster: {minions: [{name: m, count: 1, cpu: 500m, memory: 8Gi}]}\n"
    world = ran(web(", scale: [{at: 5m, replicas: 5}]", replicas=8, cluster=cluster))
    settled(world, 5)
    assert not records(world, "pod_stopped")


@pytest.mark.parametrize(("policy", "left"), [("background", 0), ("foreground", 0), ("orphan", 6)])
def test_deletion_takes_the_pods_along_unless_they_are_orphaned(policy: str, left: int) -> None:
    world = ran(web(f", delete: {{at: 5m, policy: {policy}}}"))
    assert world.store.count[Phase.RUNNING] == left
    plane = world.plane
    assert plane is not None
    assert all(each.gone for each in plane.controllers.values())
    assert len(plane.services["default/web"].endpoints) == left


FAULTS = {
    "crash": "{at: 5m, crash: {minion: m-0}, repair: 20m}",
    "cut off": "{at: 5m, cutOff: {minion: m-0}, for: 10m}",
    "outage": "{at: 5m, outage: {of: master}, for: 2m}",
    "replication restarts": "{at: 2s, restart: {client: replication}}",
    "endpoints restart": "{at: 2s, restart: {client: endpoints}}",
    "lifecycle restarts": "{at: 2s, restart: {client: lifecycle}}",
    "kill": "{at: 5m, kill: {pods: app=web, count: 3}}",
    "relabel": "{at: 5m, relabel: {pods: app=web, count: 1, labels: {app: debug}}}",
    "unready": "{at: 5m, unready: {pods: app=web, count: 2}, for: 2m}",
    "taint": "{at: 5m, taint: {minion: m-0, key: work, effect: NoExecute}, for: 5m}",
    "cordon": "{at: 5m, cordon: {minion: m-0}, for: 5m}",
    "late": "{at: 0s, watch: {client: all, lag: 1s}, for: 3m}",
    "lossy": "{at: 0s, watch: {client: replication, loss: 0.5}, for: 3m}",
}


@pytest.mark.parametrize("name", FAULTS)
def test_all_agrees_again_after(name: str) -> None:
    settled(ran(web(until="1h") + faults(FAULTS[name])), 6)


def test_an_outage_of_the_master_lets_nothing_be_written() -> None:
    world = ran(web(", scale: [{at: 20m, replicas: 7}]", until="1h") + faults(FAULTS["outage"]))
    settled(world, 7)
    meanwhile = [row["kind"] for row in records(world) if 301 < row["time_s"] < 419]
    assert meanwhile == []


def test_what_ran_on_a_cut_off_minion_runs_on_until_it_is_back() -> None:
    world = ran(web(until="1h") + faults(FAULTS["cut off"]))
    settled(world, 6)
    stopped = times(world, "pod_stopped")
    assert stopped
    assert min(stopped) >= 900
    assert any(600 < created < 900 for created in times(world, "pod_created"))


def test_endpoints_are_of_the_process_that_is_there_after_a_restart() -> None:
    """What the one before had cached of its services wrote beside it, and a pod that was gone stayed listed."""
    outage = faults(
        "{at: 224s, crash: {minion: m-0}, repair: 1s}", "{at: 225s, outage: {of: master}, for: 1s}"
    )
    slow = "master: {timing: kubernetes, watchLag: 0s, apiLatency: {uniform: {low: 1ms, high: 200ms}}}\n"
    scaled = ", scale: [{at: 225s, replicas: 1}]"
    for seed in range(6):
        found = ran(f"seed: {seed}\n{web(scaled, replicas=12)}{slow}{outage}")
        settled(found, 1)
        assert found.plane is not None
        (service,) = found.plane.services.values()
        assert service.unready == {}
