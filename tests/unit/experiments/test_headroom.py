"""How many more fit: counted by hand, whatever the policy; what stops the next; bad input of either file at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import main
from experiments.dumps.cluster import make_dump
from experiments.headroom import headroom, headroom_lines, headroom_section
from sim.errors import PluginError, ScenarioError

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers: [{name: c, image: nginx, resources: {requests: {cpu: "2", memory: 3Gi}}}]
"""
SCENARIO = """
apiVersion: wavetank/v1
name: s
until: 2h
cluster:
  minions:
    - {name: a, count: 5, cpu: 8, memory: 16Gi}
    - {name: b, count: 3, cpu: 4, memory: 4Gi}
workloads: [{name: w, arrivals: {at: 0s}, count: 7, duration: 1h, pod: {cpu: 1500m, memory: 2Gi, minions: a}}]
"""


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes a scenario and a pod; returns their paths."""

    def write(scenario: str = SCENARIO, pod: str = POD) -> tuple[Path, Path]:
        files = tmp_path / "s.yaml", tmp_path / "pod.yaml"
        for file, text in zip(files, (scenario, pod), strict=True):
            file.write_text(text)
        return files

    return write


def test_what_fits_is_counted_by_hand(written: Any) -> None:
    found = headroom(*written(), ["policy.scheduler=first-fit"])
    # a-0 has five w (7.5 cores), a-1 two (3 cores, 4 GiB: 2 fit); a-2 to a-4 take 4 of cpu; b one each of memory.
    assert found.by_minion == {"a-1": 2, "a-2": 4, "a-3": 4, "a-4": 4, "b-0": 1, "b-1": 1, "b-2": 1}
    assert found.fit == 17
    rooms = {each.resource: each for each in found.rooms}
    cpu = rooms["cpu_millicores"]
    assert (cpu.allocatable, cpu.requested, cpu.taken, cpu.stranded) == (52_000, 10_500, 34_000, 7_500)
    assert rooms["pods"].taken == 17
    assert found.minions == 8
    assert found.waiting == 0
    assert sum(found.reasons.values()) >= 8


def test_what_has_ended_by_then_is_not_in_the_way(written: Any) -> None:
    files = written()
    assert headroom(*files, at="59m").fit == headroom(*files).fit
    assert headroom(*files, at="61m").fit == 5 * 4 + 3


@pytest.mark.parametrize(
    "policy", ["best-fit", "worst-fit", "dot-product", "random", "first-fit", "fgd", "kubernetes"]
)
def test_every_policy_decides_by_itself(written: Any, policy: str) -> None:
    found = headroom(*written(), [f"policy.scheduler={policy}", "workloads=[]"])
    assert found.fit == 23
    assert found.policy == policy


def test_a_policy_may_leave_room(written: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_headroom.py").write_text(
        "from models.api.protocols import Refusal\n"
        "def two(view, pod, context):\n"
        "    n = int(view.free[0, 0])\n"
        "    return 0 if n > 4000 else Refusal({'enough': 3})\n"
        "def bad(view, pod, context):\n"
        "    return 99\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = headroom(*written(), ["policy.scheduler=mine_headroom:two", "workloads=[]"])
    assert (found.by_minion, found.reasons) == ({"a-0": 2}, {"enough": 3})
    assert headroom_lines(found)[1] == "What stops the next: 0 of 8 minions: enough x 3"
    with pytest.raises(PluginError, match="answered 99"):
        headroom(*written(), ["policy.scheduler=mine_headroom:bad"])


def test_nothing_fits(written: Any) -> None:
    found = headroom(*written(pod=POD.replace('"2"', '"9"')))
    assert found.fit == 0
    assert found.reasons == {"Insufficient cpu": 8}
    assert headroom_lines(found)[0] == "No more of web fits at 0 s under best-fit."


def test_a_fraction_of_a_gpu_and_what_is_stranded(written: Any) -> None:
    scenario = """
apiVersion: wavetank/v1
name: g
cluster: {minions: [{name: a, count: 2, cpu: 8, memory: 16Gi, gpu: {count: 2}}]}
"""
    asked = json.dumps({"count": 1, "milli": 600})
    pod = POD.replace("labels: {app: web}", f"annotations: {{wavetank/gpu: '{asked}'}}")
    found = headroom(*written(scenario, pod))
    assert found.fit == 4
    rows = {row[0]: row[1:] for row in headroom_section(found).rows}
    assert rows["gpu"] == ("4", "0", "2.4", "1.6", "40.0%")
    assert "ephemeral-storage" not in rows


def test_the_template_of_a_controller_is_as_a_pod(written: Any) -> None:
    deployment = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 100
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: nginx, resources: {requests: {cpu: "2", memory: 3Gi}}}]
"""
    assert headroom(*written(pod=deployment)).by_minion == headroom(*written()).by_minion


SEVERAL = """schedulers:
  - {name: batch, policy: first-fit, minions: a}
  - {name: service, serves: [service, web], policy: {worst-fit: {}}, minions: b}
"""


def asking(scheduler: str) -> str:
    return POD.replace("spec:\n", f"spec:\n  schedulerName: {scheduler}\n")


@pytest.mark.parametrize(
    ("scheduler", "policy", "minions", "by_minion"),
    [
        # No w is in the way: nobody takes those, as they ask for the default scheduler.
        ("batch", "first-fit", 5, {f"a-{i}": 4 for i in range(5)}),
        ("web", "worst-fit", 3, {f"b-{i}": 1 for i in range(3)}),
    ],
)
def test_the_scheduler_that_the_pod_asks_for_decides_on_its_minions(
    written: Any, scheduler: str, policy: str, minions: int, by_minion: dict[str, int]
) -> None:
    found = headroom(*written(SCENARIO + SEVERAL, asking(scheduler)), at="10m")
    assert (found.policy, found.by_minion, found.minions) == (policy, by_minion, minions)
    assert sum(found.reasons.values()) == minions
    rooms = {each.resource: each for each in found.rooms}
    # Only of its partition.
    assert rooms["cpu_millicores"].allocatable == {5: 40_000, 3: 12_000}[minions]
    assert rooms["cpu_millicores"].taken == 2000 * found.fit
    assert f"{found.fit} more of web fit" in headroom_lines(found)[0]


def test_a_scheduler_that_is_not_there_takes_nothing(written: Any) -> None:
    scenario, pod = written(SCENARIO + SEVERAL, asking("bach"))
    assert problems(scenario, pod) == [
        f"{pod}:6:18: no scheduler takes pods that ask for 'bach' (there are batch, service, web); did you mean 'batch'?"
    ]
    scenario, pod = written(SCENARIO + SEVERAL)
    (found,) = problems(scenario, pod)
    assert "no scheduler takes pods that ask for 'default-scheduler'" in found
    # Where one takes all, it is the default one, and takes nobody who asks for another.
    scenario, pod = written(pod=asking("batch"))
    (found,) = problems(scenario, pod)
    assert "no scheduler takes pods that ask for 'batch' (there are default-scheduler)" in found


@pytest.fixture(scope="module")
def dump() -> Any:
    return make_dump(12, 150)


def test_a_dump_is_filled_with_more_of_a_pod_that_it_has(dump: Any, tmp_path: Path) -> None:
    items = json.loads(json.dumps(dump["items"]))
    like = next(
        each
        for each in items
        if each["kind"] == "Pod"
        and each["status"]["phase"] == "Running"
        and each["metadata"].get("ownerReferences", [{}])[0].get("kind") == "ReplicaSet"
    )
    requests: dict[str, Any] = {"cpu": "1", "memory": "1Gi"}
    like["spec"]["containers"] = [{"name": "c", "image": "x", "resources": {"requests": requests}}]
    like["spec"].pop("initContainers", None)
    like["spec"].pop("nodeSelector", None)
    files = tmp_path / "dump.json", tmp_path / "like.json"
    files[0].write_text(json.dumps({**dump, "items": items}))
    files[1].write_text(json.dumps(like))
    found = headroom(*files)
    assert found.pod == like["metadata"]["name"]
    assert found.minions == 12
    assert found.fit > 0
    # By hand: of each Node that takes pods, what its pods leave of cpu, memory and pods.
    free = _free(items)
    wanted = {name: min(cpu // 1000, memory // 2**30, pods) for name, (cpu, memory, pods) in free.items()}
    assert found.by_minion == {name: count for name, count in wanted.items() if count}


def _free(items: list[Any]) -> dict[str, tuple[int, int, int]]:
    def amount(text: str, what: str) -> int:
        units = {"m": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
        number = text.rstrip("mKiMGT")
        unit = text[len(number) :]
        return int(number) * (units[unit] if unit else 1000 if what == "cpu" else 1)

    def asked(pod: Any) -> tuple[int, int, int]:
        def of(container: Any, what: str) -> int:
            return amount(container.get("resources", {}).get("requests", {}).get(what, "0"), what)

        spec = pod["spec"]
        cpu, memory = (
            max(
                sum(of(each, what) for each in spec["containers"]),
                max((of(each, what) for each in spec.get("initContainers", ())), default=0),
            )
            for what in ("cpu", "memory")
        )
        return cpu, memory, 1

    free = {}
    for node in (each for each in items if each["kind"] == "Node"):
        has = node["status"]["allocatable"]
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        if not ready or node["spec"].get("unschedulable") or node["spec"].get("taints"):
            continue
        name = node["metadata"]["name"]
        free[name] = [amount(has["cpu"], "cpu"), amount(has["memory"], "memory"), int(has["pods"])]
    for pod in (each for each in items if each["kind"] == "Pod"):
        name = pod["spec"].get("nodeName")
        if name in free and pod["status"]["phase"] not in ("Succeeded", "Failed"):
            free[name] = [left - used for left, used in zip(free[name], asked(pod), strict=True)]
    return {name: (cpu, memory, pods) for name, (cpu, memory, pods) in free.items()}


def problems(*arguments: Any, **words: Any) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        headroom(*arguments, **words)
    return [str(each) for each in caught.value.diagnostics]


def test_all_that_is_wrong_is_told_at_once(written: Any) -> None:
    scenario, pod = written(
        SCENARIO.replace("count: 5", "count: five"), POD.replace("kind: Pod", "kind: Pot")
    )
    found = problems(scenario, pod, ["policy.scheduler=best-fitt"], at="3")
    assert len(found) == 4
    assert any("five" in each for each in found)
    assert any("best-fitt" in each for each in found)
    assert any('no matches for kind "Pot"' in each for each in found)
    assert any(each.startswith("--at:1:1: expected a time with a unit") for each in found)


def test_a_time_after_the_end_and_two_pods(written: Any) -> None:
    scenario, pod = written(pod=f"{POD}---{POD.replace('web', 'db')}")
    found = problems(scenario, pod, at="3h")
    assert found == [
        "--at:1:1: expected a time until the scenario's end at 2 h, not 3h",
        f"{pod}:8:1: expected one Pod, ReplicationController, ReplicaSet or Deployment, but there are 2 Pod",
    ]


def test_an_unknown_priority_class_and_a_service(written: Any) -> None:
    scenario, pod = written(pod=POD.replace("spec:", "spec:\n  priorityClassName: gold"))
    (found,) = problems(scenario, pod)
    assert "no PriorityClass with name gold was found" in found
    assert found.startswith(f"{pod}:6:")
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"
    (found,) = problems(*written(pod=service))
    assert "but there are 1 Service" in found


def test_manifests_without_a_node_hold_nothing(written: Any) -> None:
    (found,) = problems(*written(scenario=POD))
    assert "there is no Node" in found


def test_the_command_prints_it(written: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    scenario, pod = written()
    monkeypatch.setattr("sys.argv", ["wavetank", "headroom", str(scenario), "--pod", str(pod), "--at", "90m"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    said = capsys.readouterr().out
    assert "23 more of web fit at 90 min under best-fit: on 8 of 8 minions, at most 4 on one." in said
    assert "What stops the next: 0 of 8 minions: Insufficient cpu x 5, Insufficient memory x 3" in said
    assert "stranded" in said
