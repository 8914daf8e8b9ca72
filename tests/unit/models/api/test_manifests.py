# Sentences stand whole, as a user sees them.
# ruff: noqa: ISC004

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.manifests import read_manifest_text
from models.api.manifests_render import make_object, render
from models.api.selectors import EVERYTHING, parse_selector
from models.api.specs_cluster import MinionPool
from models.api.specs_controllers import Controller, Service
from models.api.specs_manifests import ManifestPod
from models.api.specs_taints import Taint, Toleration
from models.api.specs_workloads import PodSpec
from models.api.types import GpuRequest
from sim.distributions import Constant

SHOP = """
apiVersion: v1
kind: ReplicationController
metadata: {name: web, namespace: shops, labels: {team: a}, annotations: {note: kept}}
spec:
  replicas: 3
  selector: {app: web}
  template:
    metadata: {labels: {app: web, tier: front}}
    spec:
      nodeSelector: {disk: ssd}
      priority: 7
      terminationGracePeriodSeconds: 5
      tolerations: [{key: dedicated, operator: Exists, effect: NoExecute, tolerationSeconds: 60}]
      overhead: {cpu: 10m}
      initContainers:
        - {name: init, resources: {requests: {cpu: 500m, memory: 1Mi}}}
      containers:
        - {name: a, image: "a:1", resources: {requests: {cpu: 100m}, limits: {cpu: 1, memory: 64Mi}}}
        - {name: b, image: "b:1", env: [], resources: {requests: {cpu: 0.2, memory: 64Mi, example.com/fpga: 2}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: api}
spec:
  selector: {matchExpressions: [{key: app, operator: In, values: [api, apis]}]}
  template: {metadata: {labels: {app: api}}, spec: {containers: [{name: c}]}}
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: shops}
    spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}, {name: s, port: 443}]}
  - {apiVersion: v1, kind: Service, metadata: {name: kubernetes}, spec: {ports: [{port: 443}]}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: b}}
  - apiVersion: v1
    kind: Pod
    metadata: {name: db.0, creationTimestamp: null}
    spec: {nodeName: n.1, containers: [{name: c, resources: {requests: {memory: 1G}}}]}
    status: {phase: Running}
  - {apiVersion: v1, kind: Pod, metadata: {name: over}, spec: {containers: [{name: c}]}, status: {phase: Failed}}
  - apiVersion: v1
    kind: Node
    metadata: {name: n.1, labels: {disk: ssd}}
    spec:
      unschedulable: true
      taints:
        - {key: dedicated, value: gpu, effect: NoSchedule}
        - {key: node.kubernetes.io/unschedulable, effect: NoSchedule}
    status:
      capacity: {cpu: "4", memory: 8Gi, pods: "20", example.com/fpga: "2", hugepages-2Mi: "0"}
      allocatable: {cpu: 3800m, memory: 7Gi, pods: "20", example.com/fpga: "2", hugepages-2Mi: "0"}
      conditions: [{type: MemoryPressure, status: "False"}, {type: Ready, status: "True"}]
"""


def read(text):
    found, problems = read_manifest_text(text, "m.yaml")
    assert [str(each) for each in problems] == []
    return found


def refused(text):
    return [str(each).removeprefix("m.yaml:") for each in read_manifest_text(text, "m.yaml")[1]]


def test_what_is_modelled_of_each_kind():
    web, api, service, bare, pod, over, node = read(SHOP).objects
    assert (over.spec.record.phase, over.spec.record.has_ended) == ("Failed", True)
    assert (web.kind, web.key, web.labels, web.annotations) == (
        "ReplicationController", "shops/web", {"team": "a"}, {"note": "kept"},
    )  # fmt: skip
    spec = web.spec
    assert isinstance(spec, Controller)
    assert (spec.name, spec.namespace, spec.replicas, spec.kind) == (
        "web",
        "shops",
        3,
        "ReplicationController",
    )
    assert (str(spec.selector), spec.pod.labels) == ("app=web", {"app": "web", "tier": "front"})
    # 300m of the containers against 500m of the init container, and the overhead; a limit is a request.
    assert spec.pod.cpu_millicores == Constant(510.0)
    assert spec.pod.memory_bytes == Constant(128.0 * 2**20)
    assert (spec.pod.extended, spec.pod.priority, spec.pod.grace_s) == ({"example.com/fpga": 2}, 7, 5.0)
    assert (str(spec.pod.minions), spec.pod.namespace) == ("disk=ssd", "shops")
    assert spec.pod.tolerations == (
        Toleration(key="dedicated", operator="Exists", effect="NoExecute", toleration_s="60s"),
    )
    assert (api.spec.kind, api.spec.replicas, str(api.spec.selector)) == (
        "ReplicaSet",
        1,
        "app in (api, apis)",
    )
    assert api.spec.pod.minions == EVERYTHING
    assert [(p.port, p.target_port, p.name) for p in service.spec.ports] == [
        (80, "http", "http"),
        (443, 443, "s"),
    ]
    assert (service.key, str(service.spec.selector), bare.spec.selector) == ("shops/web", "app=web", None)
    assert isinstance(pod.spec, ManifestPod)
    assert (pod.key, pod.spec.minion, pod.spec.pod.memory_bytes) == ("default/db.0", "n.1", Constant(1e9))
    assert isinstance(node.spec, MinionPool)
    assert (node.key, list(node.spec.minion_names()), node.spec.labels) == ("n.1", ["n.1"], {"disk": "ssd"})
    assert (node.spec.cpu_millicores, node.spec.reserved.cpu_millicores, node.spec.pods) == (4000, 200, 20)
    assert (node.spec.memory_bytes, node.spec.reserved.memory_bytes) == (8 * 2**30, 2**30)
    assert (node.spec.cordoned, node.spec.ready) == (True, True)
    assert node.spec.taints == (Taint(key="dedicated", value="gpu", effect="NoSchedule"),)
    assert node.spec.extended["example.com/fpga"] == 2


def test_lists_of_one_kind_say_it_for_their_items():
    item = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c"}]}}
    (pod,) = read(json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [item]})).objects
    assert (pod.kind, pod.raw) == ("Pod", {"apiVersion": "v1", "kind": "Pod", **item})
    wrong = json.dumps(
        {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "b"}}]}, indent=1
    )
    assert refused(wrong) == ["5:3: spec.containers: Required value"]
    found = read(
        "{apiVersion: apps/v1, kind: DaemonSetList, items: [{metadata: {name: a}}, {metadata: {name: b}}]}"
    )
    assert found.notes == ("m.yaml: 2 of the kind DaemonSet are not modelled and passed over.",)


def test_names_are_generated_where_only_their_beginning_is_given():
    text = POD.replace("name: a", "generateName: job-") % ("", "")
    assert [each.name for each in read(f"{text}\n---\n{text}").objects] == ["job-00001", "job-00002"]
    (problem,) = refused(POD.replace("name: a", "generateName: 'Job '") % ("", ""))
    assert "metadata.generateName: Invalid value" in problem


def test_a_node_has_the_images_that_it_says():
    images = '[{names: ["shop/web@sha256:aa", "shop/web:1", "Bad Name:1"], sizeBytes: 5}, {names: ["docker.io/library/pause:3"]}]'
    (node,) = read(
        "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {capacity: {cpu: 1, memory: 1Gi}, images: ~}}".replace(
            "~", images
        )
    ).objects
    assert node.spec.preloaded == ("shop/web:1", "docker.io/library/pause:3", "pause:3")


def test_what_is_not_modelled_is_named_once():
    assert read(SHOP).notes == (
        "m.yaml: 1 of the kind ConfigMap is not modelled and passed over.",
        "m.yaml: these fields are kept but not modelled: containers.env.",
    )


def test_json_is_read_with_places():
    text = json.dumps(
        json.loads(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}})), indent=1
    )
    assert refused(text) == ["1:1: spec.containers: Required value"]
    body = {"apiVersion": "v1", "kind": "List", "items": [each.raw for each in read(SHOP).objects]}
    for indent in (None, 2, "\t"):
        again = read(json.dumps(body, indent=indent)).objects
        assert [each.raw for each in again] == [each.raw for each in read(SHOP).objects]
    cut = json.dumps(body)[:-40]
    assert len(refused(cut)) == 1


POD = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c%s}]%s}}"
RC = (
    "{apiVersion: v1, kind: ReplicationController, metadata: {name: a}, spec: {%s"
    "template: {metadata: {labels: ~{app: a}}, spec: {containers: [{name: c}]%s}}}}"
)
RS = RC.replace("v1,", "apps/v1,").replace("ReplicationController", "ReplicaSet")
RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NAME = "expected a name of a-z, 0-9 and '-', at most 63 long"


def requests(text):
    return POD % (f", resources: {{requests: {{{text}}}}}", "")


# A '~' stands before each place that is told.
MISTAKES = {
    "~": ["expected objects of Kubernetes, but there are none"],
    "~---\n---\n": ["expected objects of Kubernetes, but there are none"],
    "~[1]": ["expected an object with apiVersion, kind and metadata"],
    "~a: 1": ["apiVersion not set: expected it, as in apiVersion: v1, kind: Pod"],
    "{apiVersion: ~1, kind: Pod}": ['apiVersion: Invalid type: got "integer", expected "string"'],
    "{apiVersion: v1, kind: Pod, metadata: ~{}, spec: {containers: [{name: c}]}}": [
        "metadata.name: Required value: name or generateName is required"
    ],
    "{apiVersion: ~v2, kind: Pod}": [
        'apiVersion: no matches for kind "Pod" in version "v2"; did you mean \'v1\'?'
    ],
    "{apiVersion: v1, kind: ~Podd}": [
        'kind: no matches for kind "Podd" in version "v1"; did you mean \'Pod\'?'
    ],
    "{apiVersion: example.com/v1, kind: ~Sheep}": [
        'kind: no matches for kind "Sheep" in version "example.com/v1"'
    ],
    "{apiVersion: v1, kind: List, items: ~{}}": ['items: Invalid type: expected "array"'],
    requests("cpu: ~1x"): [f'spec.containers[0].resources.requests[cpu]: Invalid value: "1x": {RULE}'],
    requests("cpu: ~-1"): [
        "spec.containers[0].resources.requests[cpu]: Invalid value: -1: must be greater than or equal to 0"
    ],
    requests("cpu: ~2}, limits: {cpu: 1"): [
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit'
    ],
    requests("~memry: 2"): [
        'spec.containers[0].resources.requests[memry]: Invalid value: "memry": must be a standard resource type or '
        "fully qualified; did you mean 'memory'?"
    ],
    requests("example.com/fpga: ~0.5"): [
        "spec.containers[0].resources.requests[example.com/fpga]: Invalid value: 0.5: must be an integer"
    ],
    POD % (", resources: ~3", ""): [
        'spec.containers[0].resources: Invalid type: got "integer", expected "object"'
    ],
    POD % ("}, ~{image: x", ""): ["spec.containers[1].name: Required value"],
    POD % ("}, {name: ~c", ""): ['spec.containers[1].name: Duplicate value: "c"'],
    POD % ("", ", priority: ~high"): ['spec.priority: Invalid type: got "string", expected "integer"'],
    POD % ("", ", nodeSelector: {a: ~1}"): [
        'spec.nodeSelector[a]: Invalid type: got "integer", expected "string"; did you mean \'"1"\'?'
    ],
    POD % ("", ", tolerations: [~{value: x}]"): [
        "spec.tolerations[0].operator: Invalid value: must be Exists when `key` is empty; did you mean 'Exists'?"
    ],
    POD % ("", ", tolerations: [{key: a, effect: ~NoExec}]"): [
        'spec.tolerations[0].effect: Unsupported value: "NoExec": supported values: "NoSchedule", '
        '"PreferNoSchedule", "NoExecute"; did you mean \'NoExecute\'?'
    ],
    POD % ("", ", tolerations: [{operator: Exists, value: ~x}]"): [
        "spec.tolerations[0].value: Invalid value: must be empty when `operator` is 'Exists'"
    ],
    POD % ("", ", tolerations: [{operator: Exists, tolerationSeconds: 3, effect: ~NoSchedule}]"): [
        "spec.tolerations[0].effect: Invalid value: must be 'NoExecute' when `tolerationSeconds` is set; "
        "did you mean 'NoExecute'?"
    ],
    POD % ("", ", tolerations: [~3]"): [
        'spec.tolerations[0]: Invalid type: got "integer", expected "object"'
    ],
    POD % ("", ", nodeName: ~'Bad Name'"): [
        f"spec.nodeName: Invalid value: \"Bad Name\": {NAME}, not 'Bad Name'; did you mean 'bad-name'?"
    ],
    RC.replace("~", "") % ("replicas: ~-1, ", ""): [
        "spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    ],
    RC.replace("~", "") % ("replicas: ~two, ", ""): [
        'spec.replicas: Invalid type: got "string", expected "integer"'
    ],
    RC % ("selector: {app: b}, ", ""): [
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'
    ],
    RC % ("selector: {app: a, b: c}, ", ""): [
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'
    ],
    RC.replace("~", "") % ("", ", restartPolicy: ~Never"): [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'
    ],
    "{apiVersion: v1, kind: ReplicationController, metadata: {name: a}, spec: ~{}}": [
        "spec.template: Required value"
    ],
    RS.replace("~", "").replace("spec: {%s", "spec: ~{%s") % ("", ""): ["spec.selector: Required value"],
    RS.replace("~", "") % ("selector: {~app: a}, ", ""): [
        "spec.selector: Invalid value: expected matchLabels or matchExpressions"
    ],
    "{apiVersion: v1, kind: Service, metadata: {name: ~a.b}, spec: {}}": [
        f"metadata.name: Invalid value: \"a.b\": {NAME}, not 'a.b'; did you mean 'a-b'?"
    ],
    "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [~{port: ~70000}, ~{port: 1}]}}": [
        "spec.ports[0].name: Required value",
        "spec.ports[0].port: Invalid value: 70000: must be less than or equal to 65535",
        "spec.ports[1].name: Required value",
    ],
    "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {capacity: {cpu: 1, memory: 1Gi}, allocatable: {cpu: ~2}}}": [
        'status.allocatable[cpu]: Invalid value: "2": must be at most the capacity'
    ],
    "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {capacity: ~{memory: 1Gi}}}": [
        "status.capacity.cpu: Required value"
    ],
    "{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {taints: [{key: ~a b, effect: NoExecute}, ~{key: a}]}, "
    "status: {capacity: {cpu: 1, memory: 1Gi}}}": [
        'spec.taints[0].key: Invalid value: "a b": must be a qualified name',
        "spec.taints[1].effect: Required value",
    ],
    f"{POD % ('', '')}\n---\n{POD.replace('name: a', 'name: ~a') % ('', '')}": [
        'metadata.name: Pod "a" already exists'
    ],
    "a: ~*x": ["the alias '*x' refers to nothing before it"],
}


@pytest.mark.parametrize(("marked", "sentences"), MISTAKES.items())
def test_mistakes_are_told_in_the_words_of_the_api(marked, sentences):
    places = [
        f"m.yaml:{line}:{column - i}"
        for line, text in enumerate(marked.split("\n"), 1)
        for i, column in enumerate(k for k, character in enumerate(text, 1) if character == "~")
    ]
    _, found = read_manifest_text(marked.replace("~", ""), "m.yaml")
    told = [str(each) for each in sorted(found, key=lambda each: each.sort_key)]
    assert told[: len(places)] == [f"{place}: {says}" for place, says in zip(places, sentences, strict=True)]
    assert len(told) == len(places) or marked == "~a: 1"  # the kind is not set either


def test_every_problem_of_a_file_is_told():
    text = (
        SHOP.replace("replicas: 3", "replicas: -3")
        .replace("cpu: 100m", "cpu: 100x")
        .replace("port: 443}]", "port: x}]")
    )
    assert len(refused(text)) == 4  # the port of each of the two services


def test_a_mistake_in_what_is_read_more_than_once_is_told_once():
    _, problems = read_manifest_text(
        """
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {"no name!": x}}
spec: {containers: [{name: c, resources: {requests: {cpu: 2x}}}]}
status: {phase: Running, conditions: [{type: Ready, status: "True", lastTransitionTime: yesterday}]}
"""
    )
    places = [(each.line, each.message.partition(": ")[0]) for each in problems]
    assert sorted(places) == [
        (4, "metadata.labels"),
        (5, "spec.containers[0].resources.requests[cpu]"),
        (6, "status.conditions[0].lastTransitionTime"),
    ]


def test_an_object_renders_with_all_that_was_written():
    for each in read(SHOP).objects:
        made = render(each)
        assert _within(each.raw, made) == [], each.kind
        again, problems = read_manifest_text(json.dumps(made))
        assert problems == []
        assert again.objects == (
            type(each)(each.kind, each.namespace, each.name, each.labels, each.annotations, each.spec, made),
        )


def _within(part, whole, path=()):
    """The paths at which the one is not in the other."""
    if isinstance(part, dict):
        return [
            p
            for key in part
            for p in _within(part[key], whole.get(key) if isinstance(whole, dict) else None, (*path, key))
        ]
    if isinstance(part, list) and isinstance(whole, list) and len(part) == len(whole):
        return [p for i, each in enumerate(part) for p in _within(each, whole[i], (*path, i))]
    return [] if part == whole else [path]


names = st.from_regex(r"[a-z][-a-z0-9]{0,8}[a-z0-9]", fullmatch=True)
texts = st.from_regex(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,5}[A-Za-z0-9])?", fullmatch=True)
labels = st.dictionaries(names, texts, min_size=1, max_size=3)
tolerations = st.lists(
    st.one_of(
        st.fixed_dictionaries({"key": names, "value": texts}),
        st.fixed_dictionaries({"key": names, "operator": st.just("Exists"), "effect": st.just("NoSchedule")}),
        st.fixed_dictionaries(
            {
                "operator": st.just("Exists"),
                "effect": st.just("NoExecute"),
                "tolerationSeconds": st.just("90s"),
            }
        ),
    ),
    max_size=3,
).map(tuple)
pods = st.fixed_dictionaries(
    {"cpu": st.integers(0, 9000).map(lambda n: f"{n}m"), "labels": labels},
    optional={
        "memory": st.integers(1, 2**20).map(lambda n: f"{n}Ki"),
        "ephemeral-storage": st.just("3Gi"),
        "extended": st.dictionaries(names.map(lambda n: f"example.com/{n}"), st.integers(1, 9), max_size=2),
        "priority": st.integers(-5, 5),
        "minions": st.sampled_from(["all", "disk=ssd", "disk=ssd, zone=a", "zone in (a, b), web", "!old"]),
        "gpu": st.sampled_from([0.5, 2, {"count": 1, "milli": 300, "models": ["T4"]}]),
        "tolerations": tolerations,
        "tolerationSeconds": st.integers(0, 900).map(lambda n: f"{n}s"),
        "grace": st.integers(0, 90).map(lambda n: f"{n}s"),
    },
)
controllers = st.builds(
    lambda name, kind, space, replicas, pod: Controller.model_validate(
        {"name": name, "kind": kind, "namespace": space, "replicas": replicas, "pod": pod}
    ),
    names, st.sampled_from(["ReplicationController", "ReplicaSet"]), names, st.integers(0, 9), pods,
)  # fmt: skip


@given(controllers)
def test_controllers_of_a_scenario_read_back_from_what_they_render_as(controller):
    made = make_object(controller)
    (again,), problems = _read_back(made)
    assert problems == []
    assert again.raw == made.raw == render(made)
    _same_pods(again.spec.pod, controller.pod)
    for attribute in ("name", "kind", "namespace", "replicas", "selector"):
        assert getattr(again.spec, attribute) == getattr(controller, attribute)


def _read_back(made):
    found, problems = read_manifest_text(json.dumps(render(made)))
    return found.objects, [str(each) for each in problems]


def _same_pods(again: PodSpec, pod: PodSpec) -> None:
    constants = {"default_toleration_s": 300.0}
    assert again.admitted_tolerations(constants) == pod.admitted_tolerations(constants)
    for attribute in set(PodSpec.model_fields) - {"tolerations", "toleration_s"}:
        assert getattr(again, attribute) == getattr(pod, attribute), attribute


@given(names, pods, st.none() | names)
def test_pods_read_back_from_what_they_render_as(name, pod, minion):
    spec = ManifestPod(name=name, pod=PodSpec.model_validate(pod), minion=minion)
    (again,), problems = _read_back(make_object(spec))
    assert problems == []
    assert (again.spec.name, again.spec.minion) == (name, minion)
    _same_pods(again.spec.pod, spec.pod)


def test_services_and_minions_read_back_from_what_they_render_as():
    service = Service.model_validate(
        {
            "name": "web",
            "selector": {"app": "web"},
            "ports": [{"port": 80, "targetPort": 8080, "name": "http"}, {"port": 1, "name": "x"}],
        }
    )
    (again,), problems = _read_back(make_object(service))
    assert (again.spec, problems) == (service, [])
    pool = MinionPool.model_validate(
        {"name": "n", "cpu": 8, "memory": "32Gi", "pods": 20, "reserved": {"cpu": "200m", "memory": "1Gi"}, "cordoned": True,
         "labels": {"a": "b"}, "taints": [{"key": "k", "effect": "NoExecute"}], "extended": {"example.com/x": 2}, "ready": False}
    )  # fmt: skip
    (again,), problems = _read_back(make_object(pool))
    assert problems == []
    assert again.spec.model_dump() == pool.model_dump()


def test_what_now_holds_is_rendered_over_what_was_written():
    web, _, _, _, pod, _, node = read(SHOP).objects
    scaled = web.spec.model_copy(update={"replicas": 9})
    made = render(type(web)(web.kind, web.namespace, web.name, {"team": "b"}, {}, scaled, web.raw))
    assert (made["spec"]["replicas"], made["metadata"]["labels"], made["metadata"]["annotations"]) == (
        9,
        {"team": "b"},
        {},
    )
    assert web.raw["spec"]["replicas"] == 3
    freed = node.spec.model_copy(update={"cordoned": False, "taints": ()})
    made = render(type(node)("Node", "", "n.1", {}, {}, freed, node.raw))
    assert made["spec"] == {"unschedulable": False, "taints": []}
    unbound = pod.spec.model_copy(update={"minion": "n.2"})
    assert render(type(pod)("Pod", "default", "db.0", {}, {}, unbound, pod.raw))["spec"]["nodeName"] == "n.2"


def test_our_annotations_say_what_v1_cannot():
    text = """{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {wavetank/minions: "a=b, %s",
      wavetank/gpu: '%s'}}, spec: {nodeSelector: {c: d}, containers: [{name: c}]}}"""
    (pod,) = read(text % ("web", '{"count": 1, "milli": 250}')).objects
    assert pod.spec.pod.minions == parse_selector("c=d, a=b, web")
    assert pod.spec.pod.gpu == GpuRequest(1, 250)
    assert refused(text % ("a b", "3")) == [
        "2:21: metadata.annotations[wavetank/gpu]: expected {\"count\": 1, \"milli\": 500}",
        "1:81: metadata.annotations[wavetank/minions]: expected a name, k=v, k!=v, k in (a, b), k notin (a, b), k exists or !k "
        "between the commas of a selector, not 'a b'",
    ]  # fmt: skip


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    from models.api.manifests import read_manifest

    found, problems = read_manifest(Path(tmp_path))
    assert found.objects == ()
    assert str(problems[0]) == f"{tmp_path}: the manifest cannot be read: Is a directory"


def test_a_large_file_is_read_once_until_it_changes(tmp_path):
    from models.api.manifests import read_manifest

    file = tmp_path / "m.json"
    item = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "c"}]},
    }
    for padding, is_kept in (("x", False), ("x" * 2**20, True)):
        file.write_text(json.dumps({**item, "padding": padding}))
        first, _ = read_manifest(file)
        again, _ = read_manifest(file)
        assert (again is first) is is_kept
        assert again == first
        file.write_text(json.dumps({**item, "padding": padding, "metadata": {"name": "b"}}))
        other, _ = read_manifest(file)
        assert ([each.name for each in other.objects], other.digest == first.digest) == (["b"], False)
    file.write_text(json.dumps({**item, "padding": "x" * 2**20, "spec": {}}))
    for _ in range(2):  # what is wrong is told each time
        assert len(read_manifest(file)[1]) == 1


@given(st.data())
def test_texts_cut_anywhere_are_read_or_told(data):
    text = SHOP[: data.draw(st.integers(0, len(SHOP)))] + data.draw(
        st.sampled_from(["", "{", "- 3", "\n  x: 1", "null", "'"])
    )
    for each in read_manifest_text(text, "m")[1]:
        assert "\n" not in each.message
        assert each.line > 0
