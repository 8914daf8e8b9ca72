# Sentences stand whole, as a user sees them.

from __future__ import annotations

import pickle

import pytest

from models.api.loading import load_scenario_text
from models.api.specs import Vocabulary, scenario_hash
from models.api.specs_notes import scenario_notes
from sim.errors import ScenarioError

VOCABULARY = Vocabulary(("best-fit",), ("openb", "table"))
HEAD = "apiVersion: wavetank/v1\nname: demo\nuntil: 1h\n"
WEB = "cluster: {minions: [{name: web, count: 4, cpu: 8, memory: 32Gi}]}\n"
API = "controllers: [{name: api, pod: {cpu: 1}}]\n"


def load(text, **more):
    return load_scenario_text(HEAD + WEB + text, "s.yaml", vocabulary=VOCABULARY, **more)


def refused(text, **more):
    with pytest.raises(ScenarioError) as caught:
        load(text, **more)
    return [str(each) for each in caught.value.diagnostics]


# A '~' stands before the place that is told; the text begins at line 5.
MISTAKES = {
    "controllers: ~{}": "expected a list of controllers, not a mapping",
    "controllers: [{name: a, replicas: ~-1, pod: {}}]":
        "expected a number of replicas between 0 and 10000000, but the value is -1",
    "controllers: [{name: a, replcas: 1, pod: {}}]".replace("replcas", "~replcas"):
        "'replcas' is not a key of 'controllers'; did you mean 'replicas'?",
    "controllers: [~{name: a}]": "'pod' is missing: expected what a pod asks for, as {cpu: 100m, memory: 64Mi}",
    "controllers: [{name: a, pod: {}, kind: ~Deployment}]":
        "expected ReplicationController or ReplicaSet, not 'Deployment'",
    "controllers: [{name: a, pod: {labels: {app: b}}, selector: ~{app: a}}]":
        "`selector` does not match template `labels`: app=a selects no pod with app=b",
    "controllers: [{name: a, pod: {}, selector: ~b}]":
        "expected labels, as app=web, not the name 'b'; did you mean 'app=b'?",
    "controllers: [{name: a, pod: {}, selector: ~'app in (a, b)'}]":
        "a ReplicationController selects by equal labels, as {app: web}: expected these, or kind: ReplicaSet",
    "controllers: [{name: a, pod: {}, ~selector: {}}]":
        "spec.selector: Required value: expected labels, as {app: web}",
    "controllers: [~{name: a, pod: {labels: {}}}]":
        "spec.selector: Required value: expected labels, as {app: web}",
    "controllers: [{name: a, pod: {cpu: ~{exponential: {mean: 1}}}}]":
        "expected one amount, as all pods of a controller are alike",
    "controllers: [{name: a, namespace: b, pod: {namespace: ~c}}]":
        "expected the controller's own namespace 'b' for its pods; did you mean 'b'?",
    "controllers: [{name: a, pod: {}, start: 5m, scale: [{at: ~1m, replicas: 3}]}]":
        "expected a time after the controller's 'start'",
    "controllers: [{name: a, pod: {}, scale: [{at: 1m, replicas: 3}, {at: ~60s, replicas: 4}]}]":
        "element 0 of scale is at the same time",
    "controllers: [{name: a, pod: {}, scale: [{at: ~1m, replicas: 3}], delete: {at: 1m}}]":
        "expected a time before the controller is deleted",
    "controllers: [{name: a, pod: {}, start: 1h, delete: {at: ~1m}}]":
        "expected a time after the controller's 'start'",
    "controllers: [{name: a, pod: {}, delete: {at: 1m, policy: ~orphans}}]":
        "expected background, foreground or orphan, not 'orphans'; did you mean 'orphan'?",
    "controllers: [{name: a, pod: {}, scale: [~{at: 1m}]}]":
        "'replicas' is missing: expected a number of replicas, as 70",
    "controllers: [{name: a, pod: {}}, {name: ~a, pod: {}}]":
        "the name 'a' is given twice: element 0 of controllers has it too",
    "controllers: [{name: a, pod: {}, namespace: x}, {name: ~a, pod: {}, namespace: x, kind: ReplicaSet}]":
        "the name 'x/a' is given twice: element 0 of controllers has it too",
    "controllers: [{name: ~a, pod: {}}]\nworkloads: [{name: a, arrivals: {at: 0s}, count: 1, pod: {}}]":
        "the name 'a' is taken: element 0 of workloads has it",
    "controllers: [{name: a, pod: {tolerations: [{key: x, operator: Exists, ~value: y}]}}]":
        "'value' does not go with operator Exists, which takes any",
    "controllers: [{name: a, pod: {tolerations: [{key: x, effect: NoSchedule, ~tolerationSeconds: 5s}]}}]":
        "'tolerationSeconds' goes with effect NoExecute only",
    "controllers: [{name: a, pod: {tolerations: [{operator: ~Equal}]}}]":
        "expected operator Exists where there is no key; did you mean 'Exists'?",
    "controllers: [{name: a, pod: {tolerationSeconds: ~60}}]":
        "expected a time with a unit, as 30s, 15m, 2h or 300d, not the bare number 60; did you mean '60s'?",
    "services: [~{name: a}]": "'selector' is missing: expected labels of pods, as {app: web}",
    "services: [{name: a, selector: ~all}]": "a service selects by equal labels: expected labels, as {app: web}",
    "services: [{name: a, selector: ~'app!=a'}]":
        "a service selects by equal labels: expected labels, as {app: web}",
    "services: [{name: a, selector: {app: ~1}}]": "expected a text as the value of a label; did you mean '\"1\"'?",
    "services: [{name: a, selector: {app: a}, ports: [{port: ~0}]}]":
        "expected a port between 1 and 65535, but the value is 0",
    "services: [{name: a, selector: {app: a}, ports: [{port: 80, name: x}, ~{port: 81}]}]":
        "'name' is missing: expected a name for each of several ports",
    "services: [{name: a, selector: {app: a}, ports: [{port: 80, name: x}, {port: ~80, name: y}]}]":
        "the port 80 is given twice: element 0 of ports has it too",
    "services: [{name: a, selector: {app: a}, ports: [{port: 80, name: x}, {port: 81, name: ~x}]}]":
        "the name 'x' is given twice: element 0 of ports has it too",
    "services: [{name: a, selector: {app: a}}, {name: ~a, selector: {app: a}}]":
        "the name 'a' is given twice: element 0 of services has it too",
    "master: {timing: ~real}": "expected kubernetes or instant, not 'real'",
    "master: {clients: {~schduler: {qps: 1}}}":
        "'schduler' is not a key of 'clients'; did you mean 'scheduler'?",
    "master: {clients: {all: {qps: ~0}}}":
        "expected a number of calls a second between 0.001 and 1000000000, but the value is 0",
    "master: {clients: {all: {burst: ~1.5}}}": "expected a number of calls, not 1.5; did you mean '2'?",
    "master: {watchLag: ~10}":
        "expected a time with a unit, as 30s, 15m, 2h or 300d, not the bare number 10; did you mean '10s'?",
    "master: {timing: ~instant, apiLatency: 2ms}":
        "timing instant does not go with 'apiLatency', which needs timing kubernetes; did you mean 'kubernetes'?",
    f"master: {{timing: ~instant}}\n{API}":
        "timing instant does not go with 'controllers', which needs timing kubernetes; did you mean 'kubernetes'?",
    "master: {timing: ~instant}\nkubelet: {start: 1s}":
        "timing instant does not go with 'kubelet', which needs timing kubernetes; did you mean 'kubernetes'?",
    "master: {timing: ~instant}\nfaults: [{at: 1m, outage: {of: master}}]":
        "timing instant does not go with a fault of the kind outage, which needs timing kubernetes; "
        "did you mean 'kubernetes'?",
    "kubelet: {~strat: 1s}": "'strat' is not a key of 'kubelet'; did you mean 'start'?",
    "faults: [~{at: 1m}]":
        "expected one of crash, cutOff, kill, outage, restart, watch, cordon, taint, unready, slow, relabel, uncordon, drain, "
        "reboot, rolling or compromise",
    "faults: [{at: 1m, crash: {minion: web-1}, ~cordon: {minion: web-1}}]":
        "expected one kind of fault, not both crash and cordon",
    "faults: [{at: 1m, ~cutof: {minion: web-1}}]": "'cutof' is not a key of 'faults'; did you mean 'cutOff'?",
    "faults: [{at: 1m, cutOff: {minion: ~wbe-1}}]":
        "there is no minion 'wbe-1' in this cluster; did you mean 'web-1'?",
    "faults: [{at: 1m, cordon: {minions: ~wbe}}]":
        "there are no minions 'wbe' in this cluster; did you mean 'web'?",
    "faults: [{at: 1m, taint: {minion: ~web, key: a}}]":
        "'web' is the name of many minions: expected one, or 'minions: web'; did you mean 'web-0'?",
    "faults: [{at: 1m, taint: ~{minion: web-1}}]".replace("~", "", 1).replace("taint", "~taint"):
        "'key' is missing: expected the taint's key, as maintenance",
    "faults: [{at: 1m, taint: {minion: web-1, key: a, effect: ~NoExec}}]":
        "expected NoSchedule, PreferNoSchedule or NoExecute, not 'NoExec'; did you mean 'NoExecute'?",
    "faults: [{at: 1m, cutOff: {minion: web-1}, ~repair: 5m}]": "'repair' goes with crash: a cutOff takes 'for'",
    "faults: [{at: 1m, crash: {minion: web-1}, ~for: 5m}]":
        "'for' does not go with crash: a minion is back after 'repair'",
    f"{API}faults: [{{at: 1m, kill: {{pods: api}}, ~for: 5m}}]": "'for' does not go with kill, which is over at once",
    f"{API}faults: [{{at: 1m, kill: {{pods: api}}, ~repair: 5m}}]": "'repair' does not go with kill",
    "faults: [~{timeToFailure: 1d, cordon: {minions: all}}]":
        "'for' is missing: expected a time or distribution, as 10m, with timeToFailure",
    f"{API}faults: [{{at: 1m, kill: {{pods: ~apo, count: 3}}}}]":
        "nothing is named 'apo' that pods belong to; did you mean 'api'?",
    "faults: [{at: 1m, kill: {pods: app=api, count: ~0}}]":
        "expected a number of pods between 1 and 10000000, but the value is 0",
    "faults: [{at: 1m, kill: {pods: app=api, mode: ~murder}}]": "expected delete or kill, not 'murder'",
    "faults: [{at: 1m, outage: {of: ~maste}}]": "expected master or registry, not 'maste'; did you mean 'master'?",
    "faults: [{at: 1m, restart: {client: ~replicaton}}]":
        "expected scheduler, replication, endpoints or lifecycle, not 'replicaton'; did you mean 'replication'?",
    "faults: [{at: 1m, ~watch: {client: all}}]": "expected lag or loss, as {lag: 1s}",
    "faults: [{at: 1m, watch: {client: all, loss: ~1.5}}]":
        "expected a share between 0 and 1, but the value is 1.5",
    "faults: [{at: 1m, ~relabel: {pods: app=api}}]":
        "'labels' is missing: expected labels to put over the pods' own, as {app: debug}",
    "faults: [~{at: 1m, reboot: {minion: web-1}}]":
        "'for' is missing: expected a time or distribution, as 3m, with reboot",
    "faults: [{at: 1m, reboot: {minion: ~wbe-1}, for: 3m}]":
        "there is no minion 'wbe-1' in this cluster; did you mean 'web-1'?",
    "faults: [{at: 1m, drain: {minion: web-1}, ~for: 3m}]": "'for' does not go with drain, which is over when all is done",
    "faults: [{at: 1m, drain: {minion: web-1}, ~repair: 3m}]": "'repair' does not go with drain",
    "faults: [{at: 1m, uncordon: {minion: web-1}, ~for: 3m}]": "'for' does not go with uncordon, which is over at once",
    "faults: [{at: 1m, ~rolling: {minions: all}}]":
        "'down' is missing: expected a time or distribution, as 3m",
    "faults: [{at: 1m, rolling: {minions: all, down: 3m, action: ~restart}}]":
        "expected drain+reboot, reboot or drain, not 'restart'",
    "faults: [{at: 1m, rolling: {minions: ~wbe, down: 3m}}]":
        "there are no minions 'wbe' in this cluster; did you mean 'web'?",
    "faults: [{at: 1m, rolling: {minions: all, down: 3m, atOnce: ~0}}]":
        "expected a number of minions between 1 and 1000000, but the value is 0",
    "faults: [{at: 1m, rolling: {minions: all, down: 3m, pause: ~2}}]":
        "expected a time with a unit, as 30s, 15m, 2h or 300d, not the bare number 2; did you mean '2s'?",
    f"{API}faults: [{{at: 1m, drain: {{minions: all, limit: {{controller: ~apo, ready: 3}}}}}}]":
        "there is no controller 'apo' in this scenario; did you mean 'api'?",
    f"{API}faults: [{{at: 1m, drain: {{minions: all, limit: {{controller: ~api, namespace: x, ready: 3}}}}}}]":
        "there is no controller 'api' in the namespace 'x'; did you mean 'namespace: default'?",
    f"{API}faults: [{{at: 1m, drain: {{minions: all, limit: {{service: ~api, ready: 3}}}}}}]":
        "there is no service 'api' in this scenario",
    f"{API}faults: [{{at: 1m, drain: {{minions: all, ~limit: {{controller: api}}}}}}]":
        "'ready' is missing: expected a number of pods, as 3",
    f"{API}faults: [{{at: 1m, drain: {{minions: all, limit: {{controller: api, ~service: api, ready: 3}}}}}}]":
        "expected exactly one of controller and service, not both",
    "workloads: [{manifest: ~shop.yaml}]": "there is no manifest at 'shop.yaml'",
    "workloads: [{manifest: ~3}]": "expected a text of 1 to 4096 characters, not '3'; did you mean '\"3\"'?",
    "workloads: [{manifest: '${HOME}/shop.yaml'}]".replace("'$", "~'$"):
        "'${HOME}' is not known in a path: only ${WAVETANK_SHARED} is",
    "workloads: [{~manifst: shop.yaml}]": "'manifst' is not a key of 'workloads'; did you mean 'manifest'?",
    "workloads: [{manifest: shop.yaml, ~count: 3}]": "the key 'count' does not go with 'manifest' here",
    "workloads: [{name: a, arrivals: {at: 1s}, count: 1, pod: {}, ~blocks: 3}]":
        "'blocks' is not a key of 'workloads': expected name, arrivals, count, start, pod, duration, ends, "
        "giveUpAfter, withdrawAfter",
}  # fmt: skip


@pytest.mark.parametrize(("marked", "sentence"), MISTAKES.items())
def test_one_mistake_is_one_sentence(marked, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "count: 3}]" in marked and "manifest: shop" in marked:
        (tmp_path / "shop.yaml").write_text("{apiVersion: v1, kind: Secret}")
    before = marked[: marked.index("~")]
    line, column = 5 + before.count("\n"), len(before) - (before.rfind("\n") + 1) + 1
    assert refused(marked.replace("~", "", 1)) == [f"s.yaml:{line}:{column}: {sentence}"]


@pytest.mark.parametrize(
    ("text", "timing"),
    [
        ("", "instant"),
        ("faults: [{at: 1m, crash: {minion: web-1}}]", "instant"),
        ("master: {}", "instant"),
        ("master: {timing: kubernetes}", "kubernetes"),
        ("master: {expectations: false}", "kubernetes"),
        ("kubelet: {start: 1s}", "kubernetes"),
        (API, "kubernetes"),
        ("services: [{name: a, selector: {app: a}}]", "kubernetes"),
        ("faults: [{at: 1m, enabled: false, cordon: {minion: web-1}}]", "kubernetes"),
        ("workloads: [{manifest: m.yaml}]", "kubernetes"),
    ],
)
def test_the_timing_is_that_of_kubernetes_where_something_needs_it(text, timing, tmp_path):
    (tmp_path / "m.yaml").write_text("{apiVersion: v1, kind: Secret}")
    spec = load(text, base_dir=tmp_path)
    assert spec.master.timing == spec.to_plain()["master"]["timing"] == timing


def test_limits_are_a_clients_own_else_those_of_all_else_the_versions():
    constants = load("").constant_values
    clients = load("").master.clients
    assert clients.limits("scheduler", constants) == (50.0, 100)
    assert clients.limits("kubelet", constants) == (5.0, 10)
    assert {clients.limits(name, constants) for name in ("replication", "endpoints", "lifecycle")} == {
        (20.0, 30)
    }
    clients = load("master: {clients: {all: {qps: 100}, kubelet: {burst: 7}}}").master.clients
    assert clients.limits("replication", constants) == (100.0, 30)
    assert clients.limits("kubelet", constants) == (100.0, 7)
    with pytest.raises(KeyError):
        clients.limits("all", constants)


def test_delays_of_a_pools_kubelets_stand_over_those_of_all():
    pool = "cluster: {minions: [{name: web, cpu: 8, memory: 32Gi, kubelet: {ready: 2s}}]}\n"
    spec = load_scenario_text(HEAD + pool + "kubelet: {start: 1s, ready: 1s}", vocabulary=VOCABULARY)
    delays = spec.cluster.minions[0].kubelet.over(spec.kubelet)
    assert (delays.start.mean, delays.ready.mean, delays.terminate) == (1.0, 2.0, None)


def test_the_short_form_of_a_controller():
    (api,) = load(API).controllers
    assert (api.key, api.kind, api.replicas, api.start_s) == ("default/api", "ReplicationController", 1, 0.0)
    assert (api.pod.labels, str(api.selector)) == ({"app": "api"}, "app=api")
    (api,) = load("controllers: [{name: api, namespace: x, pod: {labels: {a: b, c: d}}}]").controllers
    assert (api.pod.namespace, str(api.selector)) == ("x", "a=b, c=d")
    (api,) = load(
        "controllers: [{name: api, pod: {}, kind: ReplicaSet, selector: 'app in (api, b)'}]"
    ).controllers
    assert str(api.selector) == "app in (api, b)"


SHOP = (
    "{apiVersion: v1, kind: ReplicationController, metadata: {name: front, namespace: shops}, spec: {replicas: 2, "
    "template: {metadata: {labels: {app: front}}, spec: {containers: [{name: c}]}}}}\n---\n"
    "{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shops}, spec: {selector: {app: front}}}\n---\n"
    "{apiVersion: v1, kind: Node, metadata: {name: node.1}, status: {capacity: {cpu: 1, memory: 1Gi}}}\n---\n"
    "{apiVersion: v1, kind: Pod, metadata: {name: db}, spec: {nodeName: web-1, containers: [{name: c}]}}\n"
)


def test_manifests_are_part_of_the_scenario(tmp_path):
    (tmp_path / "Shop 1.yaml").write_text(SHOP)
    text = f"{API}workloads: [{{manifest: Shop 1.yaml}}]\n"
    faults = "faults: [{at: 1m, kill: {pods: %s}}, {at: 1m, crash: {minions: node.1}}]"
    spec = load(text + faults % "shop-1", base_dir=tmp_path)
    assert [each.key for each in spec.all_controllers] == ["default/api", "shops/front"]
    assert [each.key for each in spec.all_services] == ["shops/front"]
    assert [each.name for each in spec.all_minions] == ["web", "node.1"]
    assert spec.named_controllers[1][1] == ("front", "shops/front", "shop-1")
    assert [each.kind for each in spec.manifests] == ["ReplicationController", "Service", "Node", "Pod"]
    assert pickle.loads(pickle.dumps(spec)).manifests == spec.manifests
    for name in ("front", "shops/front", "db", "default/db"):
        load(text + faults % name, base_dir=tmp_path)
    (tmp_path / "Shop 1.yaml").write_text(SHOP.replace("replicas: 2", "replicas: 3"))
    other = load(text + faults % "shop-1", base_dir=tmp_path)
    assert other.to_plain() == spec.to_plain()
    assert scenario_hash(other) != scenario_hash(spec)


def test_what_does_not_go_with_a_manifest_is_told_in_the_manifest(tmp_path):
    shop, twin = tmp_path / "shop.yaml", tmp_path / "twin.yaml"
    shop.write_text(SHOP.replace("web-1", "web-9").replace("node.1", "web-3"))
    twin.write_text(SHOP.partition("---")[0])
    text = (
        "controllers: [{name: front, namespace: shops, pod: {}}]\nservices: [{name: front, namespace: shops, "
        "selector: {app: front}}]\nworkloads: [{manifest: shop.yaml}, {manifest: twin.yaml}, {manifest: shop.yaml, "
        "name: x}]\nfaults: [{at: 1m, kill: {pods: nobody}}]\n"
    )
    says = "already exists: element 0 of"
    assert refused(text, base_dir=tmp_path) == [
        f'{shop}:1:64: metadata.name: ReplicationController "front" {says} controllers has it too',
        f'{shop}:3:50: metadata.name: Service "front" {says} services has it too',
        f'{shop}:5:47: metadata.name: Node "web-3" already exists: the scenario\'s cluster has it too',
        f"{shop}:7:68: spec.nodeName: there is no minion 'web-9' in this cluster; did you mean 'web-3'?",
        f'{twin}:1:64: metadata.name: ReplicationController "front" {says} controllers has it too',
        "s.yaml:7:70: the manifest 'shop.yaml' is given twice: element 0 of workloads has it too",
        "s.yaml:8:32: nothing is named 'nobody' that pods belong to",
    ]
    assert refused(text.replace("controllers:", "contrllers:"), base_dir=tmp_path)[-2:] == [
        "s.yaml:5:1: 'contrllers' is not a key of a scenario; did you mean 'controllers'?",
        "s.yaml:7:70: the manifest 'shop.yaml' is given twice: element 0 of workloads has it too",
    ]
    shop.write_text(SHOP)
    text = HEAD + WEB.replace("cluster:", "clster:") + "workloads: [{manifest: shop.yaml}]\n"
    with pytest.raises(ScenarioError) as caught:
        load_scenario_text(text, "s.yaml", vocabulary=VOCABULARY, base_dir=tmp_path)
    (only,) = [str(each) for each in caught.value.diagnostics]
    assert only.endswith("'clster' is not a key of a scenario; did you mean 'cluster'?")


def test_isolation_of_nobody_and_goals_that_nobody_looks_at_are_notes():
    rules = "isolation: {pods: [{pods: app=%s, profile: vm}], needs: [{pods: app=%s, root: true}]}\n"
    attack = "faults: [{at: 1m, name: k, compromise: {pods: app=%s, goals: [host-root], attacker: %s}}]\n"
    here = rules % ("api", "api") + attack % ("api", "greedy")
    assert scenario_notes(load(API + here)) == ()
    assert scenario_notes(load(API + rules % ("x", "y") + attack % ("z", "racing"))) == (
        "Rule 0 of isolation.pods selects nothing: no pod has app=x.",
        "Rule 0 of isolation.needs selects nothing: no pod has app=y.",
        "The fault k selects nothing: no pod has app=z.",
        "The goals of the fault k are not looked at: a racing attacker tries everything.",
    )


def test_what_selects_nothing_is_a_note_and_no_error(tmp_path):
    (tmp_path / "m.yaml").write_text(
        "{apiVersion: v1, kind: Secret}\n---\n{apiVersion: v1, kind: Service, metadata: {name: bare}, spec: {}}"
    )
    services = "services: [{name: a, selector: {app: %s}, namespace: %s}]\nworkloads: [{manifest: m.yaml}]\n"
    known = (
        "m.yaml: 1 of the kind Secret is not modelled and passed over.",
        "The service default/bare has no selector: its endpoints are not kept.",
    )
    assert scenario_notes(load(API + services % ("api", "default"), base_dir=tmp_path)) == known
    for app, namespace in (("b", "default"), ("api", "x")):
        notes = scenario_notes(load(API + services % (app, namespace), base_dir=tmp_path))
        assert f"The service {namespace}/a selects nothing: no pod has app={app}." in notes
    relabel = "faults: [{at: 1m, relabel: {pods: app=api, labels: {app: b}}}]"
    assert scenario_notes(load(API + services % ("b", "default") + relabel, base_dir=tmp_path)) == known
    budget = "{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: {}}}, spec: {{{}}}}}"
    some, none = budget.format("some", "selector: {matchLabels: {app: x}}"), budget.format("none", "")
    (tmp_path / "m.yaml").write_text(f"{some}\n---\n{none}\n")
    assert scenario_notes(load(API + "workloads: [{manifest: m.yaml}]\n", base_dir=tmp_path)) == (
        "The disruption budget default/some selects nothing: no pod has app=x.",
        "The disruption budget default/none has no selector: it protects no pod.",
    )
    kill = "faults: [{at: 1m, name: k, kill: {pods: %s}}]"
    assert scenario_notes(load(API + kill % "app=x")) == ("The fault k selects nothing: no pod has app=x.",)
    assert scenario_notes(load(API + kill % "api")) == ()


def test_wishes_that_a_scheduler_does_not_read_are_noted(tmp_path):
    term = "{labelSelector: {}, topologyKey: zone}"
    affinity = f"affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{term}]}}}}"
    (tmp_path / "m.yaml").write_text(
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{{affinity}, "
        "containers: [{name: c, ports: [{containerPort: 80, hostPort: 80}]}]}}"
    )
    text = HEAD + WEB + "workloads: [{manifest: m.yaml}]\npolicy: {scheduler: %s}\n"
    says = "The scheduler first-fit does not look at affinity to pods, host ports of pods; kubernetes does."
    vocabulary = Vocabulary(("first-fit", "kubernetes"), ())
    notes = {
        name: scenario_notes(load_scenario_text(text % name, "s", tmp_path, vocabulary=vocabulary))
        for name in ("first-fit", "kubernetes", "mine:policy")
    }
    assert says in notes["first-fit"]
    assert not any("does not look at" in note for note in notes["mine:policy"]), "that is not known yet"
    assert not any("does not look at" in note for note in notes["kubernetes"])
