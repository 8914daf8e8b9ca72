# Sentences stand whole, as a user sees them.

from __future__ import annotations

import pytest

from models.api.containers import ContainerSpec, HandlerSpec, PodContainers, ProbeSpec, default_pull_policy
from models.api.manifests import read_manifest_text
from models.api.specs import Vocabulary
from models.api.specs_manifests import ManifestPod
from models.api.types import ResourceTable
from models.workloads.templates import TemplateTable

POD = """
apiVersion: v1
kind: Pod
metadata: {name: a, annotations: {wavetank/run: 5s, other: x}}
spec:
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 7
  initContainers: [{name: i, image: "busybox"}]
  containers:
    - name: web
      image: "registry.example.com:5000/shop/web:1.2"
      ports: [{containerPort: 80, name: http}]
      resources: {requests: {cpu: 100m}, limits: {cpu: 1, memory: 64Mi}}
      readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 5, failureThreshold: 0}
      livenessProbe: {tcpSocket: {port: 80}, initialDelaySeconds: 15, timeoutSeconds: 2}
      startupProbe: {exec: {command: [cat, /ready]}, failureThreshold: 30, successThreshold: 1}
      lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "sleep 15 && true"]}}}
    - {name: log, image: "log@sha256:abc", imagePullPolicy: Never}
"""


def pod_of(text):
    found, problems = read_manifest_text(text, "m.yaml")
    assert [str(each) for each in problems] == []
    (each,) = found.objects
    assert isinstance(each.spec, ManifestPod)
    return each.spec.pod


def test_containers_are_read_with_v1_defaults():
    assert pod_of(POD).containers == PodContainers(
        containers=(
            ContainerSpec(
                "web",
                "registry.example.com:5000/shop/web:1.2",
                requests=(("cpu", 100), ("memory", 64 * 2**20)),
                limits=(("cpu", 1000), ("memory", 64 * 2**20)),
                readiness=ProbeSpec(
                    HandlerSpec("httpGet", port="http", path="/healthz"), period_s=5.0, failure_count=3
                ),
                liveness=ProbeSpec(
                    HandlerSpec("tcpSocket", port=80),
                    initial_delay_s=15.0,
                    period_s=10.0,
                    timeout_s=2.0,
                    success_count=1,
                    failure_count=3,
                ),
                startup=ProbeSpec(
                    HandlerSpec("exec", command=("cat", "/ready")), timeout_s=1.0, failure_count=30
                ),
                pre_stop=HandlerSpec("exec", command=("/bin/sh", "-c", "sleep 15 && true")),
            ),
            ContainerSpec("log", "log@sha256:abc", "Never"),
        ),
        init_containers=(ContainerSpec("i", "busybox", "Always"),),
        restart_policy="OnFailure",
        grace_s=7.0,
        annotations=(("wavetank/run", "5s"),),
    )


def test_amounts_are_asked_by_name():
    web, log = pod_of(POD).containers.containers
    assert (web.request("cpu"), web.request("memory"), web.request("example.com/x")) == (100, 64 * 2**20, 0)
    assert (web.limit("cpu"), log.limit("cpu")) == (1000, None)


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("web", "Always"),
        ("web:latest", "Always"),
        ("localhost:5000/web", "Always"),
        ("localhost:5000/web:1", "IfNotPresent"),
        ("web:latest@sha256:ab", "IfNotPresent"),
        ("", "IfNotPresent"),
    ],
)
def test_images_that_may_change_are_always_pulled(image, policy):
    assert default_pull_policy(image) == policy


@pytest.mark.parametrize(
    ("handler", "takes_s"),
    [
        (HandlerSpec("sleep", seconds=3.0), 3.0),
        (HandlerSpec("exec", command=("sleep", "20")), 20.0),
        (HandlerSpec("exec", command=("/bin/sleep", "2.5")), 2.5),
        (HandlerSpec("exec", command=("sh", "-c", "sleep 5; nginx -s quit")), 5.0),
        (HandlerSpec("exec", command=("sh", "-c", "exec sleep 5s")), 5.0),
        (HandlerSpec("exec", command=("nginx", "-s", "quit")), 0.0),
        (HandlerSpec("exec", command=("sh", "-c", "nosleep 5")), 0.0),
        (HandlerSpec("httpGet", port=80, path="/sleep 5"), 0.0),
    ],
)
def test_a_hook_takes_what_it_says(handler, takes_s):
    assert handler.takes_s == takes_s


def test_pods_whose_containers_differ_have_two_templates():
    table = TemplateTable(ResourceTable())
    first, second = pod_of(POD).containers, pod_of(POD.replace("busybox", "alpine")).containers
    one = table.intern(1, 1, containers=first)
    assert table.intern(1, 1, containers=pod_of(POD).containers) is one
    assert table.intern(1, 1, containers=second) is not one
    assert one.containers == first


def test_a_template_of_a_scenario_carries_its_containers(tmp_path):
    from models.api.loading import load_scenario_text
    from models.plan import make_plan

    (tmp_path / "m.yaml").write_text(POD)
    text = (
        "apiVersion: wavetank/v1\nname: a\nuntil: 1m\ncluster: {minions: [{name: m, cpu: 4, memory: 8Gi}]}\n"
        "workloads: [{manifest: m.yaml}]"
    )
    spec = load_scenario_text(text, base_dir=tmp_path, vocabulary=Vocabulary(("first-fit",), ()))
    (template,) = make_plan(spec).templates
    assert template.containers == pod_of(POD).containers


CONTAINER = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, %s}]}}"
PROBE = CONTAINER % "livenessProbe: ~{%s}"
# A '~' stands before the place that is told.
MISTAKES = {
    PROBE % "": "spec.containers[0].livenessProbe: Required value: must specify a handler type",
    PROBE.replace("~", "") % "exec: {command: [a]}, ~tcpSocket: {port: 1}": "spec.containers[0].livenessProbe.tcpSocket: "
    "Forbidden: may not specify more than 1 handler type",
    PROBE.replace("~", "") % "tcpSocket: {port: 1}, successThreshold: ~2": "spec.containers[0].livenessProbe."
    "successThreshold: Invalid value: 2: must be 1",
    PROBE.replace("~", "") % "tcpSocket: {port: 1}, periodSeconds: ~-1": "spec.containers[0].livenessProbe."
    "periodSeconds: Invalid value: -1: must be greater than or equal to 0",
    PROBE.replace("~", "") % "tcpSocket: {port: ~70000}": "spec.containers[0].livenessProbe.tcpSocket.port: "
    "Invalid value: 70000: must be less than or equal to 65535",
    PROBE.replace("~", "") % "tcpSocket: ~{}": "spec.containers[0].livenessProbe.tcpSocket.port: Required value",
    PROBE.replace("~", "") % "exec: {command: ~x}": "spec.containers[0].livenessProbe.exec.command: "
    'Invalid type: expected "array" of "string"',
    CONTAINER % "lifecycle: {preStop: ~{}}": "spec.containers[0].lifecycle.preStop: Required value: must specify a "
    "handler type",
    CONTAINER % "imagePullPolicy: ~always": 'spec.containers[0].imagePullPolicy: Unsupported value: "always": supported '
    "values: \"Always\", \"IfNotPresent\", \"Never\"; did you mean 'Always'?",
    CONTAINER % "image: ~3": 'spec.containers[0].image: Invalid type: got "integer", expected "string"',
    (CONTAINER % "image: x").replace("]}}", "], initContainers: [{name: i, ~lifecycle: {preStop: {sleep: {seconds: 1}}}}]}}"):
    "spec.initContainers[0].lifecycle: Invalid value: must not be set for init containers",
}  # fmt: skip


@pytest.mark.parametrize(("marked", "sentence"), MISTAKES.items())
def test_mistakes_are_told_in_the_words_of_the_api(marked, sentence):
    _, found = read_manifest_text(marked.replace("~", ""), "m.yaml")
    assert [str(each) for each in found] == [f"m.yaml:1:{marked.index('~') + 1}: {sentence}"]
