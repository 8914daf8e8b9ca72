"""Where pods may go that tolerate taints, and where those may that do not."""

from __future__ import annotations

import pytest

from models.testing.rest import broken_at_rest
from models.world import World
from tests.support.worlds import ran, records

DEDICATED = "{key: dedicated, value: gpu, effect: NoSchedule}"
TOLERATES = "[{key: dedicated, value: gpu, effect: NoSchedule}]"
ALL = "[{operator: Exists}]"
POLICIES = ["first-fit", "best-fit", "worst-fit", "random", "dot-product"]


def world(
    *,
    tolerations: str = "[]",
    policy: str = "first-fit",
    faults: str = "",
    master: str = "{timing: kubernetes}",
    taints: str = f"[{DEDICATED}]",
) -> World:
    """Three plain minions for six pods, and four tainted ones of the same size that stand before them."""
    return ran(
        f"""
until: 20m
seed: 3
cluster:
  minions:
    - {{name: a-kept, count: 4, cpu: 2, memory: 8Gi, taints: {taints}}}
    - {{name: free, count: 3, cpu: 2, memory: 8Gi}}
controllers:
  - {{name: own, replicas: 8, pod: {{cpu: 1, memory: 64Mi, tolerations: {tolerations}}}}}
  - {{name: plain, start: 1s, replicas: 6, pod: {{cpu: 1, memory: 64Mi}}}}
master: {master}
policy: {{scheduler: {policy}}}
faults: [{faults}]
"""
    )


def placed(found: World, owner: str, until_s: float = 1e9) -> dict[str, int]:
    """How many pods of a controller were bound to each pool."""
    counts: dict[str, int] = {}
    for row in records(found, "pod_bound"):
        if row["owner"].endswith(owner) and row["time_s"] <= until_s:
            pool = row["minion"].rpartition("/")[2].rpartition("-")[0]
            counts[pool] = counts.get(pool, 0) + 1
    return counts


@pytest.mark.parametrize("policy", POLICIES)
def test_only_who_tolerates_goes_where_others_are_kept_off(policy: str) -> None:
    found = world(tolerations=TOLERATES, policy=policy)
    plain, own = placed(found, "plain"), placed(found, "own")
    assert set(plain) <= {"free"}
    assert own["a-kept"] >= 8 - (6 - sum(plain.values()))
    assert broken_at_rest(found) == []


@pytest.mark.parametrize(
    "tolerations",
    [
        "[]",
        "[{key: dedicated, value: cpu, effect: NoSchedule}]",
        "[{key: dedicated, value: gpu, effect: NoExecute}]",
        "[{key: other, operator: Exists}]",
    ],
)
def test_a_toleration_of_something_else_opens_nothing(tolerations: str) -> None:
    found = world(tolerations=tolerations)
    assert placed(found, "own") == {"free": 6}
    (reason,) = {row["reason"] for row in records(found, "pod_unschedulable") if row["owner"].endswith("own")}
    assert reason.startswith("0 of 7 minions: ")
    assert broken_at_rest(found) == []


def test_every_taint_must_be_tolerated() -> None:
    both = f"[{DEDICATED}, {{key: other, effect: NoExecute}}]"
    assert placed(world(tolerations=TOLERATES, taints=both), "own") == {"free": 6}
    assert placed(world(tolerations=ALL, taints=both), "own") == {"a-kept": 8}


def test_prefer_no_schedule_keeps_nobody_off() -> None:
    mild = "[{key: dedicated, effect: PreferNoSchedule}]"
    assert placed(world(taints=mild), "own") == {"a-kept": 8}


def test_a_taint_that_comes_later_and_one_that_goes() -> None:
    """A cordon is a taint too: who tolerates it goes there, others wait until it is lifted."""
    cordon = "{name: c, at: 0s, cordon: {minions: free}, for: 5m}"
    tolerant = world(tolerations=ALL, faults=cordon, taints="[]")
    waiting = [row["time_s"] for row in records(tolerant, "pod_bound") if row["owner"].endswith("plain")]
    assert len(waiting) == 6
    assert min(waiting) > 300
    assert sum(placed(tolerant, "own", 299.0).values()) == 8
    assert broken_at_rest(tolerant) == []


@pytest.mark.parametrize(("owner", "tolerations"), [("own", ALL), ("plain", "[]")])
def test_who_tolerates_everything_goes_to_a_silent_minion_too(owner: str, tolerations: str) -> None:
    found = ran(
        f"""
until: 5m
seed: 3
cluster:
  minions:
    - {{name: a-silent, count: 1, cpu: 4, memory: 8Gi, ready: false}}
    - {{name: free, count: 1, cpu: 2, memory: 8Gi}}
controllers: [{{name: {owner}, replicas: 6, pod: {{cpu: 1, memory: 64Mi, tolerations: {tolerations}}}}}]
master: {{timing: kubernetes}}
"""
    )
    assert placed(found, owner) == ({"a-silent": 4, "free": 2} if owner == "own" else {"free": 2})


def test_a_scheduler_that_starts_again_knows_taints() -> None:
    restart = "{name: r, at: 1m, restart: {client: scheduler}}, {name: k, at: 2m, kill: {pods: own}}"
    found = world(tolerations=TOLERATES, faults=restart)
    assert set(placed(found, "plain")) <= {"free"}
    assert placed(found, "own")["a-kept"] >= 12
    assert broken_at_rest(found) == []
