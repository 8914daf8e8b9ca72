"""Hypothesis strategies: clusters, controllers, services, faults, orders of delivery, and scenarios made of them.

What they make is the text of a scenario as a user would write it, so that a failing example is a scenario to run again.
Clusters are small: what goes wrong between a few minions and a few pods goes wrong between many. All faults end, well
before the scenario does: what holds at rest (``models.testing.rest``) must hold at its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

__all__ = [
    "FAULTS_END_S",
    "UNTIL_S",
    "controllers",
    "deliveries",
    "faults",
    "minions",
    "scenarios",
    "text_of",
]

FAULTS_END_S: Final = 1500
"""In seconds: all that goes wrong is over by then."""
UNTIL_S: Final = 4500
"""In seconds: how long a scenario lasts. Detection, toleration, a queue of taints at 1 in 10 s, an expectation that
times out and the longest back-off of a container pass between the two."""

_LABELS: Final = ({"app": "a"}, {"app": "b"}, {"app": "a", "tier": "x"})
_PODS: Final = ("100m", "500m", "1", "2500m")

Words = dict[str, Any]


@st.composite
def minions(draw: st.DrawFn) -> list[Words]:
    """Make one to three pools of one to four minions, in zones or in none."""
    pools = []
    for number in range(draw(st.integers(1, 3))):
        pool: Words = {
            "name": f"p{number}",
            "count": draw(st.integers(1, 4)),
            "cpu": draw(st.sampled_from((1, 2, 4, 8))),
            "memory": "64Gi",
            "pods": draw(st.sampled_from((3, 110))),
        }
        zones = draw(st.integers(0, 3))
        if zones:
            pool["domains"] = {"zone": [f"z{zone}" for zone in range(zones)]}
        pools.append(pool)
    return pools


@st.composite
def controllers(draw: st.DrawFn, *, deletions: bool = True) -> list[Words]:
    """Make controllers, of which some select the same pods, are scaled, or are deleted."""
    made = []
    for number in range(draw(st.integers(1, 3))):
        labels = draw(st.sampled_from(_LABELS))
        controller: Words = {
            "name": f"c{number}",
            "replicas": draw(st.integers(0, 9)),
            "pod": {"cpu": draw(st.sampled_from(_PODS)), "memory": "64Mi", "labels": labels},
            "selector": {"app": labels["app"]},
            "start": f"{draw(st.integers(0, 60))}s",
        }
        times = sorted(draw(st.sets(st.integers(61, FAULTS_END_S), max_size=2)))
        controller["scale"] = [{"at": f"{time}s", "replicas": draw(st.integers(0, 12))} for time in times]
        if deletions and draw(st.integers(0, 3)) == 0:
            policy = draw(st.sampled_from(("background", "foreground", "orphan")))
            controller["delete"] = {"at": f"{FAULTS_END_S + 1}s", "policy": policy}
        made.append(controller)
    return made


@st.composite
def deliveries(draw: st.DrawFn) -> Words:
    """Make the master's timing: how long calls and deliveries take, and so in which order clients hear of things."""
    lags = ("0s", "10ms", "1s", {"uniform": {"low": "10ms", "high": "50ms"}}, {"exponential": {"mean": "2s"}})
    latencies = ("0s", "2ms", {"uniform": {"low": "1ms", "high": "200ms"}})
    return {
        "timing": "kubernetes",
        "watchLag": draw(st.sampled_from(lags)),
        "apiLatency": draw(st.sampled_from(latencies)),
    }


def _targets(pools: list[Words]) -> st.SearchStrategy[Words]:
    names = [f"{pool['name']}-{number}" for pool in pools for number in range(pool["count"])]
    one = st.sampled_from(names).map(lambda name: {"minion": name})
    some = st.sampled_from(["all", *(pool["name"] for pool in pools)]).map(lambda name: {"minions": name})
    return st.one_of(one, one, some)


def _victims() -> st.SearchStrategy[Words]:
    return st.builds(
        lambda app, count: {"pods": f"app={app}", "count": count}, st.sampled_from("ab"), st.integers(1, 4)
    )


@st.composite
def faults(draw: st.DrawFn, pools: list[Words], *, kinds: tuple[str, ...] = ()) -> list[Words]:
    """Make faults of some kinds (none named: of all), each at a time; what lasts is over at FAULTS_END_S."""
    made = []
    among = kinds or tuple(_KINDS)
    for number in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(among))
        at_s = draw(st.integers(1, FAULTS_END_S - 1))
        fault: Words = {"name": f"f{number}", "at": f"{at_s}s", kind: draw(_KINDS[kind](pools))}
        if kind not in {"kill", "relabel", "restart", "uncordon", "drain", "rolling"}:
            left_s = FAULTS_END_S - at_s
            lasts_s = draw(st.integers(1, left_s) | st.integers(1, min(left_s, 60)))
            fault["repair" if kind == "crash" else "for"] = f"{lasts_s}s"
        made.append(fault)
    return made


_Targets = Callable[[list[Words]], st.SearchStrategy[Words]]
_CLIENTS: Final = ("scheduler", "replication", "endpoints", "lifecycle")
_KINDS: Final[dict[str, _Targets]] = {
    "crash": _targets,
    "cutOff": _targets,
    "cordon": _targets,
    "taint": lambda pools: st.builds(
        lambda target, effect: {**target, "key": "maintenance", "effect": effect},
        _targets(pools),
        st.sampled_from(("NoExecute", "NoSchedule", "PreferNoSchedule")),
    ),
    "kill": lambda _: st.builds(
        lambda target, mode: {**target, "mode": mode}, _victims(), st.sampled_from(("delete", "kill"))
    ),
    "unready": lambda _: _victims(),
    "slow": lambda _: st.builds(
        lambda target, takes: {**target, **takes}, _victims(), st.sampled_from(({}, {"takes": "2s"}))
    ),
    "relabel": lambda _: st.builds(
        lambda target, app: {**target, "labels": {"app": app}}, _victims(), st.sampled_from("abc")
    ),
    "uncordon": _targets,
    "drain": lambda pools: st.builds(
        lambda target, force: {**target, "force": force}, _targets(pools), st.booleans()
    ),
    "reboot": _targets,
    "rolling": lambda pools: st.builds(
        lambda target, action, down, at_once: {**target, "action": action, "down": down, "atOnce": at_once},
        _targets(pools),
        st.sampled_from(("drain+reboot", "reboot", "drain")),
        st.sampled_from(("0s", "5s", "50s")),
        st.integers(1, 3),
    ),
    "outage": lambda _: st.just({"of": "master"}),
    "restart": lambda _: st.sampled_from(_CLIENTS).map(lambda name: {"client": name}),
    "watch": lambda _: st.builds(
        lambda name, disturbed: {"client": name, **disturbed},
        st.sampled_from((*_CLIENTS, "all")),
        st.sampled_from(({"lag": "5s"}, {"loss": 0.3}, {"lag": "1s", "loss": 1.0})),
    ),
}


@st.composite
def scenarios(draw: st.DrawFn, *, kinds: tuple[str, ...] = (), deletions: bool = True) -> Words:
    """Make a whole scenario with its control plane; see :func:`text_of`."""
    pools = draw(minions())
    return {
        "apiVersion": "wavetank/v1",
        "name": "drawn",
        "seed": draw(st.integers(0, 3)),
        "until": f"{UNTIL_S}s",
        "cluster": {"minions": pools},
        "master": draw(deliveries()),
        "controllers": draw(controllers(deletions=deletions)),
        "services": [{"name": f"s{app}", "selector": {"app": app}} for app in "ab"],
        "policy": {
            "scheduler": draw(st.sampled_from(("worst-fit", "first-fit", "dot-product", "kubernetes")))
        },
        "faults": draw(faults(pools, kinds=kinds)),
    }


def text_of(scenario: Words) -> str:
    """Return a scenario as text (JSON is YAML), one key a line."""
    lines = (f"{key}: {json.dumps(value)}" for key, value in scenario.items())
    return "\n".join(lines) + "\n"
