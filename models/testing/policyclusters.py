"""Hypothesis strategies for what a scheduling policy may meet: small clusters, and pods that come, wait and go.

Each is the text of a scenario, as a user would write it (see :mod:`models.testing.strategies`), without its policy.
They are made to be awkward: minions that are cordoned, tainted or not ready; pods that fit nowhere, for a while or
ever; shares of GPUs and several models of them; minions that die and come back.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

__all__ = ["ZONES", "policy_clusters", "split_clusters"]

ZONES: Final = ("left", "right")
"""Zones of :func:`split_clusters`: no pod may go to both."""

Words = dict[str, Any]

_TAINT: Final = {"key": "dedicated", "value": "some", "effect": "NoSchedule"}
_STATES: Final[tuple[Words, ...]] = (
    {},
    {},
    {},
    {"ready": False},
    {"cordoned": True},
    {"taints": [_TAINT]},
)
_GPUS: Final = (None, None, {"count": 1}, {"count": 2, "model": "small"}, {"count": 4, "model": "large"})
_ASKED_GPUS: Final = (None, None, 0.3, 0.5, 1, 2)


@st.composite
def _pools(draw: st.DrawFn, /, name: str, words: Words) -> list[Words]:
    pools = []
    for number in range(draw(st.integers(1, 3))):
        pool: Words = {
            "name": f"{name}{number}",
            "count": draw(st.integers(1, 3)),
            "cpu": draw(st.sampled_from((2, 4, 8))),
            "memory": draw(st.sampled_from(("4Gi", "16Gi"))),
            "pods": draw(st.sampled_from((110, 2))),
            **draw(st.sampled_from(_STATES)),
            **words,
        }
        gpu = draw(st.sampled_from(_GPUS))
        pools.append(pool if gpu is None else {**pool, "gpu": gpu})
    return pools


@st.composite
def _workloads(draw: st.DrawFn, /, name: str, pod: Words) -> list[Words]:
    """Make some kinds of pods; some come together, and some do not fit even an empty minion."""
    made = []
    for number in range(draw(st.integers(1, 4))):
        asks: Words = {
            "cpu": draw(st.sampled_from(("500m", "1", "2500m", "7", "100"))),
            "memory": draw(st.sampled_from(("256Mi", "3Gi"))),
            **pod,
        }
        gpu = draw(st.sampled_from(_ASKED_GPUS))
        if gpu is not None:
            asks["gpu"] = gpu
        if draw(st.booleans()):
            asks["tolerations"] = [{"key": "dedicated", "operator": "Exists"}]
        workload: Words = {
            "name": f"{name}{number}",
            "arrivals": {"at": f"{draw(st.integers(0, 60))}s"},
            "count": draw(st.integers(1, 6)),
            "pod": asks,
        }
        if draw(st.booleans()):
            workload["duration"] = f"{draw(st.integers(1, 40))}s"
        made.append(workload)
    return made


@st.composite
def policy_clusters(draw: st.DrawFn) -> Words:
    """Make a scenario without a policy: pods on minions of which some die and come back."""
    pools = draw(_pools("p", {}))
    faults = []
    for number in range(draw(st.integers(0, 2))):
        pool = draw(st.sampled_from(pools))
        minion = f"{pool['name']}-{draw(st.integers(0, pool['count'] - 1))}"
        at_s, down_s = draw(st.integers(1, 60)), draw(st.integers(1, 30))
        faults.append(
            {"name": f"f{number}", "at": f"{at_s}s", "crash": {"minion": minion}, "repair": f"{down_s}s"}
        )
    return {
        **_scenario(draw(st.integers(0, 3)), draw(st.sampled_from(("instant", "kubernetes")))),
        "cluster": {"minions": pools},
        "workloads": draw(_workloads("w", {})),
        "faults": faults,
    }


@st.composite
def split_clusters(draw: st.DrawFn) -> Words:
    """Make a scenario of two halves: what comes to one may not go to the other, and has nothing to do with it."""
    pools, workloads = [], []
    for zone in ZONES:
        pools += draw(_pools(zone, {"labels": {"half": zone}}))
        workloads += draw(_workloads(zone, {"minions": f"half={zone}"}))
    return {
        **_scenario(draw(st.integers(0, 3)), "instant"),
        "cluster": {"minions": pools},
        "workloads": workloads,
    }


def _scenario(seed: int, timing: str) -> Words:
    return {
        "apiVersion": "wavetank/v1",
        "name": "drawn",
        "seed": seed,
        "until": "300s",
        "master": {"timing": timing},
    }
