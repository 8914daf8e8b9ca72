"""What containers use, their limits and the caps on them: what it becomes, and what is told of what is wrong."""

from __future__ import annotations

import pytest

from models.api.qos import qos_class
from models.api.specs import Scenario
from models.api.usage import PodUsage, Usage
from models.behaviours import Behaviours
from sim.distributions import Constant, Uniform
from tests.unit.models.api.test_specs_containers import problems, scenario


def test_a_container_says_what_it_uses_and_that_reads_back_as_the_same() -> None:
    found = scenario(
        "{containers: [{name: a, cpu: 500m, limits: {cpu: 1, memory: 1Gi}, uses: {ofRequest: {uniform: {low: 0.2, "
        "high: 1}}, threads: 3, redraw: 1h}}, {name: b, uses: {threads: 2, work: 30s}}]}"
    )
    containers = found.controllers[0].pod.containers
    assert containers is not None
    first, second = containers.containers
    assert first.behaviour.uses == Usage(None, Uniform(0.2, 1.0), 3, 3600.0)
    assert second.behaviour.uses == Usage(None, None, 2, None, Constant(30.0))
    assert dict(first.limits) == {"cpu": 1000, "memory": 2**30}
    again = Scenario.model_validate(found.to_plain())
    assert again == found
    assert again.controllers[0].pod.containers == containers


def test_a_limit_is_the_request_where_none_is_given() -> None:
    found = scenario("{containers: [{name: a, limits: {cpu: 1, memory: 1Gi}}]}").controllers[0].pod
    assert (found.cpu_millicores, found.memory_bytes) == (Constant(1000.0), Constant(float(2**30)))
    assert found.containers is not None
    assert qos_class(found.containers) == "Guaranteed"


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("{name: a}", "BestEffort"),
        ("{name: a, cpu: 100m}", "Burstable"),
        ("{name: a, cpu: 100m, memory: 1Gi, limits: {cpu: 100m}}", "Burstable"),
        ("{name: a, cpu: 100m, memory: 1Gi, limits: {cpu: 100m, memory: 1Gi}}", "Guaranteed"),
        ("{name: a, cpu: 100m, memory: 1Gi, limits: {cpu: 200m, memory: 1Gi}}", "Burstable"),
    ],
)
def test_quality_of_service_is_v1s(container: str, expected: str) -> None:
    found = scenario(f"{{containers: [{container}]}}").controllers[0].pod.containers
    assert found is not None
    assert qos_class(found) == expected


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert problems(
        "{containers: [{name: a, cpu: 2, limits: {cpu: 1}}, {name: b, uses: {cpu: 1, ofRequest: 0.5}}, "
        "{name: c, uses: {redraw: 1h}}, {name: d, runs: 5m, uses: {work: 3s}}, {name: e, uses: {thread: 2}}]}",
        "caps: share\n",
    ) == [
        "7:56: the cpu limit is below the request: expected at least as much as 'cpu'",
        "7:86: expected 'cpu' or 'ofRequest', not both",
        "7:121: 'redraw' needs 'cpu' or 'ofRequest': there is nothing to draw",
        "7:145: 'runs' does not go with the 'work' of 'uses': it ends when that is done",
        "7:191: 'thread' is not a key of 'uses'",
        "8:7: expected none, shares, quota or quota-and-memory, not 'share'",
    ]


def test_caps_are_by_default_or_by_pod() -> None:
    found = scenario(
        "{labels: {app: web}, uses: {threads: 2}}",
        "caps: {default: shares, pods: [{pods: app=web, cap: none}]}\n",
    )
    pod, behaviours = found.controllers[0].pod, Behaviours((), found.caps)
    assert behaviours.of(pod, "web").usage == PodUsage(Usage(threads=2), "none")
    other = scenario("{uses: {threads: 2}}", "caps: quota\n")
    assert Behaviours((), other.caps).of(other.controllers[0].pod).usage == PodUsage(
        Usage(threads=2), "quota"
    )
    with_containers = scenario("{containers: [{name: a}]}", "caps: none\n")
    told = Behaviours((), with_containers.caps).of(with_containers.controllers[0].pod).containers
    assert told is not None
    assert told.cap == "none"


def test_whose_memory_it_is_and_what_is_read_reads_back_and_is_told_where_it_is_wrong() -> None:
    found = scenario(
        "{containers: [{name: a, uses: {memory: 1Gi, process: child, reads: 10Mi}}, {name: b, uses: {memory: 1Gi, process: first}}]}"
    )
    pod = found.controllers[0].pod.containers
    assert pod is not None
    child, first = (each.behaviour.uses for each in pod.containers)
    assert child is not None
    assert (child.in_child, child.reads_bytes) == (True, 10 * 2**20)
    assert first is not None
    assert (first.in_child, first.reads_bytes) == (False, 0)
    assert problems(
        "{containers: [{name: a, uses: {process: child}}, {name: b, uses: {memory: 1Gi, process: chlid}}, "
        "{name: c, uses: {reads: 10}}]}"
    ) == [
        "7:41: 'process' needs 'memory': what it holds at its start, as 100Mi",
        "7:98: expected first or child, not 'chlid'",
        "7:131: expected a size with a unit, as 32Gi, 512Mi or 100M, not the bare number 10",
    ]
    assert problems("{uses: {threads: 2, reads: 10Mi}}") == [
        "7:30: 'reads' of 'uses' needs 'containers': it is their images' files that are read"
    ]
