"""Recordings are read, or refused with one sentence for each thing that is wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from experiments.verify.control.recording import Minion, read_recording
from sim.errors import ScenarioError

_GOOD: dict[str, Any] = {
    "scenario": "small",
    "kubernetes": "1.20",
    "kubelet": {"start_s": 0.2, "ready_s": 0.3, "lease_renew_s": 10},
    "toleration_s": 60,
    "minions": [
        {
            "name": "m0",
            "cpu": "4",
            "memory": "8Gi",
            "pods": 110,
            "labels": {"topology.kubernetes.io/zone": "z1"},
            "t": 1.5,
        },
        {"name": "m1", "cpu": "4", "memory": "8Gi", "pods": 110, "labels": {}},
    ],
    "objects": [
        {"kind": "Service", "name": "web", "selector": {"app": "web"}},
        {
            "kind": "ReplicationController",
            "metadata": {"name": "web"},
            "spec": {"replicas": 1, "selector": {"app": "web"}, "template": {"spec": {}}},
        },
        {"kind": "PriorityClass", "name": "low", "value": 1},
    ],
    "log": [
        {"t": 4.0, "kind": "pod_node", "pod": "web-1", "value": "m0", "node": "m0"},
        {"t": 3.0, "kind": "do_create_rc", "rc": "web", "replicas": 1},
        {"t": 3.1, "kind": "pod_created", "pod": "web-1", "owner": "web", "labels": {"app": "web"}},
        {"t": 9.0, "kind": "minion_dies", "minion": "m0"},
    ],
}


def _read(folder: Path, data: Any) -> Any:
    file = folder / "recording.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    return read_recording(file)


def _sentences(folder: Path, data: Any) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        _read(folder, data)
    assert caught.value.exit_status == 2
    return [found.message for found in caught.value.diagnostics]


def _with(*path: Any, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(_GOOD)
    place: Any = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return data


def test_a_good_file_is_read_with_its_rows_in_order_of_time(tmp_path: Path) -> None:
    recording = _read(tmp_path, _GOOD)
    assert [row["t"] for row in recording.log] == [3.0, 3.1, 4.0, 9.0]
    assert recording.end_s == 9.0
    assert [row["kind"] for row in recording.inputs] == ["do_create_rc", "minion_dies"]
    assert recording.controllers == ("web",)
    assert recording.services == ("web",)
    assert recording.minions[1] == Minion("m1", "4", "8Gi", 110, {}, None)
    assert [minion.zone for minion in recording.minions] == ["z1", ""]


def test_a_file_cut_short_is_refused_at_the_place_of_the_cut(tmp_path: Path) -> None:
    text = json.dumps(_GOOD, indent=1)
    with pytest.raises(ScenarioError) as caught:
        _read(tmp_path, text[: len(text) // 2])
    (found,) = caught.value.diagnostics
    assert found.message.startswith("not JSON")
    assert found.line > 10


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("scenario",), 3, "'scenario' of the recording must be text, not 3"),
        (("kubernetes",), "9.99", "there are no constants of Kubernetes '9.99'"),
        (("toleration_s",), True, "'toleration_s' of the recording must be a number from 0 to 1,000,000, not true"),
        (("log",), {}, "'log' must be a list"),
        (("log",), [], "the log has no rows"),
        (("kubelet",), {"start_s": 1, "ready_s": -1, "lease_renew_s": 10}, "'ready_s' of 'kubelet' must be a number from 0 to 1,000,000, not -1"),
        (("minions", 1, "name"), "m0", "there are two minions 'm0'"),
        (("minions", 1, "labels"), {"a": 1}, "'labels' of minions[1] must be a table of texts, not {\"a\": 1}"),
        (("minions", 0), None, "minions[0] must be an object"),
        (("objects", 0, "kind"), "Servise", "objects[0] has the unknown kind 'Servise'; nearest: 'Service'"),
        (("objects", 0, "selector"), None, "'selector' of objects[0] must be a table of texts, not null"),
        (("objects", 1, "spec", "replicas"), "1", "objects[1] must have spec.replicas, a whole number"),
        (("objects", 2), {"kind": "PriorityClass"}, "objects[2] lacks a name"),
        (("log", 0, "kind"), "pod_nodes", "log[0] has the unknown kind 'pod_nodes'; nearest: 'pod_node'"),
        (("log", 0, "kind"), ["pod_node"], "log[0] must be an object with a 'kind'"),
        (("log", 0, "value"), [], "'value' of log[0] (pod_node) must be text or null, not []"),
        (("log", 0, "t"), float("nan"), "'t' of log[0] (pod_node) must be a number from 0 to 1,000,000, not NaN"),
        (("log", 0, "t"), 3.05, "log[0] (pod_node) speaks of pod 'web-1', which was not created before"),
        (("log", 1, "replicas"), 1.5, "'replicas' of log[1] (do_create_rc) must be a whole number, not negative, not 1.5"),
        (("log", 1, "rc"), "w", "log[1] (do_create_rc) speaks of 'w', which is not in 'objects'"),
        (("log", 3, "minion"), "m9", "log[3] (minion_dies) speaks of minion 'm9', which is not in 'minions'"),
        (("log", 3), {"t": 9, "kind": "probe_fails", "pod": "x"}, "log[3] (probe_fails) speaks of pod 'x', which is never created"),
        (("log", 3), {"t": 9, "kind": "do_delete", "kind_": "services", "name": "web", "policy": "Now"}, "'policy' of log[3] (do_delete) must be Background, Foreground or Orphan, not \"Now\""),
        (("log", 3), {"t": 9, "kind": "minion_ready", "minion": "m0", "value": ["True"]}, "'value' of log[3] (minion_ready) must be \"True\", \"False\" or \"Unknown\", not [\"True\"]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(
    tmp_path: Path, path: tuple[Any, ...], value: Any, sentence: str
) -> None:
    assert sentence in _sentences(tmp_path, _with(*path, value=value))


def test_a_field_that_lacks_is_named(tmp_path: Path) -> None:
    data = copy.deepcopy(_GOOD)
    del data["log"][1]["replicas"]
    del data["toleration_s"]
    assert sorted(_sentences(tmp_path, data)) == [
        "log[1] (do_create_rc) lacks 'replicas'",
        "the recording lacks 'toleration_s'",
    ]


def test_of_many_problems_the_first_are_said_and_the_rest_counted(tmp_path: Path) -> None:
    said = _sentences(tmp_path, _with("log", value=[{"t": 1, "kind": "nothing"}] * 50))
    assert len(said) == 21
    assert "and 30 more problems" in said


@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"'])
def test_json_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    assert _sentences(tmp_path, text) == ["a recording is a JSON object"]


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot read the file"):
        read_recording(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="not JSON"):
        read_recording(tmp_path / "bytes.json")


def test_all_recordings_are_read(shared: Path) -> None:
    recordings = [read_recording(file) for file in sorted((shared / "behaviour").glob("*.json"))]
    assert {"preempt", "unschedulable_then_room"} <= {recording.scenario for recording in recordings}
    assert len(recordings) >= 14
