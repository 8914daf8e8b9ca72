"""Pods of containers on a cluster: what is recorded, what the master is told and when, faults, ends."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from models.api.loading import load_scenario
from models.catalog import vocabulary
from models.plan import make_plan
from models.world import World
from tests.support.worlds import ran, records, sinks

CLUSTER = """
until: {until}
cluster: {{minions: [{{name: m, count: 2, cpu: 4, memory: 8Gi}}]}}
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms{clients}}}
kubelet: {{start: 2s, ready: 0s, terminate: 1s}}
policy: {{scheduler: first-fit}}
faults: [{faults}]
"""
APP = "{name: app, cpu: 100m, probes: {readiness: {period: 5s}, liveness: {}}}"


def world(
    *containers: str, faults: tuple[str, ...] = (), until: str = "10m", more: str = "", clients: str = ""
) -> World:
    text = CLUSTER.format(until=until, faults=", ".join(faults), clients=clients)
    pod = f"{{containers: [{', '.join(containers)}]{more}}}"
    return ran(f"{text}\ncontrollers: [{{name: web, replicas: 1, pod: {pod}}}]\n")


def rows(found: World, *kinds: str, container: str | None = None) -> list[dict[str, Any]]:
    wanted = None if container is None else f"container/{container}"
    return [row for row in records(found, *kinds) if wanted is None or row["container"] == wanted]


def times(found: World, kind: str, container: str | None = None) -> list[float]:
    return [row["time_s"] for row in rows(found, kind, container=container)]


def test_a_pod_of_five_containers_leaves_the_records_of_its_start() -> None:
    init = ", initContainers: [{name: fetch, runs: 2s}, {name: migrate, runs: 3s}]"
    found = world(APP, "{name: proxy}", "{name: log}", more=init)
    bound = times(found, "pod_bound")[0]
    assert times(found, "container_started") == pytest.approx([bound + after for after in (2, 4, 7, 7, 7)])
    assert [row["container"] for row in rows(found, "container_started")] == [
        f"container/{name}" for name in ("fetch", "migrate", "app", "proxy", "log")
    ]
    exits = rows(found, "container_exited")
    assert [(row["container_exited_code"], row["container_exited_ran_s"]) for row in exits] == [
        (0, pytest.approx(2)),
        (0, pytest.approx(3)),
    ]
    assert times(found, "pod_initialized") == times(found, "pod_started") == pytest.approx([bound + 7])
    (ready,) = times(found, "pod_ready")
    assert 0 <= ready - bound - 7 <= 5
    (pod,) = found.pods_there()
    assert pod.status is not None
    assert (pod.ready, pod.status.phase, pod.status.restarts) == (True, "Running", 0)
    # In a healthy pod's life no probe leaves a record, and all of it is at most twelve, its controller's apart.
    assert len([row for row in records(found) if row["object"] == "pod/default/web-0"]) <= 12


def test_passing_probes_cost_no_event() -> None:
    short, long = world(APP, until="10m"), world(APP, until="20h")
    assert long.engine.dispatched == short.engine.dispatched


def test_containers_start_again_while_the_master_is_away_and_it_is_told_later() -> None:
    outage = "{name: o, at: 1m, outage: {of: master}, for: 5m}"
    found = world("{name: app, runs: 70s, exitCode: 1}", faults=(outage,))
    starts = times(found, "container_started", "app")
    away = [time_s for time_s in starts if 60 < time_s < 360]
    assert len(away) == 4
    assert [row for row in rows(found, "pod_ready", "pod_unready") if 60 < row["time_s"] < 360] == []
    (pod,) = found.pods_there()
    assert pod.restarts == len(starts) - 1


def test_a_pod_that_starts_unheard_is_reported_when_the_master_is_back() -> None:
    outage = "{name: o, at: 1s, outage: {of: master}, for: 60s}"
    found = world("{name: app, runs: 1h}", faults=(outage,))
    (started,) = rows(found, "pod_started")
    assert (started["time_s"] < 3, started["reason"]) == (True, "unreported")
    assert times(found, "pod_reported") == times(found, "pod_ready") == [61]


def test_reports_wait_for_the_kubelets_client_and_tell_the_last_state() -> None:
    slow = ", clients: {kubelet: {qps: 0.05, burst: 1}}"
    flapping = "{name: app, runs: 3s, exitCode: 1}"
    found = world(flapping, clients=slow)
    told = sorted({row["time_s"] for row in rows(found, "pod_ready", "pod_unready", "pod_started")})
    assert len(times(found, "container_started")) == 7
    assert len(told) < 14  # each start and each end would be one
    assert all(later - before >= 19.99 for before, later in itertools.pairwise(told))


def test_a_deleted_pod_ends_with_its_hook_and_is_gone_when_its_last_container_is() -> None:
    kill = "{name: k, at: 60s, kill: {pods: web}}"
    found = world("{name: app, preStop: 10s, stops: 5s}", "{name: log, stops: 2s}", faults=(kill,))
    assert times(found, "container_exited", "app")[:1] == [pytest.approx(75)]
    assert times(found, "container_exited", "log")[:1] == [pytest.approx(62)]
    assert times(found, "pod_removed") == [pytest.approx(75)]
    assert [row["container_exited_code"] for row in rows(found, "container_exited")] == [143, 143]


def test_grace_ends_what_does_not_end_by_itself() -> None:
    kill = "{name: k, at: 60s, kill: {pods: web}}"
    found = world("{name: app, stops: 10m}", faults=(kill,), more=", grace: 7s")
    assert times(found, "pod_removed") == [pytest.approx(67)]
    assert rows(found, "container_exited")[0]["container_exited_code"] == 137


def test_killed_processes_start_again_and_unready_pods_recover() -> None:
    faults = (
        "{name: k, at: 60s, kill: {pods: web, mode: kill}}",
        "{name: u, at: 2m, unready: {pods: web}, for: 30s}",
    )
    found = world("{name: app, start: 4s}", faults=faults)
    assert times(found, "container_started") == pytest.approx([6.01, 64], abs=0.1)
    assert times(found, "pod_unready") == pytest.approx([60, 120])
    assert times(found, "pod_ready")[1:] == pytest.approx([64, 150])


@pytest.mark.parametrize(("cut", "restarts"), [(False, 1), (True, 0)])
def test_a_crash_begins_anew_and_a_cut_off_goes_on(cut: bool, restarts: int) -> None:
    kind = "cutOff: {minion: m-0}, for: 20s" if cut else "crash: {minion: m-0}, repair: 20s"
    found = world("{name: app, stops: 1s}", faults=(f"{{name: f, at: 60s, {kind}}}",), until="3m")
    assert len(times(found, "container_started")) == 1 + restarts
    (pod,) = found.pods_there()
    assert (pod.restarts, pod.ready) == (restarts, True)
    assert times(found, "pod_unready") == ([] if cut else [80])
    assert times(found, "pod_ready")[1:] == ([] if cut else [82])


def test_batch_pods_end_as_their_containers_do() -> None:
    text = CLUSTER.format(until="20m", faults="", clients="")
    text += """
workloads:
  - name: good
    arrivals: {at: 0s}
    count: 2
    pod: {containers: [{name: a, runs: 1m}, {name: b, runs: 2m}], restartPolicy: OnFailure}
  - name: bad
    arrivals: {at: 0s}
    count: 2
    pod: {containers: [{name: a, runs: {uniform: {low: 10s, high: 1m}}, exitCode: 3}], restartPolicy: Never}
"""
    found = ran(text)
    ends = [(row["time_s"], row["reason"]) for row in rows(found, "pod_succeeded")]
    assert ends == [(pytest.approx(122.01, abs=0.1), "Completed")] * 2
    failed = rows(found, "pod_failed")
    assert [row["reason"] for row in failed] == ["Error", "Error"]
    assert failed[0]["time_s"] != failed[1]["time_s"]
    assert found.fleet.adds_up() is None
    assert found.pods_there() == []


@pytest.mark.parametrize("containers", ["{name: a}", "{name: a, runs: 10m}", "{name: a}, {name: b}"])
@pytest.mark.parametrize(
    "fault",
    ["crash: {minion: m-0}, repair: 20s", "kill: {pods: w, mode: kill}", "reboot: {minion: m-0}, for: 20s"],
)
def test_what_is_never_restarted_fails_where_it_is_stopped(containers: str, fault: str) -> None:
    text = CLUSTER.format(until="20m", faults=f"{{name: f, at: 60s, {fault}}}", clients="")
    text += f"""
workloads: [{{name: w, arrivals: {{at: 1s}}, count: 1, pod: {{containers: [{containers}], restartPolicy: Never}}}}]
"""
    found = ran(text)
    assert len(times(found, "pod_started")) == len(times(found, "pod_failed")) == 1
    began = times(found, "container_started")
    assert all(time_s < 60 for time_s in began), "nothing begins again"
    assert found.pods_there() == []
    assert found.fleet.adds_up() is None


@pytest.mark.parametrize("faults", ["", "{name: c, at: 3.5s, cutOff: {minion: m-0}, for: 400ms}"])
def test_an_end_is_told_though_a_report_waits_for_the_kubelets_client(faults: str) -> None:
    text = CLUSTER.format(until="10m", faults=faults, clients=", clients: {kubelet: {qps: 1, burst: 1}}")
    text += """
workloads:
  - name: short
    arrivals: {at: 0s}
    count: 6
    pod: {containers: [{name: a, start: 1s, runs: 300ms}], restartPolicy: Never}
"""
    found = ran(text)  # what has ended does not begin again after a cut-off either
    exited = rows(found, "container_exited")
    assert [row["time_s"] for row in exited] == pytest.approx([3.3] * 6, abs=0.1)
    # The first pod takes one call for its start and another, the last, for its end; the others are told of at once.
    assert times(found, "pod_succeeded") == pytest.approx([4, 5, 6, 7, 8, 9], abs=0.1)
    assert (found.fleet.adds_up(), found.fleet.pods(0), found.pods_there()) == (None, [], [])


def test_a_pod_is_rejected_where_its_selector_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(
        """
apiVersion: v1
kind: Pod
metadata: {name: here}
spec: {nodeName: w, nodeSelector: {tier: web}, containers: [{name: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: there}
spec: {nodeName: m, nodeSelector: {tier: web}, containers: [{name: a}]}
"""
    )
    (tmp_path / "s.yaml").write_text(
        """
apiVersion: wavetank/v1
name: affinity
until: 1m
cluster: {minions: [{name: m, cpu: 4, memory: 8Gi}, {name: w, cpu: 4, memory: 8Gi, labels: {tier: web}}]}
workloads: [{manifest: pod.yaml}]
"""
    )
    found = World(make_plan(load_scenario(tmp_path / "s.yaml", vocabulary=vocabulary())), sinks())
    found.run()
    (failed,) = rows(found, "pod_failed")
    assert (failed["object"], failed["reason"]) == ("pod/default/there", "NodeAffinity")
    assert [row["object"] for row in rows(found, "pod_started")] == ["pod/default/here"]
    assert found.fleet.adds_up() is None


def test_a_pod_that_ran_before_the_run_goes_on_and_its_probes_with_it(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(
        """
apiVersion: v1
kind: Pod
metadata: {name: old, uid: a, resourceVersion: "7"}
spec:
  nodeName: m
  initContainers: [{name: i}]
  containers: [{name: a, livenessProbe: {exec: {command: [probe]}}, readinessProbe: {exec: {command: [probe]}}}]
status:
  phase: Running
  conditions: [{type: Ready, status: "True"}]
"""
    )
    (tmp_path / "s.yaml").write_text(
        """
apiVersion: wavetank/v1
name: adopted
until: 5m
cluster: {minions: [{name: m, cpu: 4, memory: 8Gi}]}
workloads: [{manifest: pod.yaml}]
faults: [{name: k, at: 1m, kill: {pods: old, mode: kill}}]
"""
    )
    found = World(make_plan(load_scenario(tmp_path / "s.yaml", vocabulary=vocabulary())), sinks())
    found.run()
    assert times(found, "container_started") == [60]
    assert times(found, "pod_unready") == [60]
    (pod,) = found.pods_there()
    assert (pod.ready, pod.restarts) == (True, 1)


IMAGES = """
images:
  - {name: "shop/web:1", layers: [{name: debian, size: 50M}, {name: web, size: 50M}]}
  - {name: "gone:1", missing: true}
registry: {bandwidth: 10M/s, perMinion: 10M/s, latency: 0s}
"""


def with_images(
    *containers: str, replicas: int = 1, faults: tuple[str, ...] = (), until: str = "20m"
) -> World:
    text = CLUSTER.format(until=until, faults=", ".join(faults), clients="")
    pod = f"{{containers: [{', '.join(containers)}]}}"
    return ran(f"{text}{IMAGES}controllers: [{{name: web, replicas: {replicas}, pod: {pod}}}]\n")


def test_a_container_waits_for_its_image_and_the_next_finds_it() -> None:
    app = '{name: app, image: "shop/web:1", start: 1s}'
    found = with_images(app, '{name: side, image: "shop/web:1"}', replicas=2)
    bound = times(found, "pod_bound")
    assert len(times(found, "image_pulled")) == 2  # both pods asked for it before it was there
    assert times(found, "container_started", "app") == pytest.approx([bound[0] + 2 + 10 + 1] * 2, abs=0.01)
    assert times(found, "container_started", "side") == times(found, "container_started", "app")
    assert (
        times(found, "pod_ready") == times(found, "pod_started") == times(found, "container_started", "app")
    )


def test_an_image_that_cannot_be_had_is_asked_for_with_back_off() -> None:
    found = with_images('{name: app, image: "gone:1"}', "{name: side}")
    asked = times(found, "image_failed")
    assert [later - before for before, later in itertools.pairwise(asked)] == pytest.approx(
        [10, 20, 40, 80, 160, 300, 300]
    )
    waits = rows(found, "container_held_back")
    assert {row["reason"] for row in waits} == {"ImagePullBackOff"}
    assert len(times(found, "container_started", "side")) == 1
    (pod,) = found.pods_there()
    assert pod.status is not None
    assert (pod.status.phase, pod.status.containers[0].reason) == ("Pending", "ImagePullBackOff")


def test_an_image_that_is_never_pulled_is_waited_for() -> None:
    found = with_images('{name: app, image: "shop/web:1", imagePullPolicy: Never}')
    assert times(found, "image_pulling") == []
    assert {row["reason"] for row in rows(found, "container_held_back")} == {"ErrImageNeverPull"}


def test_a_crash_breaks_a_pull_off_and_the_pod_asks_again() -> None:
    crash = "{name: f, at: 8s, crash: {minion: m-0}, repair: 10s}"
    found = with_images('{name: app, image: "shop/web:1"}', faults=(crash,))
    assert len(times(found, "image_pulling")) == 2
    # Back at 18 s, its sandbox 2 s later; the layer that had come whole is kept.
    assert times(found, "container_started") == pytest.approx([30], abs=0.01)


def test_a_pod_that_goes_while_its_image_comes_starts_nothing() -> None:
    kill = "{name: k, at: 5s, kill: {pods: web}}"
    found = with_images('{name: app, image: "shop/web:1"}', faults=(kill,), until="1m")
    assert len(times(found, "pod_removed")) == 1
    assert [row["object"] for row in rows(found, "container_started")] == ["pod/default/web-1"]


def test_images_in_use_are_left_when_their_pods_are_gone() -> None:
    kill = "{name: k, at: 1m, kill: {pods: web}}"
    found = with_images('{name: app, image: "shop/web:1"}', faults=(kill,), until="2m")
    images = found.plane.images if found.plane is not None else None
    assert images is not None
    (pod,) = found.pods_there()
    # A pod was replaced where its image was, and its successor uses it alone.
    image = images._plan.image("shop/web:1")
    assert image is not None
    disk = images._of(pod.minion).disk
    assert (disk.has(image), bool(disk.idle)) == (True, False)
    disk.leave(image, found.engine.now_s)
    assert disk.idle


def test_a_slow_dependency_makes_probes_fail_and_kills() -> None:
    slow = "{name: s, at: 60s, slow: {pods: web, takes: 3s}, for: 25s}"
    probed = "{name: app, stops: 0s, probes: {readiness: {period: 5s}, liveness: {period: 5s}}}"
    found = world(probed, "{name: side}", faults=(slow,))
    failed = rows(found, "probe_failed")
    assert [(row["container"], row["reason"]) for row in failed] == [
        ("container/app", reason) for reason in [row["reason"] for row in failed]
    ]
    assert min(row["reason"] for row in failed) == "Liveness"
    (again,) = [row for row in rows(found, "container_started") if row["value"]]
    assert 60 + 11 <= again["time_s"] <= 60 + 16
    (pod,) = found.pods_there()
    assert (pod.ready, pod.restarts) == (True, 1)
    # Who does not answer at all fails too; without an end it stays so.
    hang = "{name: s, at: 60s, slow: {pods: web}}"
    assert len(times(world(probed, "{name: side}", faults=(hang,)), "container_exited", "app")) > 5


def test_rules_say_how_containers_of_manifests_behave(tmp_path: Path) -> None:
    (tmp_path / "rc.yaml").write_text(
        """
apiVersion: v1
kind: ReplicationController
metadata: {name: web}
spec:
  replicas: 2
  selector: {app: web}
  template:
    metadata: {labels: {app: web}}
    spec: {initContainers: [{name: i}], containers: [{name: a}, {name: b}]}
"""
    )
    (tmp_path / "s.yaml").write_text(
        """
apiVersion: wavetank/v1
name: rules
until: 2m
cluster: {minions: [{name: m, cpu: 4, memory: 8Gi}]}
workloads: [{manifest: rc.yaml}]
behaviour:
  - {pods: web, runs: 20s, exitCode: 3}
  - {pods: app=web, container: b, runs: 50s}
  - {pods: web, container: i, runs: 7s}
  - {enabled: false, pods: web, runs: 1s}
"""
    )
    found = World(make_plan(load_scenario(tmp_path / "s.yaml", vocabulary=vocabulary())), sinks())
    found.run()
    ran_s = {
        row["container"]: (row["container_exited_ran_s"], row["container_exited_code"])
        for row in rows(found, "container_exited")
    }
    assert ran_s == {
        "container/i": (pytest.approx(7), 0),
        "container/a": (pytest.approx(20), 3),
        "container/b": (pytest.approx(50), 0),
    }


def test_after_a_crash_an_image_is_in_use_again() -> None:
    crash = "{name: f, at: 1m, crash: {minion: m-0}, repair: 10s}"
    found = with_images('{name: app, image: "shop/web:1"}', faults=(crash,), until="2m")
    images = found.plane.images if found.plane is not None else None
    assert images is not None
    assert len(times(found, "container_started")) == 2
    assert not images._of(0).disk.idle


@pytest.mark.parametrize(("scale", "most"), [("", 9), ("scale: [{at: 1h, replicas: 0}], ", 14)])
def test_a_probed_pod_with_a_cold_image_costs_few_events_and_records(scale: str, most: int) -> None:
    text = CLUSTER.format(until="2h", faults="", clients="").replace("count: 2, cpu: 4", "count: 10, cpu: 16")
    text += 'images: [{name: "a:1", layers: [{name: base, size: 30M}, {name: lib, size: 60M}, {name: a, size: 9M}]}]\n'
    pod = f"{{containers: [{APP.replace('name: app,', 'name: app, image: a:1,')}]}}"
    found = ran(f"{text}controllers: [{{name: web, replicas: 300, {scale}pod: {pod}}}]\n")
    assert len(times(found, "pod_ready")) == 300
    assert found.engine.dispatched / 300 <= most
    lives = Counter(row["object"] for row in records(found) if str(row["object"]).startswith("pod/"))
    assert max(lives.values()) <= 12


def test_a_pod_of_which_all_die_at_once_ends_once_whatever_one_of_them_leaves_to_the_other() -> None:
    """Both want all CPUs and are probed: the end of the first would be felt by the second, which is dead too."""
    busy = "{{name: {}, cpu: 100m, probes: {{readiness: {{}}}}, uses: {{threads: 8}}}}"
    two = f"[{busy.format('a')}, {busy.format('b')}]"
    text = CLUSTER.format(until="5m", faults="{name: k, at: 1m, kill: {pods: job, mode: kill}}", clients="")
    found = ran(
        f"{text}\nworkloads: [{{name: job, count: 1, arrivals: {{at: 1s}}, pod: {{restartPolicy: Never, containers: {two}}}}}]\n"
    )
    assert [row["time_s"] for row in rows(found, "container_exited")] == [60, 60]
    assert len(rows(found, "pod_failed")) == 1
