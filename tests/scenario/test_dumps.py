"""A cluster's dump from the command line: made, checked, run; and rendered as it was."""

from __future__ import annotations

import json

import pytest

from experiments.cli import main
from experiments.dumps.cluster import make_dump
from models.api.manifests import read_manifest_text
from models.api.manifests_render import render
from models.api.manifests_settling import settle


@pytest.fixture(scope="module")
def dump():
    return make_dump(12, 150)


@pytest.fixture
def wavetank(monkeypatch, capsys):
    """The command line: exit status and all that it says, blanks in a row as one."""

    def call(*words):
        monkeypatch.setattr("sys.argv", ["wavetank", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return end.value.code or 0, " ".join((said.out + said.err).split())

    return call


@pytest.fixture
def file(dump, tmp_path):
    made = tmp_path / "dump.json"
    made.write_text(json.dumps(dump, indent=4))
    return made


def test_it_renders_as_it_was_and_reads_back_as_the_same(dump):
    read, problems = read_manifest_text(json.dumps(dump), "dump.json")
    files, found = settle({"dump.json": read})
    assert problems == found == []
    objects = files["dump.json"].objects
    rendered = [render(each) for each in objects]
    assert rendered == dump["items"]
    again, problems = read_manifest_text(json.dumps({**dump, "items": rendered}), "again.json")
    assert problems == []
    assert again.objects == read.objects


def test_validate_takes_a_dump_by_itself(wavetank, file):
    status, said = wavetank("validate", file)
    assert status == 0, said
    assert f"{file}: ok: 12 Node, 150 Pod, " in said
    assert "pods of owners that are not modelled run as they are" in said
    assert "Traceback" not in said


def test_files_of_one_cluster_are_checked_together(wavetank, dump, tmp_path):
    kinds = {}
    for each in dump["items"]:
        kinds.setdefault(each["kind"], []).append(each)
    files = []
    for kind, items in kinds.items():
        files.append(tmp_path / f"{kind}.json")
        files[-1].write_text(
            json.dumps({"apiVersion": items[0]["apiVersion"], "kind": f"{kind}List", "items": items})
        )
    status, said = wavetank("validate", *files)
    assert status == 0, said
    assert f"{tmp_path / 'Pod.json'}: ok: 150 Pod" in said
    status, said = wavetank("validate", tmp_path / "Pod.json")
    assert status == 2
    assert "of this uid in namespace" in said


def test_a_pod_on_a_node_that_is_not_there_is_told(wavetank, file, dump):
    items = json.loads(json.dumps(dump["items"]))
    pod = next(each for each in items if each["kind"] == "Pod" and each["status"]["phase"] == "Running")
    pod["spec"]["nodeName"] = "ip-10-0-0-99.eu-west-1.compute.internal"
    file.write_text(json.dumps({**dump, "items": items}, indent=4))
    status, said = wavetank("validate", file)
    assert status == 2
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "ip-10-0-0-99" in text)
    sentence = "spec.nodeName: there is no minion 'ip-10-0-0-99.eu-west-1.compute.internal' in this cluster"
    assert f"{file}:{line}:29: {sentence}; did you mean 'ip-10-0-0-9.eu-west-1.compute.internal'?" in said


def test_a_dump_that_is_cut_is_told_in_one_sentence(wavetank, file):
    file.write_text(file.read_text()[:200_000])
    status, said = wavetank("validate", file)
    assert status == 2
    assert "opened here is not closed: the text ends at line" in said
    assert "1 problem" in said


def test_a_scenario_of_nothing_but_a_dump_runs(wavetank, file, dump, tmp_path):
    scenario = tmp_path / "own.yaml"
    scenario.write_text(
        "apiVersion: wavetank/v1\nname: own\nuntil: 10m\nworkloads: [{manifest: dump.json}]\n"
        "expect: [ready(web-0) == desired(web-0) at end]\n"
    )
    status, said = wavetank("run", scenario, "--out", tmp_path / "out")
    assert status == 0, said
    pod = next(each for each in dump["items"] if each["kind"] == "Pod" and "nodeName" in each["spec"])
    metadata = pod["metadata"]
    name = f"pod/{metadata['namespace']}/{metadata['name']}"
    status, said = wavetank("explain", tmp_path / "out", name)
    assert f"{name} was there on minion/{pod['spec']['nodeName']} when the run began" in said


def test_what_ran_before_is_no_start_up_and_waited_for_nobody(wavetank, file, dump, tmp_path):
    scenario = tmp_path / "own.yaml"
    scenario.write_text(
        "apiVersion: wavetank/v1\nname: own\nuntil: 10m\nworkloads: [{manifest: dump.json}]\n"
        "controllers: [{name: new, replicas: 3, pod: {cpu: 10m}}]\n"
    )
    assert wavetank("run", scenario, "--no-report", "--out", tmp_path / "out")[0] == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    fresh = [each for each in dump["items"] if each["kind"] == "Pod" and "nodeName" not in each["spec"]]
    leaving = [each for each in dump["items"] if "deletionTimestamp" in each["metadata"]]
    assert summary["startup"]["there"]["pods"] == 3 + len(fresh) + len(leaving)


def test_numbers_that_are_none_in_fields_that_nobody_reads_do_no_harm(wavetank, tmp_path):
    (tmp_path / "m.yaml").write_text(
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c}], odd: [.nan, .inf]}}"
    )
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        "apiVersion: wavetank/v1\nname: s\nuntil: 1m\ncluster: {minions: [{name: m, cpu: 1, memory: 1Gi}]}\n"
        "workloads: [{manifest: m.yaml}]\n"
    )
    assert wavetank("run", scenario, "--no-report", "--out", tmp_path / "out")[0] == 0
