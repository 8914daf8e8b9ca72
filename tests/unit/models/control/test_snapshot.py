"""Runs that begin with what a cluster's dump found."""

from __future__ import annotations

import json

import pytest

from experiments.dumps.cluster import make_dump
from models.api.loading import load_scenario_text
from models.api.types import Phase
from models.catalog import vocabulary
from models.control.replication import ReplicaStatus
from models.plan import make_plan
from models.world import World
from tests.support.worlds import records, sinks

NOON = "2021-03-15T12:00:00Z"


def node(name, *, ready="True", **spec):
    conditions = [{"type": "Ready", "status": ready, "lastHeartbeatTime": NOON}]
    status = {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "20"}, "conditions": conditions}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec, "status": status}


def replica_set(replicas, *, status=None, uid="u-web"):
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "shop", "uid": uid},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [box("1")]}},
        },
        **({"status": status} if status else {}),
    }


def box(cpu):
    return {"name": "c", "image": "c:1", "resources": {"requests": {"cpu": cpu}}}


def pod(
    name, where=None, *, phase="Running", ready=True, since="2021-03-15T11:00:00Z", owner="u-web", cpu="1", restarts=0, **more
):  # fmt: skip
    reference = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web",
        "uid": owner,
        "controller": True,
    }
    metadata = {
        "name": name,
        "namespace": "shop",
        "labels": {"app": "web"},
        "creationTimestamp": since,
        **more,
    }
    status = {
        "phase": phase,
        "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": since}],
        "containerStatuses": [{"name": "c", "restartCount": restarts}, {"name": "d", "restartCount": 0}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata | ({"ownerReferences": [reference]} if owner else {}),
        "spec": {"containers": [box(cpu)], **({"nodeName": where} if where else {})},
        "status": status,
    }


@pytest.fixture
def world(tmp_path):
    def make(*items, extra="", until="10m"):
        (tmp_path / "dump.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        text = f"apiVersion: wavetank/v1\nname: test\nuntil: {until}\nchecks: full\nworkloads: [{{manifest: dump.json}}]\n{extra}"
        spec = load_scenario_text(text, base_dir=tmp_path, vocabulary=vocabulary())
        return World(make_plan(spec), sinks())

    return make


def ran(world):
    world.run()
    return world


def later(world, *kinds):
    return [(row["kind"], row["object"]) for row in records(world, *kinds) if row["time_s"] > 0]


LIVES = (
    "pod_created",
    "pod_bound",
    "pod_started",
    "pod_ready",
    "pod_terminating",
    "pod_removed",
    "pod_failed",
)


def test_what_runs_goes_on_and_nothing_happens(world):
    settled = {"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2}
    web = replica_set(2, status=settled)
    there = ran(world(node("n1"), node("n2"), pod("web-a", "n1"), pod("web-b", "n2"), web))
    assert later(there, *LIVES, "controller_status") == []
    first = [row["kind"] for row in records(there, *LIVES) if row["object"] == "pod/shop/web-a"]
    assert first == ["pod_created", "pod_bound", "pod_started", "pod_ready"]
    (controller,) = there.plane.controllers.values()
    assert controller.status == ReplicaStatus(2, 2, 2, 1)
    pods = there.store.pods()
    assert [(each.created_s, each.ready_since_s, each.ready) for each in pods] == [
        (-3600.0, -3600.0, True)
    ] * 2
    assert {each.owner for each in pods} == {controller.identity}
    assert [len(pods) for pods in there.store.bound] == [1, 1]


def test_a_status_that_is_behind_is_written(world):
    web = replica_set(1, status={"replicas": 0})
    assert later(ran(world(node("n1"), pod("web-a", "n1"), web)), "controller_status") == [
        ("controller_status", "controller/shop/web")
    ]


def test_controllers_make_what_they_lack_beside_what_there_is(world):
    there = ran(world(node("n1"), pod("web-a", "n1"), replica_set(3)))
    assert [what for kind, what in later(there, "pod_created")] == ["pod/shop/web-1", "pod/shop/web-2"]
    assert there.store.count[Phase.RUNNING] == 3


def test_of_too_many_the_one_that_is_ready_for_the_shortest_time_goes(world):
    old, new = "2021-03-15T09:00:00Z", "2021-03-15T11:30:00Z"
    items = (pod("web-a", "n1", since=old), pod("web-b", "n1", since=new), pod("web-c", "n1", since=old))
    there = ran(world(node("n1"), *items, replica_set(2)))
    assert later(there, "pod_removed") == [("pod_removed", "pod/shop/web-b")]


def test_of_equals_the_one_that_restarted_more_goes(world):
    items = (pod("web-a", "n1"), pod("web-b", "n1", restarts=3), pod("web-c", "n1", restarts=1))
    there = ran(world(node("n1"), *items, replica_set(2)))
    assert later(there, "pod_removed") == [("pod_removed", "pod/shop/web-b")]


def test_what_waits_is_scheduled_and_not_made_twice(world):
    there = ran(world(node("n1"), pod("web-a", phase="Pending", ready=False), replica_set(1)))
    assert later(there, "pod_created") == []
    assert ("pod_bound", "pod/shop/web-a") in later(there, "pod_bound")
    assert there.store.count[Phase.RUNNING] == 1


def test_of_those_that_wait_the_oldest_goes_first(world):
    new, old = "2021-03-15T11:30:00Z", "2021-03-15T09:00:00Z"
    waits = [
        pod(name, phase="Pending", ready=False, cpu="3", since=since)
        for name, since in (("web-a", new), ("web-b", old))
    ]
    there = ran(world(node("n1"), *waits, replica_set(2)))
    assert later(there, "pod_bound") == [("pod_bound", "pod/shop/web-b")]


def test_what_has_ended_is_no_pod_of_its_controller(world):
    failed = pod("web-a", "n1", phase="Failed", ready=False)
    there = ran(world(node("n1"), failed, pod("web-b", "n1"), replica_set(1)))
    assert later(there, *LIVES) == []
    (controller,) = there.plane.controllers.values()
    assert len(controller.pods) == 1


def test_what_is_bound_and_not_started_is_started_by_its_kubelet(world):
    there = ran(world(node("n1"), pod("web-a", "n1", phase="Pending", ready=False), replica_set(1)))
    assert later(there, *LIVES) == [("pod_started", "pod/shop/web-a"), ("pod_ready", "pod/shop/web-a")]


def test_what_runs_and_is_not_ready_becomes_so(world):
    there = ran(
        world(node("n1"), pod("web-a", "n1", ready=False), replica_set(1), extra="kubelet: {ready: 5s}")
    )
    assert [(row["kind"], row["time_s"]) for row in records(there, "pod_started", "pod_ready")] == [
        ("pod_started", 0.0),
        ("pod_ready", 5.0),
    ]


def test_what_has_ended_stays_a_record(world):
    done = pod("job-a", "n1", phase="Succeeded", ready=False, owner="")
    failed = pod("job-b", "n1", phase="Failed", ready=False, owner="")
    gone = pod("job-c", "n9", phase="Failed", ready=False, owner="")
    there = ran(world(node("n1"), done, failed, gone))
    assert (there.store.count[Phase.SUCCEEDED], there.store.count[Phase.FAILED]) == (1, 1)
    assert there.store.bound == [{}]
    assert later(there, *LIVES) == []


def test_what_is_being_deleted_goes_and_is_replaced(world):
    leaving = pod("web-a", "n1", deletionTimestamp="2021-03-15T12:00:20Z")
    there = ran(world(node("n1"), leaving, replica_set(1)))
    assert ("pod_removed", "pod/shop/web-a") in later(there, "pod_removed")
    assert later(there, "pod_created") == [("pod_created", "pod/shop/web-1")]


def test_pods_on_a_silent_minion_do_not_run_and_are_replaced(world):
    there = world(node("n1", ready="Unknown"), node("n2"), pod("web-a", "n1"), replica_set(1), until="15m")
    assert not any(there.fleet.runs(each) for each in there.store.pods())
    ran(there)
    assert later(there, "pod_created") == [("pod_created", "pod/shop/web-1")]
    assert [row["minion"] for row in records(there, "pod_bound") if row["time_s"] > 0] == ["minion/n2"]


def silent(**times):
    taints = [
        {"key": f"node.kubernetes.io/{key}", "effect": "NoExecute", "timeAdded": f"2021-03-15T11:{time}Z"}
        for key, time in times.items()
    ]
    return node("n1", ready="Unknown", taints=taints)


def test_pods_have_borne_the_taint_of_their_minion_since_it_came(world):
    """The dump is of noon: 300 s from the taint at 11:56:40 are over at 100 s, those from 11:50 at once."""
    for times, expected_s in (
        ({"unreachable": "56:40"}, 100.0),
        ({"not-ready": "56:40"}, 100.0),
        ({"unreachable": "50:00"}, 0.0),
        ({}, 300.0),
    ):
        there = ran(world(silent(**times), node("n2"), pod("web-a", "n1"), replica_set(1), until="15m"))
        (asked,) = records(there, "pod_terminating")
        assert asked["reason"] == "TaintManagerEviction"
        assert expected_s < asked["time_s"] < expected_s + 0.2, times
    # A pod that came after the taint has borne it since then.
    young = pod("web-a", "n1", since="2021-03-15T11:58:20Z")
    there = ran(world(silent(unreachable="50:00"), node("n2"), young, replica_set(1), until="15m"))
    assert 200.0 < records(there, "pod_terminating")[0]["time_s"] < 200.2


def test_a_time_that_was_set_before_the_dump_stands_unless_a_later_taint_is_not_borne(world):
    def asked_s(second):
        bears = [
            {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 600},
            {"key": "b", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
        ]
        there = pod("web-a", "n1")
        there["spec"]["tolerations"] = bears
        taints = [
            {"key": key, "value": "x", "effect": "NoExecute", "timeAdded": f"2021-03-15T11:{time}Z"}
            for key, time in (("a", "55:00"), (second, "58:00"))
        ]
        ended = ran(world(node("n1", taints=taints), node("n2"), there, replica_set(1), until="15m"))
        return records(ended, "pod_terminating")[0]["time_s"]

    assert 300.0 < asked_s("b") < 300.2
    assert 0.0 < asked_s("c") < 0.2


def test_the_clock_of_a_restarted_taint_manager_begins_anew(world):
    extra = "faults: [{at: 50s, restart: {client: lifecycle}}]\n"
    minions = (silent(unreachable="56:40"), node("n2"))
    there = ran(world(*minions, pod("web-a", "n1"), replica_set(1), extra=extra, until="15m"))
    assert records(there, "pod_terminating")[0]["time_s"] > 349


def test_what_another_controller_made_is_adopted_by_none(world):
    foreign = pod("ds-a", "n1")
    foreign["metadata"]["ownerReferences"][0] |= {"kind": "DaemonSet", "name": "ds", "uid": "u-ds"}
    there = ran(world(node("n1"), foreign, replica_set(1)))
    assert later(there, "pod_owned") == []
    assert later(there, "pod_created") == [("pod_created", "pod/shop/web-0")]


def test_a_pod_that_nobody_owns_is_adopted(world):
    there = ran(world(node("n1"), pod("web-a", "n1", owner=""), replica_set(1)))
    assert later(there, "pod_owned") == [("pod_owned", "pod/shop/web-a")]
    assert later(there, "pod_created") == []


def test_more_than_a_minion_can_take_is_refused_by_its_kubelet(world):
    there = ran(world(node("n1"), pod("web-a", "n1", cpu="3"), pod("web-b", "n1", cpu="3"), replica_set(0)))
    assert [(row["object"], row["reason"]) for row in records(there, "pod_failed")] == [
        ("pod/shop/web-b", "OutOfcpu")
    ]


def test_a_minion_of_the_dump_can_die(world):
    fault = "faults: [{name: dies, at: 1m, crash: {minion: n1}, repair: 5m}]"
    there = ran(world(node("n1"), node("n2"), pod("web-a", "n1"), replica_set(1), extra=fault, until="20m"))
    stopped = [(row["object"], row["time_s"]) for row in records(there, "pod_stopped")]
    assert stopped == [("pod/shop/web-a", 60.0)]
    assert there.store.count[Phase.RUNNING] == 1


@pytest.mark.parametrize(
    "name", ["web", "shop/web", "web-front", "shop/web-front", "dump", "web-a", "shop/web-a"]
)
def test_pods_answer_to_every_name_of_their_owners(world, name):
    web = replica_set(1)
    reference = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web-front",
        "uid": "u-d",
        "controller": True,
    }
    web["metadata"]["ownerReferences"] = [reference]
    fault = f"faults: [{{at: 1m, kill: {{pods: {name}}}}}]"
    there = ran(world(node("n1"), pod("web-a", "n1"), web, extra=fault))
    gone = [(row["object"], row["reason"]) for row in records(there, "pod_terminating")]
    assert gone == [("pod/shop/web-a", "fault")]


def test_cordons_and_taints_of_the_dump_hold(world):
    taint = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    there = ran(
        world(
            node("n1", unschedulable=True), node("n2", taints=[taint]), node("n3"),
            pod("web-a", phase="Pending", ready=False), replica_set(2),
        )
    )  # fmt: skip
    assert {row["minion"] for row in records(there, "pod_bound")} == {"minion/n3"}


def test_thousands_of_controllers_with_nothing_to_do_are_seen_to_one_after_the_other(world):
    old = replica_set(0, status={"replicas": 0})
    items = [
        {**old, "metadata": {**old["metadata"], "name": f"web-{i}", "uid": f"u-{i}"}} for i in range(1200)
    ]
    there = ran(world(node("n1"), *items))
    assert later(there, "controller_status", "pod_created") == []


def test_a_made_cluster_runs_on_as_it_was(tmp_path):
    dump = make_dump(12, 150)
    (tmp_path / "dump.json").write_text(json.dumps(dump))
    text = (
        "apiVersion: wavetank/v1\nname: test\nuntil: 10m\nchecks: full\nworkloads: [{manifest: dump.json}]\n"
    )
    spec = load_scenario_text(text, base_dir=tmp_path, vocabulary=vocabulary())
    there = ran(World(make_plan(spec), sinks()))
    items = dump["items"]
    leaving = sum("deletionTimestamp" in each["metadata"] for each in items)
    pods = [each for each in items if each["kind"] == "Pod"]
    assert len(later(there, "pod_created")) == leaving
    assert len(later(there, "pod_removed")) == leaving
    ended = sum(each["status"]["phase"] in {"Succeeded", "Failed"} for each in pods)
    assert there.store.count[Phase.SUCCEEDED] + there.store.count[Phase.FAILED] == ended
    assert there.store.count[Phase.PENDING] == sum(each["status"]["phase"] == "Pending" for each in pods)
    ready = [each for each in there.store.pods() if each.ready]
    assert len(ready) == there.store.count[Phase.RUNNING] > 100
