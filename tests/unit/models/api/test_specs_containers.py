"""Containers in a scenario: what they become, and what is told of what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from models.api.behaviour import Behaviour
from models.api.loading import load_scenario_text
from models.api.manifests import read_manifest_text
from models.api.manifests_render import make_object
from models.api.specs import Scenario
from models.api.specs_controllers import Controller
from models.api.specs_manifests import ManifestObject
from models.api.specs_notes import scenario_notes
from models.catalog import vocabulary
from sim.diagnostics import Diagnostic
from sim.distributions import Constant, Exponential
from sim.errors import ScenarioError

HEAD = """apiVersion: wavetank/v1
name: test
until: 1h
cluster: {minions: [{name: m, cpu: 4, memory: 8Gi}]}
"""


def scenario(pod: str, more: str = "") -> Scenario:
    text = f"{HEAD}controllers:\n  - name: web\n    pod: {pod}\n{more}"
    return load_scenario_text(text, "s.yaml", vocabulary=vocabulary())


def problems(pod: str, more: str = "") -> list[str]:
    with pytest.raises(ScenarioError) as found:
        scenario(pod, more)
    return [f"{each.line}:{each.column}: {each.message}" for each in found.value.diagnostics]


def test_a_pod_asks_for_the_sum_of_its_containers_or_its_largest_init_container() -> None:
    pod = "{initContainers: [{name: i, cpu: 300m}], containers: [{name: a, cpu: 100m, memory: 1Gi}, {name: b, cpu: 50m}]}"
    found = scenario(pod).controllers[0].pod
    assert (found.cpu_millicores, found.memory_bytes) == (Constant(300.0), Constant(float(2**30)))
    containers = found.containers
    assert containers is not None
    assert [each.name for each in (*containers.init_containers, *containers.containers)] == ["i", "a", "b"]


def test_what_is_written_back_reads_as_the_same() -> None:
    found = scenario(
        "{initContainers: [{name: i, runs: {exponential: {mean: 5s}}}], containers: [{name: a, cpu: 100m, "
        "extended: {example.com/fpga: 2}, image: 'shop/web', exitCode: 3, runs: 1m, preStop: 2s, healthyUntil: 3m, "
        "probes: {liveness: {period: 5s, slowFrom: 2m, takes: 3s}, startup: {failureThreshold: 30}}}]}"
    )
    again = Scenario.model_validate(found.to_plain())
    assert again == found
    assert again.controllers[0].pod.containers == found.controllers[0].pod.containers
    containers = found.controllers[0].pod.containers
    assert containers is not None
    app = containers.containers[0]
    assert (app.image_pull_policy, app.behaviour.exit_code, app.behaviour.pre_stop_s) == ("Always", 3, 2.0)
    assert app.liveness is not None
    assert app.startup is not None
    assert app.liveness.health is not None
    assert (app.liveness.period_s, app.liveness.health.takes_s, app.startup.health) == (5.0, 3.0, None)
    assert app.behaviour.health.healthy_until == Constant(180.0)
    assert containers.init_containers[0].behaviour.runs == Exponential(5.0)


def test_containers_need_the_control_plane() -> None:
    text = f"{HEAD}workloads: [{{name: w, arrivals: {{at: 0s}}, count: 1, pod: {{containers: [{{name: a}}]}}}}]\n"
    assert load_scenario_text(text, "s.yaml", vocabulary=vocabulary()).master.timing == "kubernetes"
    with pytest.raises(ScenarioError, match="timing instant does not go with 'containers'"):
        load_scenario_text(text + "master: {timing: instant}\n", "s.yaml", vocabulary=vocabulary())


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ("{containers: [{name: a}, {name: a}]}", ["the name 'a' is given twice"]),
        ("{containers: [{name: a}], initContainers: [{name: a}]}", ["the name 'a' is given twice"]),
        (
            "{containers: [{name: a}], initContainers: [{name: i, probes: {liveness: {}}}]}",
            ["an init container has no probes: it is done when it ends"],
        ),
        ("{initContainers: [{name: i}]}", ["'initContainers' does not go without 'containers'"]),
        (
            "{cpu: 1, containers: [{name: a, cpu: 100m}]}",
            ["expected what its containers ask for in all, or nothing: they say it"],
        ),
        (
            "{containers: [{name: a, probes: {liveness: {successThreshold: 2}}}]}",
            ["expected 1: only readiness may ask for more passes"],
        ),
        (
            "{containers: [{name: a, takes: 3s}]}",
            ["'slowFrom' is missing: expected a time or distribution, as 10m, with 'takes'"],
        ),
        (
            "{containers: [{name: a, never: true, healthyUntil: 3s}]}",
            ["'healthyUntil' does not go with 'never': it is never healthy"],
        ),
        ("{containers: [{name: a, healthyFrom: 5s, healthyUntil: 3s}]}", ["expected a time after 'healthyFrom'"]),
        ("{containers: [{name: a, exitCode: 256}]}", ["expected an exit code"]),
        ("{containers: [{name: a, probes: {livenes: {}}}]}", ["'livenes' is not a key"]),
        ("{containers: [{name: a, probes: {liveness: {period: 0s}}}]}", ["expected a time longer than 0"]),
        ("{containers: [{name: a, runs: 10}]}", ["expected a time with a unit"]),
        ("{containers: [{name: a}], restartPolicy: Never}", ["expected Always: a controller's pods are restarted"]),
        ("{containers: [{image: b}], restartPolicy: Alwys}", ["'name' is missing", "Alwys"]),
    ],
)  # fmt: skip
def test_problems_are_told_with_their_place(pod: str, expected: list[str]) -> None:
    found = problems(pod)
    assert len(found) == len(expected), found
    for words in expected:
        assert any(words in each for each in found), found
    assert all(each.startswith("7:") for each in found)


def test_containers_say_how_long_they_run() -> None:
    work = "workloads: [{name: w, arrivals: {at: 0s}, count: 1, duration: 5m, ends: Failed, pod: {containers: [{name: a}]}}]"
    found = problems("{}", work)
    assert [each.partition(": ")[2] for each in found] == [
        "'duration' does not go with containers, of which each says how long it 'runs'",
        "'ends' does not go with containers, of which each says how long it 'runs'",
    ]


def test_a_rule_that_selects_nothing_is_noted() -> None:
    found = scenario(
        "{containers: [{name: a}]}", "behaviour: [{pods: app=web, runs: 1m}, {pods: app=shop, runs: 1m}]\n"
    )
    assert scenario_notes(found) == (
        "Rule 1 of behaviour selects nothing: no pod with containers has app=shop.",
    )


def test_containers_are_written_as_v1_and_read_back_but_for_their_behaviour() -> None:
    found = scenario(
        "{initContainers: [{name: i, cpu: 50m, runs: 5s}], containers: ["
        "{name: a, cpu: 100m, memory: 64Mi, image: 'shop/web:1', imagePullPolicy: Always, runs: 1m, "
        "probes: {liveness: {period: 5s, initialDelay: 30s}, readiness: {successThreshold: 2}}}, {name: b}]}"
    ).controllers[0]
    (again,), problems = read_back(make_object(found))
    assert problems == []
    assert isinstance(again.spec, Controller)
    before, after = found.pod.containers, again.spec.pod.containers
    assert before is not None
    assert after is not None
    plain = [replace(each, behaviour=Behaviour()) for each in (*before.init_containers, *before.containers)]
    assert [*after.init_containers, *after.containers] == plain
    assert again.spec.pod.cpu_millicores == found.pod.cpu_millicores


def read_back(made: ManifestObject) -> tuple[tuple[ManifestObject, ...], list[Diagnostic]]:
    found, problems = read_manifest_text(json.dumps(made.raw), "m.json")
    return found.objects, problems
