"""Observations of the recordings, spot by spot, against what one reads in their logs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from experiments.verify.control.observation import Frame
from experiments.verify.control.observations import observe
from experiments.verify.control.recording import read_recording

_LISTED = {
    "create_and_scale": {
        "web: created": "100",
        "web: live at the end": "0",
        "do_create_rc web to first created": 0.014,
        "do_create_rc web to last created": 3.864,
        "do_scale web: victims": "30",
        "do_scale web: victims that were not ready": "3",
        "do_scale web #2: victims": "70",
        "do_scale web #2 to last terminating": 2.015,
    },
    "big_create": {
        "do_create_rc big to 25th created": 0.083,
        "do_create_rc big to 50th created": 1.264,
        "do_create_rc big to last created": 34.414,
    },
    "adopt_release": {
        "do_create_rc web: then": "4 adopted by web",
        "do_label: then": "1 released by web (the labelled pod)",
        "do_label #2: then": "1 adopted by web (the labelled pod)",
        "do_delete web: then": "3 released by web",
        "do_delete web2 to first terminating": 0.465,
    },
    "one_minion_dies": {
        "m03: minion_dies to Unknown": 33.274,
        "m03: Unknown to NoExecute taint": 5.126,
        "m03: NoExecute taint to first pod_terminating": 60.01,
        "m03: any pod evicted": "yes",
        "m03: minion_back to no taint": 3.345,
        "m03: minion_back to last pod_gone": 0.132,
    },
    "zone_dead": {
        "gaps between NoExecute taints in z0, no. 1 from the greatest": 20.14,
        "gaps between NoExecute taints in z0, no. 5 from the greatest": 10.066,
        "web: terminating": "24",
    },
    "zone_partial": {
        "m00: any pod evicted": "no",
        "m06: any pod evicted": "yes",
        "m06: pods that stay": "none",
        "m00: pods that stay": "all",
    },
    "all_dead": {
        "m10: Unknown to NoExecute taint": 6.418,
        "m10: NoExecute taint to first pod_terminating": math.inf,
        "web: terminating": "0",
        "m11: pods that stay": "all",
    },
    "flap": {"m02: minion_dies to Unknown": 43.454, "m02: any pod evicted": "no"},
    "pods_killed": {"web: pod_terminating to next pod_created, median": 0.005},
    "overlap": {"a: live at the end": "2", "b: live at the end": "5"},
    "cordon": {"web: terminating": "6", "web: live at the end": "20"},
    "preempt": {"preempted": "4"},
}


@pytest.mark.parametrize("name", sorted(_LISTED))
def test_a_recording_is_observed_as_one_reads_it(shared: Path, name: str) -> None:
    recording = read_recording(shared / "behaviour" / f"{name}.json")
    seen: dict[str, Any] = {o.what: o.value for o in observe(recording.log, Frame.of(recording))}
    listed = _LISTED[name]
    assert {what: seen.get(what) for what in listed} == pytest.approx(listed)


def test_every_kind_of_observation_comes_up_in_some_recording(shared: Path) -> None:
    groups = set()
    for file in sorted((shared / "behaviour").glob("*.json")):
        recording = read_recording(file)
        found = observe(recording.log, Frame.of(recording))
        groups |= {observation.group for observation in found}
        assert len({observation.key for observation in found}) == len(found)
    assert groups == set(range(1, 12))
