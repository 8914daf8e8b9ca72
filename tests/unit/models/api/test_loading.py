# Sentences stand whole, as a user sees them.
# ruff: noqa: ISC004

from __future__ import annotations

import pickle

import pytest

from models.api.loading import load_scenario, load_scenario_text, read_scenario_text
from models.api.specs import Vocabulary
from sim.errors import ScenarioError

VOCABULARY = Vocabulary(("best-fit", "first-fit", "random"), ("openb", "table"))
HEAD = "apiVersion: wavetank/v1\nname: demo\nuntil: 1h\n"
WEB = "cluster: {minions: [{name: web, count: 4, cpu: 8, memory: 32Gi}]}\n"


def load(text, *sets, **more):
    return load_scenario_text(text, "s.yaml", sets=sets, vocabulary=VOCABULARY, **more)


def refused(text, *sets, **more):
    with pytest.raises(ScenarioError) as caught:
        load(text, *sets, **more)
    return [str(each) for each in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seeds: 3", "4:1: 'seeds' is not a key of a scenario; did you mean 'seed'?"),
        ("frobnicate: 3", "4:1: 'frobnicate' is not a key of a scenario: expected apiVersion, name, include, kubernetes, "
         "constants, seed, until, checks, cluster, master, kubelet, images, registry, controllers, services, workloads, behaviour, caps, isolation, policy, schedulers, faults, expect, journal"),
        ("seed: -1", "4:7: expected a seed between 0 and 9223372036854775807, but the value is -1"),
        ("seed: 1.5", "4:7: expected a seed, not 1.5; did you mean '2'?"),
        ("seed: one", "4:7: expected a seed, not 'one'"),
        ("seed:", "4:1: 'seed' has no value: give it one, or leave the key out"),
        ("seed: 1\nseed: 2", "5:1: the key 'seed' is given twice, first at line 4, column 1"),
        ("checks: fulll", "4:9: expected off, cheap or full, not 'fulll'; did you mean 'full'?"),
        ("kubernetes: 1.20", "4:13: expected a version in quotes, as \"1.20\", not the number 1.2; did you mean '\"1.20\"'?"),
        ("kubernetes: '1.21'", "4:13: expected 1.20, not '1.21'; did you mean '1.20'?"),
        ("constants: {node_monitor_grace: 4}",
         "4:13: there is no constant 'node_monitor_grace'; did you mean 'node_monitor_grace_s'?"),
        ("constants: {node_monitor_grace_s: -4}",
         "4:35: expected a number, in the unit of the constant's name, between 0 and 1000000000000, "
         "but the value is -4"),
        ("workloads: {}", "4:12: expected a list of workloads, not a mapping"),
        ("workloads: [3]", "4:13: expected a mapping with the keys name, arrivals, count, start, pod, duration, "
         "ends, giveUpAfter, withdrawAfter, not '3'"),
        ("expect: x == 1", "4:9: expected a list of expectations, not 'x == 1'"),
        ("expect: [3]", "4:10: expected a text of 1 to 4096 characters, not '3'; did you mean '\"3\"'?"),
        ("journal: {x: 1}", "4:11: 'x' is not a key of 'journal': expected scheduling"),
        ("journal: {scheduling: ful}", "4:23: expected brief or full, not 'ful'; did you mean 'full'?"),
        ("policy: {scheduler: bestfit}", "4:21: there is no scheduling policy 'bestfit': expected one of best-fit, "
         "first-fit, random, package.module:name; did you mean 'best-fit'?"),
        ("policy: {scheduler: 'a b:c'}", "4:21: expected package.module:name, not 'a b:c'"),
        ("policy: {scheduler: {best-fit: 3}}", "4:32: expected a mapping of parameters, not '3'"),
        ("policy: {scheduler: {a: {}, b: {}}}", "4:21: expected one name, as best-fit or {best-fit: {...}}, not 2"),
        ("policy: {scheduler: 3}", "4:21: expected the name of a policy, as best-fit, not '3'"),
        ("faults: [{at: 5m, crash: {minion: wbe-3}}]",
         "4:35: there is no minion 'wbe-3' in this cluster; did you mean 'web-3'?"),
        ("faults: [{at: 5m, crash: {minion: web-9}}]",
         "4:35: there is no minion 'web-9' in this cluster; did you mean 'web-3'?"),
        ("faults: [{at: 5m, crash: {minion: web}}]",
         "4:35: 'web' is the name of many minions: expected one, or 'minions: web'; did you mean 'web-0'?"),
        ("faults: [{at: 5m, crash: {minions: all, minion: web-1}}]",
         "4:27: expected exactly one of minion and minions, not both"),
        ("faults: [{at: 5m, crash: {}}]", "4:19: expected exactly one of minion and minions"),
        ("faults: [{crash: {minions: all}}]", "4:10: expected exactly one of at and timeToFailure"),
        ("faults: [{at: 1s, timeToFailure: 1d, crash: {minions: all}}]",
         "4:19: expected exactly one of at and timeToFailure, not both"),
        ("faults: [{timeToFailure: 1d, crash: {minions: all}}]",
         "4:10: 'repair' is missing: expected a time or distribution, as 10m, with timeToFailure"),
        ("faults: [{at: 1s, start: fresh, crash: {minions: all}}]",
         "4:19: 'start' does not go with 'at': nothing is drawn"),
        ("faults: [{at: 1s, enabled: yes, crash: {minions: all}}]",
         "4:28: expected true or false, not 'yes'; did you mean 'true'?"),
        ("faults: [{at: 1s, crash: {minions: 'a in (b'}}]", "4:36: a ')' is missing in the selector 'a in (b'"),
        ("faults: [{at: 1s, crash: {minions: {matchLabel: {}}}}]",
         "4:37: 'matchLabel' is not a key of a selector: expected matchLabels or matchExpressions; "
         "did you mean 'matchLabels'?"),
        ("faults: [{name: fault-2, at: 1s, crash: {minions: all}}, {at: 1s, crash: {minions: all}}]",
         "4:58: the name 'fault-2' is given twice: element 0 of faults has it too"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_sentence(text, sentence):
    assert refused(HEAD + text + "\n" + WEB) == [f"s.yaml:{sentence}"]


WORKLOAD = "workloads:\n  - {{name: w, arrivals: {arrivals}, pod: {pod}{rest}}}\n"


def workload(arrivals="{at: 5m}", pod="{cpu: 1}", rest=", count: 3"):
    return HEAD + WEB + WORKLOAD.format(arrivals=arrivals, pod=pod, rest=rest)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"arrivals": "{}"}, "expected exactly one of poisson, batch and at"),
        ({"arrivals": "{at: 5m, poisson: {rate: 1/h}}"},
         "expected exactly one of poisson, batch and at, not both poisson and at"),
        ({"arrivals": "{poison: {rate: 1/h}}"}, "'poison' is not a key of 'arrivals'; did you mean 'poisson'?"),
        ({"arrivals": "{poisson: {rate: 10}}"},
         "expected a rate, as 10/h or 0.5/s, not the bare number 10; did you mean '10/s'?"),
        ({"arrivals": "{poisson: {rate: 0/h}}"}, "expected a rate above 0, as 10/h or 0.5/s"),
        ({"arrivals": "{poisson: {}}"}, "'rate' is missing: expected a rate, as 10/h"),
        ({"arrivals": "{batch: {every: 0s, size: 3}}"}, "expected a time above 0, as 10m"),
        ({"arrivals": "{batch: {every: 5m, size: 0}}"}, "expected a number above 0, as 10"),
        ({"rest": ""}, "'count' is missing: expected a number of pods with arrivals 'at' one time"),
        ({"rest": ", count: 3, start: 5m"}, "'start' does not go with arrivals 'at', which says when"),
        ({"rest": ", count: 3, ends: Failed"}, "'ends' does not go without 'duration': such pods never end"),
        ({"rest": ", count: 10000001"},
         "expected a number of pods between 0 and 10000000, but the value is 10000001"),
        ({"rest": ", count: 3, duration: 10"},
         "expected a time with a unit, as 30s, 15m, 2h or 300d, not the bare number 10; did you mean '10s'?"),
        ({"rest": ", count: 3, duration: {weibul: {}}"},
         "'weibul' is not a distribution: expected constant, exponential, lognormal, weibull, uniform; "
         "did you mean 'weibull'?"),
        ({"rest": ", count: 3, duration: {weibull: {shape: 0.75}}"},
         "weibull needs mean or scale, as {mean: 10m, shape: 0.75}"),
        ({"rest": ", count: 3, duration: {weibull: {mean: 1h}}"}, "weibull needs shape, as {mean: 10m, shape: 0.75}"),
        ({"rest": ", count: 3, duration: {weibull: {shape: 1, mean: 1h, scale: 1h}}"},
         "weibull takes either mean or scale, not both"),
        ({"rest": ", count: 3, duration: {weibull: {shape: .nan, mean: 1h}}"},
         "expected a Weibull shape, but the value is not a number (NaN)"),
        ({"rest": ", count: 3, duration: {lognormal: {median: 1h, sigm: 1}}"},
         "'sigm' is not a parameter of lognormal: expected median, mean, sigma; did you mean 'sigma'?"),
        ({"rest": ", count: 3, duration: {lognormal: {median: 300000d, sigma: 9}}"},
         "expected a mean of at most 365250d of this distribution"),
        ({"rest": ", count: 3, duration: {exponential: 10m}"}, "expected {mean: 10m}, not '10m'"),
        ({"rest": ", count: 3, duration: {exponential: {mean: 0s}}"}, "expected a time above 0, as 10m"),
        ({"rest": ", count: 3, duration: {uniform: {low: 5s, high: 1s}}"}, "expected low to be at most high"),
        ({"rest": ", count: 3, duration: {constant: 1s, uniform: {}}"},
         "expected a time or one of constant, exponential, lognormal, weibull, uniform, not 2 keys"),
        ({"pod": "{memory: 5}"},
         "expected a size with a unit, as 32Gi, 512Mi or 100M, not the bare number 5; did you mean '5Gi'?"),
        ({"pod": "{cpu: 1e30}"},
         "expected an amount of CPU in cores, as 8, 0.5 or 500m, at most 1000000 cores, but the value is 1e+30"),
        ({"pod": "{gpu: 1.5}"}, "expected whole GPUs or a share of one, not 1.5; did you mean '2'?"),
        ({"pod": "{gpu: 0.4605}"}, "expected a share of a GPU in thousandths, not 0.4605; did you mean '0.461'?"),
        ({"pod": "{gpu: {count: 2, milli: 500}}"}, "expected count 1 with a share of a GPU; did you mean '1'?"),
        ({"pod": "{gpu: {cuont: 2}}"},
         "'cuont' is not a key of 'gpu': expected count, milli, models; did you mean 'count'?"),
        ({"pod": "{gpu: {models: T4}}"}, "expected a list of GPU models, as [V100, T4]"),
        ({"pod": "{labels: {a: 1}}"},
         "expected a label of letters, digits, '-', '_' and '.', at most 63 long, not '1'; did you mean '\"1\"'?"),
        ({"pod": "{labels: [a]}"}, "expected a mapping of labels, as {tier: web}, not a list"),
        ({"pod": "{extended: {cpu: 1}}"}, "'cpu' is a key of its own, beside 'extended'"),
        ({"pod": "{extended: {a b: 1}}"}, "'a b' is not a name as tier or example.com/team"),
        ({"pod": "{namespace: Web}"},
         "expected a name of a-z, 0-9 and '-', at most 63 long, not 'Web'; did you mean 'web'?"),
        ({"pod": "{priority: 2000000000}"},
         "expected a priority between -1000000000 and 1000000000, but the value is 2000000000"),
    ],
)  # fmt: skip
def test_one_mistake_in_a_workload_is_one_sentence(parts, sentence):
    (found,) = refused(workload(**parts))
    assert found.startswith("s.yaml:6:")
    assert found.split(": ", 1)[1] == sentence


@pytest.mark.parametrize(
    ("minion", "sentences"),
    [
        ("{name: a, memory: 1Gi}", ["'cpu' is missing: expected an amount of CPU in cores, as 8 or 500m"]),
        ("{name: a, cpuu: 1, memory: 1Gi}", ["'cpuu' is not a key of 'minions'; did you mean 'cpu'?"]),
        ("{cpu: 1, memory: 1Gi}", ["'name' is missing: expected the name of these minions"]),
        ("{name: a, cpu: 1, memory: 1Gi, reserved: {cpu: 2, memory: 2Gi}}",
         ["the cpu reserved is more than the minion's own cpu", "the memory reserved is more than the minion's own memory"]),
        ("{name: a, cpu: 1, memory: 1Gi, gpu: {}}",
         ["'count' is missing: expected a number of GPUs, as {count: 8, model: V100}"]),
        ("{name: a, cpu: 1, memory: 1Gi, gpu: 8}", ["expected a mapping as {count: 8, model: V100}, not '8'"]),
        ("{name: a, cpu: 1, memory: 1Gi, domains: {zone: a}}",
         ["expected names as [a, b, c] or a number of blocks, not 'a'"]),
        ("{name: a, cpu: 1, memory: 1Gi, domains: {zone: []}}", ["expected 1 to 10000 names, as [a, b, c], not 0"]),
        ("{name: a, count: 100001, cpu: 1, memory: 1Gi}",
         ["expected a number of minions between 0 and 100000, but the value is 100001"]),
        ("{name: a, cpu: 1, memory: 1Gi, count: 60000}, {name: b, cpu: 1, memory: 1Gi, count: 60000}",
         ["expected at most 100000 minions in all, but with these there are 120000"]),
        ("{name: a, cpu: 1, memory: 1Gi, count: 3}, {name: a-2, cpu: 1, memory: 1Gi}",
         ["the name 'a-2' is taken: the minions 'a' have one of this name"]),
        ("{name: a, cpu: 1, memory: 1Gi}, {name: a, cpu: 1, memory: 1Gi}",
         ["the name 'a' is given twice: element 0 of minions has it too"]),
        ("{name: a, trce: {format: openb, path: x}}", ["'trce' is not a key of 'minions'; did you mean 'trace'?"]),
        ("{name: a, trace: {format: table, path: .}, cpu: 3}", ["the key 'cpu' does not go with 'trace' here"]),
        ("{name: a, trace: {format: opnb, path: .}}", ["expected openb or table, not 'opnb'; did you mean 'openb'?"]),
        ("{name: a, trace: {format: table, path: '${HOME}/x'}}",
         ["'${HOME}' is not known in a path: only ${WAVETANK_SHARED} is"]),
        ("3", ["expected a mapping with the keys name, pods, pids, kernel, reserved, labels, domains, taints, cordoned, kubelet, disk, imageDisk, preloaded, count, cpu, memory, "
               "ephemeral-storage, extended, gpu, ready, vm, not '3'"]),
        ("", ["expected at least one element"]),
    ],
)  # fmt: skip
def test_mistakes_in_minions(minion, sentences):
    found = refused(f"{HEAD}cluster:\n  minions: [{minion}]\n")
    assert [each.split(": ", 1)[1] for each in found] == sentences
    assert all(each.startswith("s.yaml:5:") for each in found)


def test_names_of_single_minions_beside_a_pool():
    load(
        f"{HEAD}cluster: {{minions: [{{name: a, count: 3, cpu: 1, memory: 1Gi}}, {{name: a-3, cpu: 1, memory: 1Gi}}]}}"
    )


def test_missing_keys_are_told_at_their_parent():
    assert refused("apiVersion: wavetank/v1\n") == [
        "s.yaml:1:1: 'name' is missing: expected a name for the runs, as one-minion-dies",
        "s.yaml:1:1: 'cluster' is missing: expected the machines, as {minions: [...]}",
    ]
    assert refused(HEAD + "cluster:\n  minoins: []\n") == [
        "s.yaml:5:3: 'minoins' is not a key of 'cluster'; did you mean 'minions'?"
    ]
    assert refused(HEAD.replace("wavetank/v1", "wavetank/v2") + WEB) == [
        "s.yaml:1:13: expected wavetank/v1, not 'wavetank/v2'; did you mean 'wavetank/v1'?"
    ]


def test_what_only_follows_from_a_mistake_is_not_told():
    fault = "faults: [{name: a, at: 5m, crash: {minion: web-3}}, {name: a, at: 5m, crash: {minion: web-9}}]\n"
    twice = "s.yaml:5:60: the name 'a' is given twice: element 0 of faults has it too"
    assert refused(HEAD + WEB.replace("count", "cuont") + fault) == [
        "s.yaml:4:33: 'cuont' is not a key of 'minions'; did you mean 'count'?",
        twice,
    ]
    assert refused(HEAD + WEB.replace("count: 4", "count: -4") + fault) == [
        "s.yaml:4:40: expected a number of minions between 0 and 100000, but the value is -4",
        twice,
    ]
    assert refused(HEAD + WEB.replace("name: web", "name: ") + fault) == [
        "s.yaml:4:22: 'name' has no value: give it one, or leave the key out",
        twice,
    ]
    dangling = "s.yaml:5:87: there is no minion 'web-9' in this cluster; did you mean 'web-3'?"
    assert refused(HEAD + WEB.replace("cpu: 8", "cpu: 8Gi") + fault)[1:] == [twice, dangling]
    nameless = "cluster: {minions: [{count: 2, cpu: 8, memory: 32Gi}, {name: 12, cpu: 1, memory: 1Gi}]}\n"
    assert refused(HEAD + nameless + fault) == [
        "s.yaml:4:21: 'name' is missing: expected the name of these minions",
        "s.yaml:4:62: expected a name of a-z, 0-9 and '-', at most 63 long, not '12'; did you mean '\"12\"'?",
        twice,
    ]


def test_until_may_be_left_out_where_everything_ends():
    endless = HEAD.replace("until: 1h\n", "") + WEB
    load(endless)
    load(endless + "workloads: [{name: w, arrivals: {poisson: {rate: 1/h}}, count: 3, pod: {}}]")
    drawn = "faults: [{enabled: %s, timeToFailure: 1d, repair: 1h, crash: {minions: all}}]"
    load(endless + drawn % "false")
    assert refused(endless + drawn % "true") == [
        "s.yaml:1:1: 'until' is missing: expected a time, as 24h, for drawn faults go on for ever"
    ]
    assert refused(endless + "workloads: [{name: w, arrivals: {poisson: {rate: 1/h}}, pod: {}}]") == [
        "s.yaml:1:1: 'until' is missing: expected a time, as 24h, for workload 0 has no 'count'"
    ]
    assert refused("unitl: 1h\n" + endless + drawn % "true") == [
        "s.yaml:1:1: 'unitl' is not a key of a scenario; did you mean 'until'?"
    ]


def test_an_absent_trace_says_where_it_is_to_be_had(tmp_path, monkeypatch):
    monkeypatch.setenv("WAVETANK_SHARED", str(tmp_path / "shared"))
    text = (
        HEAD
        + "cluster: {minions: [{name: a, trace: {format: openb, path: '${WAVETANK_SHARED}/traces/openb'}}]}\n"
    )
    assert refused(text) == [
        f"s.yaml:4:60: there is no trace at '{tmp_path}/shared/traces/openb': it is to be had from "
        "github.com/alibaba/clusterdata (cluster-trace-gpu-v2023), or set WAVETANK_SHARED to the folder that holds "
        "traces/"
    ]
    (tmp_path / "shared/traces/openb").mkdir(parents=True)
    spec = load(text)
    assert spec.cluster.minions[0].trace.file == tmp_path / "shared/traces/openb"
    assert "shared/traces" not in spec.to_plain()["cluster"]["minions"][0]["trace"]["path"].split("}")[0]
    pods = (
        HEAD
        + WEB
        + "workloads: [{trace: {format: openb, path: '${WAVETANK_SHARED}/traces/openb', pods: x.csv}}]\n"
    )
    assert refused(pods) == [f"s.yaml:5:84: there is no file 'x.csv' in '{tmp_path}/shared/traces/openb'"]


def test_relative_paths_start_at_the_scenario(tmp_path):
    (tmp_path / "pods.csv").write_text("name\n")
    (tmp_path / "s.yaml").write_text(HEAD + WEB + "workloads: [{trace: {format: table, path: pods.csv}}]\n")
    spec = load_scenario(tmp_path / "s.yaml", vocabulary=VOCABULARY)
    assert spec.workloads[0].trace.file == tmp_path / "pods.csv"
    assert spec.workloads[0].name == "table"
    assert pickle.loads(pickle.dumps(spec)).workloads[0].trace.file == tmp_path / "pods.csv"
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / "none.yaml", vocabulary=VOCABULARY)
    assert str(caught.value).endswith("none.yaml: the scenario cannot be read: No such file or directory")


def test_users_policies_are_named_but_not_imported():
    spec = load(HEAD + WEB + "policy: {scheduler: {no_such_package.policies:Tight: {x: 1}}}\n")
    assert spec.policy.scheduler.is_users_own
    assert dict(spec.policy.scheduler.parameters) == {"x": 1}


def test_everything_is_told_at_once_in_order():
    found = refused(
        HEAD.replace("1h", "24")
        + WEB
        + "seed: -1\nseed: 2\nfaults: [{at: 5m, crash: {minion: wbe-1}}]\nsed: 3\n",
        "cluster.minions.wbe.count=3",
        "policy.scheduler=bestfit",
    )
    assert [each.split(": ")[0] for each in found] == [
        "--set 1:1:17", "--set 2:1:18", "s.yaml:3:8", "s.yaml:5:7", "s.yaml:6:1", "s.yaml:7:35", "s.yaml:8:1",
    ]  # fmt: skip


def test_what_is_no_mapping_is_one_sentence():
    assert refused("[1]") == ["s.yaml:1:1: expected a mapping that begins with apiVersion: wavetank/v1"]
    assert refused("3") == ["s.yaml:1:1: expected a mapping that begins with apiVersion: wavetank/v1"]
    assert refused("") == ["s.yaml:1:1: expected a document, but the file is empty"]


def test_a_bomb_a_pit_and_a_cut_file_are_one_sentence_each():
    bomb = ["a0: &a0 [" + ", ".join("x" * 9) + "]"]
    bomb += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]" for i in range(1, 12)]
    (found,) = refused("\n".join(bomb))
    assert found.startswith(
        "s.yaml:6:15: with its aliases written out, the file has more than 200,000 values"
    )
    (found,) = refused(HEAD + "journal: " + "{a: " * 10_000)
    assert found.endswith("the nesting is deeper than 64 levels, expected at most that")
    text = HEAD + WEB + "faults:\n  - {at: 5m, crash: {minion: web-3}}\n"
    assert refused(text[:-3]) == [
        "s.yaml:6:21: the '{' opened here is not closed: expected ',' or '}' before the end of the text"
    ]
    assert refused(text[: text.index("32Gi")].encode() + b"\xff") == [
        "s.yaml:4:59: the file is not UTF-8 text: byte 0xff cannot stand here"
    ]


def test_positions_can_be_asked_later():
    loaded = read_scenario_text(
        HEAD + WEB + "expect:\n  - a == 1 always\n", "s.yaml", sets=["expect.0=b == 2"], vocabulary=VOCABULARY
    )
    assert str(loaded.diagnostic(("expect", 0), "odd", column_offset=5)) == "--set 1:1:15: odd"
    assert str(loaded.diagnostic(("cluster", "minions", 0, "cpu"), "odd", hint="even")) == (
        "s.yaml:4:48: odd; did you mean 'even'?"
    )
