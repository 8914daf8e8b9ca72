"""Pods of containers for tests, and their lives without a cluster."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from models.api.behaviour import Behaviour, Health
from models.api.constants import constants_for
from models.api.containers import ContainerSpec, HandlerSpec, PodContainers, ProbeSpec
from models.api.status import PodStatus
from models.control.containers.plan import PodPlan
from models.control.containers.run import Happened, Happening, PodRun
from models.control.containers.status import status_of
from sim.distributions import Constant

CONSTANTS = constants_for("1.20", {})


def probe(**words: Any) -> ProbeSpec:
    """A probe with v1's defaults but for some."""
    return ProbeSpec(HandlerSpec("exec", ("probe",)), **words)


def container(
    name: str,
    *,
    runs_s: float | None = None,
    code: int = 0,
    start_s: float = 0.0,
    stops_s: float | None = None,
    pre_stop_s: float | None = None,
    image: str = "",
    probes: dict[str, Any] | None = None,
    **health: float,
) -> ContainerSpec:
    """A container; ``health`` takes seconds."""
    takes_s = health.pop("takes_s", math.inf)
    laws = {key: Constant(value) for key, value in health.items()}
    behaviour = Behaviour(
        start=Constant(start_s),
        runs=None if runs_s is None else Constant(runs_s),
        exit_code=code,
        stops=None if stops_s is None else Constant(stops_s),
        pre_stop_s=pre_stop_s,
        health=Health(**laws, takes_s=takes_s),
    )
    return ContainerSpec(name, image, behaviour=behaviour, **(probes or {}))


def pod_run(
    *containers: ContainerSpec,
    init: tuple[ContainerSpec, ...] = (),
    policy: Any = "Always",
    base_s: Callable[[int, int], float] = lambda container, place: 0.0,
    pulls: bool = False,
) -> PodRun:
    """A pod that is not begun with."""
    plan = PodPlan.of(PodContainers(containers, init, policy), CONSTANTS)
    return PodRun(plan, lambda index, what, n: 0.5, base_s, pulls=pulls)


class Told:
    """What a pod went through: each happening with its time, each status after a change."""

    def __init__(self, run: PodRun) -> None:
        self.run = run
        self.happened: list[tuple[float, Happening]] = []
        self.statuses: list[tuple[float, PodStatus]] = []

    def add(self, time_s: float, happened: list[Happening]) -> None:
        """Take what came of a call."""
        self.happened += [(time_s, each) for each in happened]
        status = status_of(self.run)
        if not self.statuses or self.statuses[-1][1] != status:
            self.statuses.append((time_s, status))

    def until(self, end_s: float) -> Told:
        """Step through all that is due before a time."""
        while self.run.next_s < end_s:
            time_s = self.run.next_s
            self.add(time_s, self.run.step(time_s))
        return self

    def times(self, what: Happened, index: int = 0) -> list[float]:
        """When something happened to a container."""
        return [time_s for time_s, each in self.happened if each[:2] == (what, index)]


def told(run: PodRun, until_s: float, *, begin_s: float = 0.0) -> Told:
    """Begin with a pod and follow it."""
    found = Told(run)
    found.add(begin_s, run.begin(begin_s))
    return found.until(until_s)
