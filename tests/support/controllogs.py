"""A small random cluster that writes logs in the form of the recordings, for the comparison to be tried on.

It is no model of anything: what matters is that a "recording" with one seed and "simulations" with others are runs
of one law, and that single laws can be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.verify.control.recording import Kubelet, Minion, Recording

Row = dict[str, Any]


@dataclass(frozen=True)
class Law:
    """What the small cluster does; times in seconds.

    Attributes:
        pods: How many a controller is asked for.
        made: How many it makes.
        grace: Mean part of the delay to Unknown.
        width: Of the uniform part of that delay.
        toleration: From taint to eviction, fixed.
        start: Mean time from bound to ready.
        evicts: Probability that a dead minion's pods are evicted.
        adopter: Who adopts the stray pod.
        linger: Seconds that endpoints stay after Unknown.
    """

    pods: int = 6
    made: int = 6
    grace: float = 35.0
    width: float = 10.0
    toleration: float = 60.0
    start: float = 0.5
    evicts: float = 1.0
    adopter: str = "web"
    linger: float = 0.02


def log_of(law: Law, seed: int, minions: int = 3) -> list[Row]:
    """Return the log of one run: a creation, an adoption, and every minion but the first dies."""
    rng = np.random.default_rng([seed + 1_000_000, minions])
    rows: list[Row] = []

    def say(t: float, kind: str, **fields: Any) -> float:
        rows.append({"t": round(t, 3), "kind": kind, **fields})
        return t

    say(1.0, "do_create_pod", pod="stray", labels={"app": "web"}, cpu="100m")
    say(1.01, "pod_created", pod="stray", owner=None, labels={"app": "web"})
    say(3.0, "do_create_rc", rc="web", replicas=law.pods)
    say(3.0 + rng.uniform(0.01, 0.02), "pod_owner", pod="stray", value=law.adopter)
    t, names = 3.02, []
    for number in range(law.made - 1):
        names.append(name := f"web-{seed}-{number}")
        t = say(t + rng.uniform(0.0, 0.2), "pod_created", pod=name, owner="web", labels={"app": "web"})
        bound = say(t + rng.uniform(0.0, 0.02), "pod_node", pod=name, value=f"m{number % minions}")
        ready = say(bound + law.start + rng.uniform(0.0, 0.3), "pod_ready", pod=name, value=True)
        say(ready + 0.01, "endpoints", service="web", ready=0, added=[name], removed=[])
    for minion in range(1, minions):
        _dies(law, rng, say, f"m{minion}", names[minion::minions])
    rows.sort(key=lambda row: row["t"])
    inside: set[str] = set()
    for row in rows:
        if row["kind"] == "endpoints":
            inside = (inside | set(row["added"])) - set(row["removed"])
            row["ready"] = len(inside)
    return rows


def _dies(
    law: Law, rng: np.random.Generator, say: Callable[..., float], minion: str, pods: list[str]
) -> None:
    dies = say(20.0, "minion_dies", minion=minion)
    unknown = say(
        dies + law.grace + law.width * rng.uniform(-0.5, 0.5), "minion_ready", minion=minion, value="Unknown"
    )
    say(unknown + law.linger, "endpoints", service="web", ready=0, added=[], removed=pods)
    taints = ["unreachable:NoExecute", "unreachable:NoSchedule"]
    tainted = say(unknown + rng.uniform(5.0, 5.1), "minion_taints", minion=minion, value=taints)
    if rng.uniform() < law.evicts:
        for pod in pods:
            say(tainted + law.toleration + rng.uniform(0.0, 0.01), "pod_terminating", pod=pod, value=True)
    back = say(150.0, "minion_back", minion=minion)
    say(back + 0.01, "minion_ready", minion=minion, value="True")
    say(back + rng.uniform(0.0, 5.0), "minion_taints", minion=minion, value=[])


def recording_of(law: Law, seed: int, minions: int = 3) -> Recording:
    """Return a run as a recording."""
    controller = {
        "kind": "ReplicationController",
        "metadata": {"name": "web"},
        "spec": {"replicas": law.pods, "selector": {"app": "web"}, "template": {}},
    }
    service = {"kind": "Service", "name": "web", "selector": {"app": "web"}}
    return Recording(
        f"{seed}.json",
        f"small-{seed}-{minions}",
        "1.20",
        Kubelet(0.2, 0.3, 10.0),
        60.0,
        tuple(Minion(f"m{number}", "4", "8Gi", 110, {}, 1.0) for number in range(minions)),
        (service, controller),
        tuple(log_of(law, seed, minions)),
    )


def replays(law: Law) -> Callable[[Recording, int], Sequence[Row]]:
    """Return a simulator that follows a law."""
    return lambda recording, seed: log_of(law, seed, len(recording.minions))


def changed(**fields: Any) -> Law:
    """Return the law with something changed."""
    return replace(Law(), **fields)


def plain_replay(recording: Recording, seed: int) -> Sequence[Row]:
    """The unchanged law, importable by name in a worker process."""
    return log_of(Law(), seed, len(recording.minions))
