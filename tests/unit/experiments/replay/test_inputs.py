"""A scenario is simulated, and what can be done again for real is taken from it; the rest is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from experiments.checking import read_checked
from experiments.replay.comparing import compare
from experiments.replay.inputs import work_of
from experiments.replay.predicting import read_lived
from experiments.replay.problems import HostError
from experiments.replay.replaying import OWN_BYTES, Replay, prepare
from experiments.replay.slices import Slice
from tests.support.equalsplit import split_equally

ROOT = Path(__file__).resolve().parents[4]
EIGHT = ROOT / "scenarios" / "replay" / "eight-pods.yaml"
_MIB = 2**20


def _prepared(tmp_path: Path, scenario: Path = EIGHT, part: Slice = Slice(), *sets: str) -> Replay:  # noqa: B008
    folder = tmp_path / "predicted"
    folder.mkdir()
    return prepare(read_checked(scenario, list(sets)), folder, part)


def _one(tmp_path: Path, container: dict[str, object], **pod: object) -> Path:
    file = tmp_path / "one.yaml"
    made = {
        "apiVersion": "wavetank/v1",
        "name": "one",
        "until": "20s",
        "cluster": {"minions": [{"name": "host", "cpu": 2, "memory": "4Gi"}]},
        "controllers": [
            {"name": "one", "replicas": 1, "pod": {"containers": [{"name": "main", **container}], **pod}}
        ],
    }
    file.write_text(yaml.safe_dump(made))
    return file


def test_the_pods_of_the_shipped_scenario(tmp_path: Path) -> None:
    found = _prepared(tmp_path)
    assert (found.minion, found.cores, found.until_s, found.left_out) == ("host", 2, 60.0, ())
    assert [part.arrival.pod for part in found.parts] == [
        *(
            "default/scraps-0",
            "default/scraps-1",
            "default/throttled-0",
            "default/work-0",
            "default/server-0",
        ),
        *("default/leak-0", "default/batch-0", "default/crash-0"),
    ]
    works = {part.arrival.owner: part.work["main"] for part in found.parts}
    assert works["controller/default/throttled"].threads == 2
    assert works["controller/default/work"].work_s == 6.0
    assert (works["controller/default/server"].threads, works["controller/default/server"].duty_permille) == (
        1,
        200,
    )
    assert works["controller/default/server"].hold_bytes == 20 * _MIB - OWN_BYTES
    leak = works["controller/default/leak"]
    assert (leak.hold_bytes, leak.leak_bytes_per_s) == (16 * _MIB - OWN_BYTES, 6 * _MIB)
    assert leak.most_bytes > 64 * _MIB, "it meets its limit before it stops"
    assert (works["controller/default/crash"].after_s, works["controller/default/crash"].code) == (5.0, 3)


def test_only_the_first_pods_for_some_seconds(tmp_path: Path) -> None:
    found = _prepared(tmp_path, EIGHT, Slice(pods=2, seconds=10.0), "until=10s")
    assert len(found.parts) == 2
    assert found.until_s == 10.0
    assert [each for each in found.left_out if "--pods 2" in each] == list(found.left_out)
    assert all(part.arrival.at_s < 10.0 for part in found.parts)


@pytest.mark.parametrize(
    ("container", "why"),
    [
        ({"uses": {"memory": "20Mi"}}, "takes memory, and has no limit of memory"),
        ({"limits": {"memory": "4Mi"}, "uses": {"threads": 1}}, "has a memory limit of 4 MiB"),
        ({"uses": {"cpu": {"uniform": {"low": "100m", "high": "1"}}}}, "draws what it does"),
        ({"limits": {"cpuQuota": "5ms", "cpuPeriod": "10ms"}, "uses": {"threads": 1}}, "has a period of CPU"),
        ({"limits": {"pids": 9}, "uses": {"threads": 1}}, "has a limit of 9 processes"),
        ({"limits": {"cpuset": "0"}, "uses": {"threads": 1}}, "is bound to single CPUs"),
        ({"probes": {"liveness": {"period": "10s"}}, "uses": {"threads": 1}}, "has probes"),
    ],
)
def test_what_cannot_be_run_for_real_is_said(tmp_path: Path, container: dict[str, object], why: str) -> None:
    with pytest.raises(
        HostError, match=f"no pod of minion host can be run for real: pod default/one-0 .*{why}"
    ):
        _prepared(tmp_path, _one(tmp_path, container))


def test_pods_without_containers_are_left_out(tmp_path: Path) -> None:
    file = _one(tmp_path, {})
    file.write_text(file.read_text().replace("containers:\n    - name: main", "cpu: 1"))
    with pytest.raises(HostError, match="nobody says its containers"):
        _prepared(tmp_path, file)


def test_a_minion_must_be_named_where_pods_came_to_several(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="pods came to 2 minions: name one of them with --minion"):
        _prepared(tmp_path, EIGHT, Slice(), "cluster.minions.0.count=2", "policy.scheduler=worst-fit")


def test_a_minion_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="there is no minion 'web': name one of host"):
        _prepared(tmp_path, EIGHT, Slice(minion="web"))


def test_work_of_more_than_a_core_takes_as_many_threads(tmp_path: Path) -> None:
    found = _prepared(tmp_path, _one(tmp_path, {"uses": {"cpu": "1500m"}}))
    work = work_of(found.parts[0].containers.containers[0], OWN_BYTES)
    assert (work.threads, work.duty_permille) == (2, 750)


def test_with_an_equal_split_in_place_of_the_models_share_the_worlds_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison is one that a wrong share of the CPU does not pass."""
    (tmp_path / "right").mkdir()
    (tmp_path / "equal").mkdir()
    right = _prepared(tmp_path / "right")
    world = read_lived(right.folder, "host", 60.0)
    assert compare(world, world, 60.0).status == 0
    split_equally(monkeypatch)
    wrong = _prepared(tmp_path / "equal")
    verdict = compare(read_lived(wrong.folder, "host", 60.0), world, 60.0)
    assert verdict.status == 1
    assert any(not row.holds for row in verdict.cpu)
