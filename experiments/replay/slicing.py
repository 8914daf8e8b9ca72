"""A slice of a run, scaled to a host: the pods of one minion as a scenario of its own, which is simulated and replayed.

Of a recorded pod only requests and times are known, so that is what the slice has: it comes when it came, asks for what
it asked for, wants what the workload's ``uses`` makes of that, and ends after as long as it ran.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import yaml

from experiments.replay.inputs import LEAST_BYTES
from experiments.replay.predicting import RecordedPod, recorded_pods
from experiments.replay.problems import HostError
from experiments.replay.slices import Scale
from models.api.specs import Scenario
from models.api.specs_workloads import TraceWorkload
from models.api.types import MinionAsk
from sim.distributions import Constant

__all__ = ["parse_scale", "slice_of"]

_MIB: Final = 2**20
_LEAST_MILLICORES: Final = 10
"""Less is no quota that a kernel keeps (1 ms in 100)."""
_LEAST_RUN_S: Final = 1.0
_KEYS: Final = ("cpu", "memory", "time")
_SPARE_S: Final = 0.2


def parse_scale(text: str) -> Scale:
    """Return the scale of a text, as ``cpu=1/16,memory=1/64,time=1/100``.

    Raises:
        ValueError: It is none.
    """
    found: dict[str, Fraction] = {}
    for part in text.split(","):
        read = re.fullmatch(r"\s*(\w+)\s*=\s*([0-9.]+(?:/[0-9.]+)?)\s*", part)
        if read is None or read[1] not in _KEYS or read[1] in found:
            raise ValueError(
                f"expected factors of {', '.join(_KEYS)}, as cpu=1/16,memory=1/64,time=1/100, not '{text}'"
            )
        try:
            found[read[1]] = Fraction(read[2])
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"expected a factor as 1/16, not '{read[2]}'") from None
        if not 0 < found[read[1]] <= 1:
            raise ValueError(f"expected a factor above 0 and at most 1, not '{read[2]}'")
    return Scale(**found)


def slice_of(
    scenario: Scenario, folder: Path, minion: MinionAsk, *, scale: Scale, pods: int | None, until_s: float
) -> tuple[str, list[str]]:
    """Return the pods of a minion as a scenario, and a sentence for each that is left out.

    Args:
        scenario: That was run.
        folder: Of its run.
        minion: Whose pods.
        scale: Of the slice.
        pods: The first so many; None: all.
        until_s: How long, after scaling.

    Raises:
        HostError: Nothing is left.
    """
    uses = {
        f"workload/{each.name}": _ratio(each)
        for each in scenario.workloads
        if isinstance(each, TraceWorkload)
    }
    workloads: list[dict[str, Any]] = []
    left_out: list[str] = []
    for pod in recorded_pods(folder, minion.name):
        if pod.at_s * float(scale.time) >= until_s:
            continue
        problem = "more than --pods" if pods is not None and len(workloads) >= pods else ""
        made = _workload(pod, scale, uses, until_s)
        if isinstance(made, str) or problem:
            left_out.append(f"pod {pod.name} is left out: {problem or made}")
        else:
            workloads.append(made)
    if not workloads:
        raise HostError(
            f"no pod of minion {minion.name} can be run for real: {'; '.join(left_out[:5]) or 'none came'}"
        )
    whole = {
        "apiVersion": "wavetank/v1",
        "name": f"{scenario.name}-slice",
        "seed": scenario.seed,
        "until": f"{until_s:g}s",
        "cluster": {"minions": [_minion(minion, scale)]},
        "workloads": workloads,
    }
    head = (
        f"# The pods that came to minion {minion.name} in the scenario {scenario.name}, cpu times {scale.cpu}, memory"
        f" times {scale.memory}, time times {scale.time}.\n"
    )
    return head + yaml.safe_dump(whole, sort_keys=False), left_out


def _minion(minion: MinionAsk, scale: Scale) -> dict[str, Any]:
    cores = minion.cpu_millicores * scale.cpu / 1000
    return {
        "name": minion.name,
        "cpu": max(1, round(cores)),
        "memory": f"{round(minion.memory_bytes * scale.memory / _MIB)}Mi",
        "kubelet": {"start": f"{_SPARE_S:g}s"},
    }


def _workload(
    pod: RecordedPod, scale: Scale, uses: Mapping[str, float | str], until_s: float
) -> dict[str, Any] | str:
    """A pod of the slice, or why there is none."""
    ratio = uses.get(pod.owner, "only pods of a trace are scaled")
    if isinstance(ratio, str):
        return ratio
    millicores = round(pod.cpu_millicores * scale.cpu)
    memory_bytes = round(pod.memory_bytes * scale.memory)
    at_s, runs_s = pod.at_s * float(scale.time), (pod.ends_s - pod.at_s) * float(scale.time)
    if millicores < _LEAST_MILLICORES:
        return f"{millicores}m of CPU are below the {_LEAST_MILLICORES}m that a kernel can hold"
    if memory_bytes < LEAST_BYTES:
        return f"{memory_bytes / _MIB:.1f} MiB of memory are below the {LEAST_BYTES // _MIB} MiB that a start needs"
    if runs_s < _LEAST_RUN_S:
        return f"{runs_s:.2f} s of running are below {_LEAST_RUN_S:g} s"
    container: dict[str, Any] = {
        "name": "main",
        "cpu": f"{millicores}m",
        "memory": f"{memory_bytes // 1024}Ki",
        "limits": {"memory": f"{memory_bytes // 1024}Ki"},
        "uses": {"cpu": f"{max(1, round(millicores * ratio))}m"},
    }
    if at_s + runs_s < until_s:
        container["runs"] = f"{runs_s:.3f}s"
    return {
        "name": pod.name.rpartition("/")[2],
        "arrivals": {"at": f"{at_s:.3f}s"},
        "count": 1,
        "pod": {"restartPolicy": "Never", "containers": [container]},
    }


def _ratio(workload: TraceWorkload) -> float | str:
    """How much of its request a pod of a trace wants, or why that cannot be told."""
    law = None if workload.uses is None else workload.uses.of_request
    if not isinstance(law, Constant):
        return "its workload does not say 'uses: {ofRequest: RATIO}', the same for all"
    return law.value
