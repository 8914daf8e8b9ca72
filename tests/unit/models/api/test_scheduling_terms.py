"""What is wrong with a pod's spread constraints is told as the API of 1.20 tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.api.manifests import read_manifest

_POD = """apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers: [{name: c, image: i}]
  topologySpreadConstraints: [%s]
"""
_WELL = "{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}"
_AT = "spec.topologySpreadConstraints"


@pytest.mark.parametrize(
    ("constraints", "says"),
    [
        (_WELL, []),
        (_WELL.replace("1", "0"), [f"{_AT}[0].maxSkew: Invalid value: 0: must be greater than zero"]),
        (_WELL.replace("1", "-3"), [f"{_AT}[0].maxSkew: Invalid value: -3: must be greater than zero"]),
        (_WELL.replace("maxSkew: 1, ", ""), [f"{_AT}[0].maxSkew: Required value"]),
        (f"{_WELL}, {_WELL.replace('zone', 'rack')}", []),
        (f"{_WELL}, {_WELL.replace('DoNotSchedule', 'ScheduleAnyway')}", []),
        (
            f"{_WELL}, {_WELL.replace('1', '2')}",
            [f"{_AT}[1].{{topologyKey, whenUnsatisfiable}}: Duplicate value: \"{{zone, DoNotSchedule}}\""],
        ),
    ],
)  # fmt: skip
def test_spread_constraints(tmp_path: Path, constraints: str, says: list[str]) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text(_POD % constraints)
    _, problems = read_manifest(file)
    assert [each.message for each in problems] == says
    assert all(each.line == 6 for each in problems)
