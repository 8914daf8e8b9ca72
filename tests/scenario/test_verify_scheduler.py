"""The model's scheduler against decisions of the real one's code; and that this comparison can fail."""

from __future__ import annotations

import functools
import gzip
import io
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import models.api.quantities
import models.api.scheduling_pods
import models.policies.kubernetes.image_locality
import models.policies.kubernetes.topology_spread
from experiments.verify.scheduler.command import verify_scheduler
from models.policies.kubernetes.inter_pod_affinity import AffinityScore
from models.policies.kubernetes.profile import KUBERNETES_1_20, Profile
from models.policies.kubernetes.resource_scores import BalancedAllocation
from models.policies.kubernetes.topology_spread import SpreadScore

_CASES, _SEQUENCES = "cases-v1.20.5.jsonl.gz", "sequences-v1.20.5.jsonl.gz"
Row = dict[str, Any]


@functools.cache
def _texts(file: Path) -> list[str]:
    with gzip.open(file, "rt") as lines:
        return list(lines)


def rows_of(shared: Path, name: str, holding: str = "") -> list[Row]:
    """Return the rows in whose text something stands."""
    return [json.loads(text) for text in _texts(shared / "golden" / name) if holding in text]


def verified(folder: Path, rows: Iterable[Row], profile: Profile = KUBERNETES_1_20) -> tuple[int, str]:
    """Return the exit status of verify and what it printed."""
    file = folder / "decisions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    screen = Console(file=io.StringIO(), width=160)
    status = verify_scheduler([file], console=screen, profile=profile)
    assert isinstance(screen.file, io.StringIO)
    return status, screen.file.getvalue()


def test_a_slice_of_the_decisions_agrees(tmp_path: Path, shared: Path) -> None:
    cases, sequences = rows_of(shared, _CASES)[::9], rows_of(shared, _SEQUENCES)[1::3]
    for row in sequences:
        row["pods"], row["steps"] = row["pods"][:60], row["steps"][:60]
    status, printed = verified(tmp_path, [*cases, *sequences])
    assert status == 0, printed
    assert "agree (100%)" in printed
    assert f"{len(cases)} cases and {60 * len(sequences)} steps of {len(sequences)} sequences" in printed


@pytest.mark.long
def test_all_decisions_agree(shared: Path) -> None:
    screen = Console(file=io.StringIO(), width=160)
    files = [shared / "golden" / name for name in (_CASES, _SEQUENCES)]
    assert verify_scheduler(files, console=screen) == 0
    assert isinstance(screen.file, io.StringIO)
    assert "1240 cases and 2600 steps of 13 sequences" in screen.file.getvalue()


# ------------------------------------------------------------------------------------------------ mutations


_PARTS = ("minion_scores", "resource_scores", "pod_scores")


def weight(name: str, value: int) -> Profile:
    parts = {part: getattr(KUBERNETES_1_20, part) for part in _PARTS}
    return replace(
        KUBERNETES_1_20,
        **{p: tuple((e, value if e.name == name else w) for e, w in each) for p, each in parts.items()},
    )


def instead(score: Any) -> Profile:
    parts = {part: getattr(KUBERNETES_1_20, part) for part in _PARTS}
    return replace(
        KUBERNETES_1_20,
        **{p: tuple((score if e.name == score.name else e, w) for e, w in each) for p, each in parts.items()},
    )


@dataclass(frozen=True)
class Rounded(BalancedAllocation):
    """Rounds where the real one cuts off."""

    def of(self, allocatable: Any, requested: Any) -> Any:
        cpu, memory = (
            taken / np.maximum(whole, 1) for whole, taken in zip(allocatable, requested, strict=True)
        )
        score = np.rint((1 - np.abs(cpu - memory)) * 100).astype(np.int64)
        return np.where((cpu >= 1) | (memory >= 1), 0, score)


Mutation = Callable[[pytest.MonkeyPatch], Profile]


def patched(module: Any, name: str, value: Any) -> Mutation:
    def mutate(patch: pytest.MonkeyPatch) -> Profile:
        patch.setattr(module, name, value)
        return KUBERNETES_1_20

    return mutate


def changed(profile: Profile) -> Mutation:
    return lambda patch: profile


_PODS, _IMAGES = models.api.scheduling_pods, models.policies.kubernetes.image_locality
_SPREAD = models.policies.kubernetes.topology_spread
_MUTATIONS: dict[str, tuple[Mutation, str, str]] = {
    # name: (what is changed, the group of cases, what must be told)
    "weight of spreading": (changed(weight("PodTopologySpread", 1)), "spread-soft", "decisions, total"),
    "weight of avoiding": (changed(weight("NodePreferAvoidPods", 1)), "preferavoid", "decisions, total"),
    "weight of a required affinity": (
        changed(instead(AffinityScore(hard_weight=0))),
        "podaffinity-required",
        "scores, InterPodAffinity",
    ),
    "default skew": (
        changed(instead(SpreadScore(defaults=((_SPREAD.HOSTNAME, 2), (_SPREAD.ZONE, 5))))),
        "spread-default",
        "scores, PodTopologySpread",
    ),
    "default constraints": (changed(instead(SpreadScore(defaults=()))), "spread-default", "scores, PodTopologySpread"),
    "default cpu": (patched(_PODS, "DEFAULT_MILLICORES", 110), "resources", "scores, NodeResourcesLeastAllocated"),
    "default memory": (patched(_PODS, "DEFAULT_MEMORY_BYTES", 400 * 2**20), "resources", "scores, NodeResourcesLeastAllocated"),
    "least image": (patched(_IMAGES, "MIN_BYTES", 33 * 2**20), "images", "scores, ImageLocality"),
    "most image": (patched(_IMAGES, "MAX_BYTES_A_CONTAINER", 900 * 2**20), "images", "scores, ImageLocality"),
    "normalising weight": (patched(_SPREAD, "_log", lambda number: math.log(number - 1)), "spread-soft", "PodTopologySpread, raw"),
    "overhead in millicores": (
        patched(_PODS, "to_whole", models.api.quantities.to_millicores),
        "resources",
        "scores, NodeResourcesLeastAllocated",
    ),
    "quantities rounded down": (
        lambda patch: (patch.setattr(models.api.quantities.math, "ceil", math.floor), KUBERNETES_1_20)[1],
        "resources",
        "decisions, total",
    ),
    "shares rounded": (changed(instead(Rounded())), "resources", "scores, NodeResourcesBalancedAllocation"),
}  # fmt: skip


@pytest.mark.parametrize("name", _MUTATIONS)
def test_a_changed_constant_is_found(
    name: str, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate, group, told = _MUTATIONS[name]
    rows = rows_of(shared, _CASES, f'"group":"{group}"')[:40]
    assert len(rows) >= 20
    status, printed = verified(tmp_path, rows, mutate(monkeypatch))
    assert status == 1
    assert f"{told}, first difference: " in printed
    assert "does not agree" in printed


def test_a_changed_record_is_found(tmp_path: Path, shared: Path) -> None:
    rows = rows_of(shared, _CASES)[:3]
    first = next(row for row in rows if row["expect"]["feasible"])
    first["expect"]["total"][0] += 1
    status, printed = verified(tmp_path, rows)
    assert status == 1
    name, total = first["expect"]["feasible"][0], first["expect"]["total"][0]
    assert f"{first['id']}: {name}: recorded {total}, found {total - 1}" in printed
