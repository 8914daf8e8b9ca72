"""The simulated world of a replay: the scenario is run, and its journal read in the words of both worlds."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from experiments.replay.inputs import Arrival
from experiments.replay.lives import Event, Lived, Who
from experiments.replay.problems import HostError
from experiments.run import execute
from models.api.loading import LoadedScenario

__all__ = ["RecordedPod", "arrivals_of", "predict", "read_lived", "recorded_pods"]


def predict(loaded: LoadedScenario, folder: Path) -> Path:
    """Run the scenario, and return where its journal is.

    Raises:
        HostError: The run does not come to its end.
    """
    # A signal is to end the replay, not the simulation alone.
    outcome = execute(loaded, folder, interruptible=False)
    if outcome.reason not in ("until", "drained"):
        raise HostError(f"the simulation did not come to its end: {outcome.problem or outcome.reason}")
    return folder


def arrivals_of(folder: Path, minion: str) -> list[Arrival]:
    """Return the pods that came to a minion, in the order of time.

    Args:
        folder: Of a run.
        minion: Its name.
    """
    events = _events(folder)
    bound = events.filter((pl.col("kind") == "pod_bound") & (pl.col("minion") == f"minion/{minion}"))
    gone = events.filter(pl.col("kind").is_in(["pod_removed", "pod_stopped"]))
    ends: dict[str, float] = {}
    for pod, time_s in gone.select("object", "time_s").iter_rows():
        ends.setdefault(pod, time_s)
    return [
        Arrival(_name(pod), time_s, ends.get(pod, math.inf), owner or "")
        for time_s, pod, owner in bound.select("time_s", "object", "owner").iter_rows()
    ]


@dataclass(frozen=True, slots=True)
class RecordedPod:
    """A pod of a run, as far as its journal knows it: all that is known of one of a trace.

    Attributes:
        name: As namespace/name.
        owner: Whose it is.
        at_s: When it was bound.
        ends_s: When it ended; inf: not.
        cpu_millicores, memory_bytes: That it asked for.
    """

    name: str
    owner: str
    at_s: float
    ends_s: float
    cpu_millicores: int
    memory_bytes: int


def recorded_pods(folder: Path, minion: str) -> list[RecordedPod]:
    """Return the pods that came to a minion, in the order of time.

    Args:
        folder: Of a run.
        minion: Its name.
    """
    events = _events(folder)
    here = events.filter(pl.col("minion") == f"minion/{minion}")
    ended = here.filter(pl.col("kind").is_in(["pod_succeeded", "pod_failed", "pod_lost", "pod_stopped"]))
    ends = dict(reversed([*ended.select("object", "time_s").iter_rows()]))
    asked = {
        pod: (cpu, memory)
        for pod, cpu, memory in events.filter(pl.col("kind") == "pod_created")
        .select("object", "pod_created_cpu_millicores", "pod_created_memory_bytes")
        .iter_rows()
    }
    return [
        RecordedPod(_name(pod), owner or "", at_s, ends.get(pod, math.inf), *asked[pod])
        for at_s, pod, owner in here.filter(pl.col("kind") == "pod_bound")
        .select("time_s", "object", "owner")
        .iter_rows()
    ]


def read_lived(folder: Path, minion: str, until_s: float) -> Lived:
    """Return what the containers on a minion did until a time.

    Args:
        folder: Of a run.
        minion: Its name.
        until_s: Since the run began.
    """
    rows = _events(folder).filter((pl.col("minion") == f"minion/{minion}") & (pl.col("time_s") <= until_s))
    fields = ("time_s", "kind", "object", "container", "value", "reason", "container_exited_code")
    events: list[Event] = []
    starts: Counter[Who] = Counter()
    cpu_s: defaultdict[Who, float] = defaultdict(float)
    curves: dict[Who, list[tuple[float, float]]] = {}
    for time_s, kind, pod, container, value, reason, code in rows.select(fields).iter_rows():
        who = (_name(pod or ""), (container or "").partition("/")[2])
        match kind:
            case "container_started":
                events.append(Event(time_s, who, "started", starts[who]))
                starts[who] += 1
                curves.setdefault(who, []).append((time_s, cpu_s[who]))
            case "container_exited":
                killed = reason == "OOMKilled"
                events.append(Event(time_s, who, "exited", starts[who] - 1, code, killed))
            case "container_used":
                cpu_s[who] += value
                curves.setdefault(who, []).append((time_s, cpu_s[who]))
    return Lived(events, dict(cpu_s), curves)


def _events(folder: Path) -> pl.DataFrame:
    frame = pl.read_parquet(folder / "events.parquet")
    texts = [name for name, kind in frame.schema.items() if kind in (pl.Categorical, pl.Enum)]
    return frame.with_columns(pl.col(texts).cast(pl.String)).sort("seq")


def _name(text: str) -> str:
    """``default/web-3`` of ``pod/default/web-3``."""
    return text.partition("/")[2]
