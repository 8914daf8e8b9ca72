"""Decisions in full: how many would do, the best with every score, and nothing else that is different for it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.worlds import ran, records

SCENARIO = """
until: 1h
seed: 3
cluster:
  minions:
    - {name: a, count: 160, cpu: 4, memory: 8Gi, domains: {zone: [x, y, z]}}
    - {name: b, count: 3, cpu: 16, memory: 16Gi, gpu: {count: 2}, domains: {zone: [x, y, z]}}
workloads:
  - {name: small, arrivals: {poisson: {rate: 200/h}}, duration: 10m, pod: {cpu: 700m, memory: 1Gi}}
  - {name: large, arrivals: {poisson: {rate: 60/h}}, duration: 30m, pod: {cpu: 7, memory: 1Gi}}
  - {name: shared, arrivals: {poisson: {rate: 20/h}}, duration: 30m, pod: {cpu: 1, memory: 1Gi, gpu: 0.4}}
policy: {scheduler: POLICY}
"""
IN_TIME = "kubernetes}\nmaster: {timing: kubernetes"
POLICIES = [
    "kubernetes",
    IN_TIME,
    "{kubernetes: {percentage: 100, ties: first}}",
    "best-fit",
    "fgd",
    "random",
]


def run(policy: str, journal: str) -> list[dict[str, Any]]:
    sets = [f"journal.scheduling={journal}", *(["until=16m"] if policy == IN_TIME else [])]
    return records(ran(SCENARIO.replace("POLICY", policy), *sets))


def decisions(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for row in rows:
        if row["kind"] == "pod_decided":
            found.append((row, []))
        elif row["kind"] == "minion_scored":
            assert row["cause"] == found[-1][0]["seq"]
            assert row["object"] == found[-1][0]["object"]
            found[-1][1].append(row)
    return found


@pytest.fixture(scope="module", params=POLICIES)
def policy(request: Any) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def full(policy: str) -> list[dict[str, Any]]:
    return run(policy, "full")


def test_writing_decisions_changes_none(policy: str, full: list[dict[str, Any]]) -> None:
    def lives(rows: list[dict[str, Any]]) -> list[Any]:
        told = ("time_s", "kind", "object", "minion", "reason")
        return [
            [row[name] for name in told]
            for row in rows
            if row["kind"] not in ("pod_decided", "minion_scored")
        ]

    brief = run(policy, "brief")
    assert lives(brief) == lives(full)
    assert len(brief) < len(full)


def test_each_attempt_says_how_many_would_do_and_the_best_of_them(full: list[dict[str, Any]]) -> None:
    found = decisions(full)
    bound = [(row["object"], row["minion"]) for row in full if row["kind"] == "pod_bound"]
    assert [(row["object"], row["minion"]) for row, _ in found if row["minion"]] == bound
    refused = [row["reason"] for row in full if row["kind"] == "pod_unschedulable"]
    assert refused
    assert refused[0] in [row["reason"] for row, _ in found if row["minion"] is None]
    for row, best in found:
        assert row["pod_decided_minions"] == 163
        assert len(best) == min(5, row["pod_decided_feasible"])
        totals = [each["value"] for each in best]
        assert totals == sorted(totals, reverse=True)
        assert len({each["minion"] for each in best}) == len(best)
        if best:
            assert best[0]["minion"] == row["minion"]
        else:
            assert row["minion"] is None
            assert row["reason"].startswith("0 of 163 minions: ")


def test_the_scores_of_all_plug_ins_add_up(policy: str, full: list[dict[str, Any]]) -> None:
    for _, best in decisions(full):
        for each in best:
            parts = re.findall(r"([\w-]+) ([\d.e+-]+)(?: x (\d+))?", each["reason"])
            assert sum(float(score) * int(weight or 1) for _, score, weight in parts) == each["value"]
            if "kubernetes" in policy:
                assert len(parts) == 8
            else:
                assert [name for name, _, _ in parts] == [policy]


def test_who_decides_alone_says_how_many_would_do(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_decides.py").write_text(
        "from models.api.protocols import Refusal\n"
        "def last(view, pod, context):\n"
        "    rows = view.fits(pod.template).nonzero()[0]\n"
        "    return int(rows[-1]) if rows.size else Refusal({'nothing left': len(view.names)})\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = decisions(run("mine_decides:last", "full"))
    assert {len(best) for _, best in found} == {0}
    (first, _), *_ = found
    assert first["pod_decided_feasible"] in (3, 163)
    refused = [row["reason"] for row, _ in found if row["minion"] is None]
    assert set(refused) == {"0 of 163 minions: nothing left x 163"}
