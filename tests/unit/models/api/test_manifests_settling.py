# Sentences stand whole, as a user sees them.
# ruff: noqa: ISC004

from __future__ import annotations

import json

import pytest

from models.api.manifests import read_manifest_text
from models.api.manifests_settling import settle
from models.api.manifests_status import read_epoch_s
from models.api.specs_controllers import Controller
from models.api.specs_manifests import ManifestAtRest, ManifestPriorityClass

CLASS = "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: %s}, value: %s%s}"
POD = "{apiVersion: v1, kind: Pod, metadata: {name: %s}, spec: {containers: [{name: c}]%s}%s}"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop%s}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {priorityClassName: high, containers: [{name: c, image: "c:%s"}]}}
"""
SET = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, namespace: %s, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: %s, controller: true}]}
spec: {replicas: %s, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c}]%s}}}
"""


def settled(*texts, **files):
    read, problems = {}, []
    for name, text in {**files, "m.yaml": "\n---\n".join(texts)}.items():
        read[name], found = read_manifest_text(text, name)
        problems += found
    files, found = settle(read)
    return files["m.yaml"], [str(each) for each in [*problems, *found]]


def priorities(*texts, **files):
    found, problems = settled(*texts, **files)
    assert problems == []
    return {each.name: each.spec.pod.priority for each in found.objects if hasattr(each.spec, "pod")}


def test_a_deployment_is_the_replica_set_of_its_last_revision():
    found, problems = settled(DEPLOYMENT % ("", 1), CLASS % ("high", 5, ""))
    assert problems == []
    web = found.objects[0]
    spec = web.spec
    assert isinstance(spec, Controller)
    revision = spec.pod.labels["pod-template-hash"]
    assert (spec.kind, spec.name, spec.replicas) == ("ReplicaSet", f"web-{revision}", 3)
    assert len(revision) == 10
    assert spec.selector.matches(spec.pod.labels)
    assert not spec.selector.matches({"app": "web"})
    assert dict(spec.pod.scheduling.labels) == spec.pod.labels
    assert web.names == ("web", "shop/web", spec.name, spec.key)
    other, _ = settled(DEPLOYMENT % ("", 2), CLASS % ("high", 5, ""))
    assert other.objects[0].spec.name != spec.name
    again, _ = settled(DEPLOYMENT % ("", 1), CLASS % ("high", 5, ""))
    assert again.objects[0].spec == spec


@pytest.mark.parametrize(("uid", "owner"), [(", uid: u-1", "u-1"), ("", "u-9")])
def test_a_deployment_whose_replica_set_is_there_does_nothing_by_itself(uid, owner):
    found, problems = settled(DEPLOYMENT % (uid, 1), SET % ("shop", owner, 2, ""), CLASS % ("high", 5, ""))
    assert problems == []
    web, revision = found.objects[:2]
    assert web.spec == ManifestAtRest(name="web")
    assert revision.names == ("web-1", "shop/web-1", "web", "shop/web")


def test_a_replica_set_of_another_namespace_is_not_the_deployments():
    found, _ = settled(DEPLOYMENT % ("", 1), SET % ("other", "u-9", 2, ""), CLASS % ("high", 5, ""))
    assert isinstance(found.objects[0].spec, Controller)


def test_pods_have_the_priority_of_their_class():
    assert priorities(
        CLASS % ("high", 1000, ""),
        CLASS % ("low", -5, ", globalDefault: true"),
        POD % ("a", ", priorityClassName: high", ""),
        POD % ("b", "", ""),
        POD % ("c", ", priority: 7", ""),
        POD % ("d", ", priorityClassName: system-node-critical", ""),
        POD % ("e", ", priorityClassName: high, priority: 1000", ""),
        SET % ("shop", "u", 1, ", priorityClassName: system-cluster-critical"),
    ) == {"a": 1000, "b": -5, "c": 7, "d": 2_000_001_000, "e": 1000, "web-1": 2_000_000_000}


def test_classes_of_other_files_count_and_pods_of_a_dump_show_what_theirs_are_worth():
    assert priorities(POD % ("a", ", priorityClassName: high", ""), other=CLASS % ("high", 3, "")) == {"a": 3}
    assert priorities(
        POD % ("a", ", priorityClassName: high, priority: 9", ", status: {phase: Running}"),
        SET % ("shop", "u", 2, ", priorityClassName: high"),
        SET.replace("web-1", "web-0") % ("shop", "u", 0, ", priorityClassName: unknown"),
    ) == {"a": 9, "web-1": 9, "web-0": 0}


def test_what_was_given_in_a_dump_holds_over_what_the_class_says_now():
    assert priorities(
        CLASS % ("high", 5, ""), POD % ("a", ", priorityClassName: high, priority: 9", ", status: {phase: Running}")
    ) == {"a": 9}  # fmt: skip


# A '~' stands before the place that is told.
MISTAKES = [
    ((POD % ("a", ", priorityClassName: ~hihg", ""), CLASS % ("high", 5, "")),
     "spec.priorityClassName: Forbidden: no PriorityClass with name hihg was found; did you mean 'high'?"),
    ((CLASS % ("high", 5, ""), POD % ("a", ", priorityClassName: high, priority: ~6", "")),
     "spec.priority: Forbidden: the integer value of priority (6) must not be provided in pod spec; priority "
     "admission controller computed 5 from the given PriorityClass name"),
    ((SET % ("shop", "u", 1, ", priorityClassName: ~x"),),
     "spec.template.spec.priorityClassName: Forbidden: no PriorityClass with name x was found"),
    ((CLASS % ("a", 5, ", globalDefault: true"), CLASS % ("b", 6, ", globalDefault: ~true")),
     "globalDefault: Forbidden: PriorityClass a has already been marked as default. Only one default can exist"),
    ((CLASS % ("a", "~1000000001", ""),),
     "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"),
    (("~" + CLASS.replace("value: %s", "valeu: 5") % ("a", ""),), "value: Required value"),
]  # fmt: skip


def unmarked(*texts):
    """The texts without marks, and the place of the mark."""
    whole = "\n---\n".join(texts)
    before = whole[: whole.index("~")]
    place = f"m.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    return whole.replace("~", ""), place


@pytest.mark.parametrize(("texts", "sentence"), MISTAKES)
def test_mistakes_with_classes(texts, sentence):
    text, place = unmarked(*texts)
    assert settled(text)[1] == [f"{place}: {sentence}"]


def test_a_class_is_read():
    found, _ = settled(CLASS % ("a", 5, ", preemptionPolicy: Never"))
    assert found.objects[0].spec == ManifestPriorityClass(name="a", value=5, preempts=False)
    assert found.notes == ()
    assert found.objects[0].key == "a"


def test_pods_preempt_unless_they_or_their_class_say_not():
    texts = [CLASS % ("meek", 5, ", preemptionPolicy: Never"), CLASS % ("bold", 5, "")]
    policies = ("", ", preemptionPolicy: Never")
    texts += [
        POD % (f"{name}-{place}", f", priorityClassName: {name}{policy}", "")
        for name in ("meek", "bold")
        for place, policy in enumerate(policies)
    ]
    found, problems = settled(*texts)
    assert problems == []
    assert [each.spec.pod.preempts for each in found.objects[2:]] == [False, False, True, False]
    assert [each.spec.pod.priority for each in found.objects[2:]] == [5] * 4


def test_an_unknown_policy_of_preemption_is_told():
    _, (problem,) = settled(POD % ("p", ", preemptionPolicy: Nver", ""))
    assert problem.startswith("m.yaml:1:")
    assert 'preemptionPolicy: Unsupported value: "Nver"' in problem


def owned(kind, uid, namespace="shop"):
    reference = f"{{apiVersion: apps/v1, kind: {kind}, name: web, uid: ~{uid}, controller: true}}"
    return f"""{{apiVersion: v1, kind: Pod, metadata: {{name: a, namespace: {namespace}, ownerReferences: [{reference}]}},
  spec: {{containers: [{{name: c}}]}}, status: {{phase: Running}}}}"""


def test_owners_that_do_not_exist():
    there = SET.replace("ownerReferences: [", "uid: u-1, other: [") % ("shop", "u", 1, "")
    says = 'metadata.ownerReferences[0].uid: there is no %s "web" of this uid in namespace %s: was it dumped too?'
    for kind, uid, namespace, is_wrong in (
        ("ReplicaSet", "u-1", "shop", False),
        ("ReplicaSet", "u-2", "shop", True),
        ("ReplicaSet", "u-1", "other", True),
        ("ReplicationController", "u-1", "shop", True),
        ("DaemonSet", "u-2", "shop", False),
    ):
        text, place = unmarked(owned(kind, uid, namespace), there)
        assert settled(text)[1] == ([f"{place}: {says % (kind, namespace)}"] if is_wrong else [])


def test_pods_that_nobody_replaces_are_noted():
    ended = owned("Job", "u").replace("Running", "Succeeded").replace("name: a,", "name: b,")
    found, _ = settled(unmarked(owned("DaemonSet", "u"), ended)[0])
    assert found.notes == (
        "m.yaml: 1 pods have ended and stay so.",
        "m.yaml: pods of owners that are not modelled run as they are, and nobody replaces them: 1 of a DaemonSet.",
    )


@pytest.mark.parametrize(
    ("text", "epoch_s"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2021-03-15T12:00:00Z", 1_615_809_600.0),
        ("2021-03-15T13:30:00+01:30", 1_615_809_600.0),
        ("2021-03-15T10:30:00-01:30", 1_615_809_600.0),
        ("2021-03-15T12:00:00.123456Z", 1_615_809_600.0),
        ("2000-02-29T23:59:59Z", 951_868_799.0),
        ("2100-03-01T00:00:00Z", 4_107_542_400.0),
        ("1969-12-31T23:59:59Z", -1.0),
    ],
)
def test_times_are_seconds_since_1970(text, epoch_s):
    from models.api.manifests_fields import Fields
    from sim.jsonsource import parse_json_all

    (document,), _ = parse_json_all(json.dumps({"at": text}), "f")
    problems = []
    assert read_epoch_s(Fields(document, problems, (), document.value, ""), "at") == epoch_s
    assert problems == []


def test_times_that_are_none_are_told():
    pod = POD.replace("name: %s", "name: %s, creationTimestamp: ~yesterday") % ("a", "", "")
    text, place = unmarked(pod)
    assert settled(text)[1] == [
        f"{place}: metadata.creationTimestamp: Invalid value: \"yesterday\": expected a time as 2021-03-15T12:00:00Z"
    ]  # fmt: skip


def test_a_mistake_that_two_pods_share_is_told_of_both():
    wrong = POD.replace("{name: c}", "{name: c, image: 3}")
    assert len(settled(wrong % ("a", "", ""), wrong % ("b", "", ""))[1]) == 2


STATUS = [
    ("{phase: Runing}", 'status.phase: Unsupported value: "Runing": supported values: "Pending", "Running", "Succeeded", '
     "\"Failed\", \"Unknown\"; did you mean 'Running'?"),
    ("{phase: Running, containerStatuses: [{restartCount: many}]}",
     'status.containerStatuses[0].restartCount: Invalid type: got "string", expected "integer"'),
    ("{phase: Running, conditions: [{type: Ready, status: true}]}",
     'status.conditions[0].status: Invalid type: got "boolean", expected "string"'),
]  # fmt: skip


@pytest.mark.parametrize(("status", "sentence"), STATUS)
def test_mistakes_in_what_became_of_a_pod(status, sentence):
    (problem,) = settled(POD % ("a", "", f", status: {status}"))[1]
    assert problem.split(": ", 1)[1] == sentence


def test_owner_references_need_their_parts_and_one_controller():
    reference = "{apiVersion: v1, kind: X, name: a, uid: u, controller: true}"
    two = POD.replace(
        "name: %s", f"name: %s, ownerReferences: [{reference}, {reference.replace('name: a', 'name: b')}]"
    )
    assert [each.split(": ", 1)[1] for each in settled(two % ("a", "", ""))[1]] == [
        "metadata.ownerReferences[1].controller: Invalid value: true: Only one reference can have Controller set to true. "
        'Found "true" in references for a and b'
    ]
    none = POD.replace("name: %s", "name: %s, ownerReferences: [{kind: X}]") % ("a", "", "")
    assert [each.split(": ", 1)[1] for each in settled(none)[1]] == [
        f'metadata.ownerReferences[0].{key}: Invalid value: "": {key} must not be empty'
        for key in ("apiVersion", "name", "uid")
    ]


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("policy/v1", "Eviction"),
        ("batch/v1", "CronJob"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ],
)
def test_kinds_that_are_passed_over_may_be_of_newer_versions(version, kind):
    found, problems = settled(f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}}}")
    assert (found.objects, problems) == ((), [])
    assert found.notes == (f"m.yaml: 1 of the kind {kind} is not modelled and passed over.",)
