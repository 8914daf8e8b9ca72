"""What is run: one sweep a load, over policies and seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from experiments.sweep import Design
from experiments.sweepchecks import checked_design

__all__ = ["LOADS", "OPENB", "POLICIES", "SYNTHETIC", "Workload", "design_of", "sets_of"]

POLICIES: Final = ("first-fit", "best-fit", "worst-fit", "dot-product", "random", "kubernetes", "fgd")
LOADS: Final = ("0.7", "0.9", "1.1")
"""Nominal: what the trace's GPUs ask for per second over what there is; what each seed draws is near it."""

_SCENARIOS: Final = Path(__file__).resolve().parents[3] / "scenarios" / "traces"


@dataclass(frozen=True)
class Workload:
    """A recorded workload that can be compressed.

    Attributes:
        name: Of the sweeps' folders.
        scenario: The file.
        window_s: Seconds of the trace; over the compression it is how long a run lasts.
        compress: What divides times of arrival, by nominal load.
    """

    name: str
    scenario: Path
    window_s: float
    compress: dict[str, float]


OPENB: Final = Workload(
    "openb", _SCENARIOS / "openb-loaded.yaml", 2_902_960, {"0.7": 3.5, "0.9": 4.5, "1.1": 5.5}
)
"""A production GPU cluster's pods: ../shared/traces/openb."""
SYNTHETIC: Final = Workload(
    "synthetic", _SCENARIOS / "synthetic-loaded.yaml", 120_000, {"0.7": 3.5, "0.9": 4.5, "1.1": 5.5}
)
"""The table of the same form that ships with the project, where that trace is not at hand."""


def sets_of(workload: Workload, load: str, policies: tuple[str, ...] = POLICIES) -> list[str]:
    """Return the words of ``wavetank sweep --set`` for one load."""
    compress = workload.compress[load]
    return [
        f"workloads.0.trace.compress={compress}",
        f"until={round(workload.window_s / compress)}s",
        f"policy.scheduler={','.join(policies)}",
    ]


def design_of(
    workload: Workload, load: str, seeds: int, policies: tuple[str, ...] = POLICIES
) -> tuple[Design, int]:
    """Return the sweep of one load, and how many runs it has.

    Raises:
        ScenarioError: The trace is not there, or there is no such policy.
    """
    name = f"scheduling-{workload.name}-{load}"
    return checked_design(workload.scenario, name, sets_of(workload, load, policies), seeds, 1)
