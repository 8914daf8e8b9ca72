"""The words of expectations: the closed list of metrics, and what a text is once it has been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from experiments.owners import Named

__all__ = [
    "METRICS",
    "OPERATORS",
    "RESOURCES",
    "WAITED_FOR",
    "Expectation",
    "ExpectationSyntaxError",
    "Known",
    "Metric",
    "MetricTerm",
    "NumberTerm",
    "Suffix",
    "Term",
]

Unit = Literal["count", "ratio", "time"]
Takes = Literal["workload", "controller", "service", "minion", "resource", "scheduler"]


@dataclass(frozen=True)
class Metric:
    """One word that an expectation may use.

    Attributes:
        unit: count, ratio or time: both sides must have the same.
        takes: What its selector chooses.
        means: One line for the docs.
        at_end_only: It is a figure of the whole run and has no value at a time within it.
    """

    unit: Unit
    takes: Takes
    means: str
    at_end_only: bool = False


METRICS: Final[dict[str, Metric]] = {
    "created": Metric("count", "workload", "pods created so far"),
    "pending": Metric("count", "workload", "pods that do not run yet, in the record"),
    "running": Metric("count", "workload", "pods that run, in the record"),
    "succeeded": Metric("count", "workload", "pods that succeeded so far"),
    "failed": Metric("count", "workload", "pods that failed so far"),
    "lost": Metric("count", "workload", "pods lost with their minion so far"),
    "withdrawn": Metric("count", "workload", "pods withdrawn so far"),
    "given_up": Metric("count", "workload", "pods given up so far"),
    "deleted": Metric("count", "workload", "pods deleted and gone from the record so far"),
    "desired": Metric("count", "controller", "pods that controllers shall have"),
    "live": Metric("count", "controller", "pods of controllers that the record has, not terminating"),
    "ready": Metric("count", "controller", "pods of controllers that are ready in the record"),
    "unavailable": Metric("count", "controller", "pods desired and not ready, summed over controllers"),
    "copies": Metric("count", "controller", "copies of one pod that run at once, the most of any pod"),
    "evicted": Metric("count", "workload", "pods driven from their minion so far, by a taint or by a drain"),
    "preempted": Metric("count", "workload", "pods that had to make room for more important ones so far"),
    "restarts": Metric("count", "workload", "restarts of containers so far"),
    "kernel_evicted": Metric(
        "count", "workload", "pods that kubelets evicted so far, minions being low on memory"
    ),
    "oom_killed": Metric("count", "workload", "containers that kernels killed for want of memory so far"),
    "compromised": Metric("count", "workload", "pods that attackers got into so far"),
    "minions_taken": Metric(
        "count", "workload", "times so far that an attacker who began in these pods took a minion"
    ),
    "intrusions_detected": Metric(
        "count", "workload", "times so far that an attacker who began in these pods was noticed on a minion"
    ),
    "unavailability": Metric(
        "ratio", "controller", "pods lacking over pods desired, integrals over time", True
    ),
    "below": Metric("ratio", "controller", "share of time in which fewer are ready than desired", True),
    "zero": Metric("ratio", "controller", "share of time in which none is ready and some are desired", True),
    "serving": Metric("time", "controller", "the longest time from a scale-up until all are ready", True),
    "endpoints": Metric("count", "service", "ready endpoints of services"),
    "minions_ready": Metric("count", "minion", "minions that the master holds ready"),
    "ready_minions": Metric("count", "minion", "minions that are ready"),
    "crashed_minions": Metric("count", "minion", "minions that have crashed and are not repaired"),
    "crashes": Metric("count", "minion", "crashes of minions so far"),
    "reboots": Metric("count", "minion", "reboots of minions by operators so far"),
    "utilisation": Metric("ratio", "resource", "requested over allocatable of ready minions, at one time"),
    "stranded": Metric("ratio", "resource", "free where no template fits, over allocatable, at one time"),
    "mean_utilisation": Metric("ratio", "resource", "utilisation, time-weighted over the run", True),
    "mean_stranded": Metric("ratio", "resource", "stranded, time-weighted over the run", True),
    "idle": Metric("ratio", "resource", "free though pods wait for it, over allocatable, at one time"),
    "mean_idle": Metric("ratio", "resource", "idle, time-weighted over the run", True),
    "pulls": Metric("count", "workload", "images pulled for pods so far"),
    "pull_failures": Metric("count", "workload", "pulls of images for pods that failed so far"),
    "cpu_wanted": Metric("count", "workload", "cores that containers want that say what they use"),
    "cpu_used": Metric("count", "workload", "cores that these containers get"),
    "cpu_share": Metric("ratio", "workload", "CPU time got over CPU time wanted, in the whole run", True),
    "processes": Metric("count", "workload", "processes that containers have that say how many"),
    "forks_refused": Metric("count", "workload", "starts of containers that were refused a process so far"),
    "exhausted": Metric("count", "minion", "minions on which no process can be started"),
    "found_cached": Metric(
        "ratio", "workload", "file pages that containers read and found cached, over all that they read", True
    ),
    "disk_wanted": Metric("count", "workload", "MB a second that containers would move to and from disks"),
    "disk_used": Metric("count", "workload", "MB a second that these containers move"),
    "disk_share": Metric("ratio", "workload", "bytes moved over bytes wanted, in the whole run", True),
    "throttled": Metric(
        "time", "workload", "time that containers were held back by their quotas, summed", True
    ),
    "startup_p50": Metric("time", "workload", "median time from created to ready", True),
    "startup_p95": Metric("time", "workload", "95th percentile of the time from created to ready", True),
    "startup_p99": Metric("time", "workload", "99th percentile of the time from created to ready", True),
    "delay_p50": Metric("time", "workload", "median scheduling delay", True),
    "delay_p95": Metric("time", "workload", "95th percentile of the scheduling delay", True),
    "delay_p99": Metric("time", "workload", "99th percentile of the scheduling delay", True),
    "decisions": Metric("count", "scheduler", "decisions begun so far, by schedulers with a name"),
    "conflicts": Metric("count", "scheduler", "transactions that met a conflict so far"),
    "busyness": Metric("ratio", "scheduler", "share of time that schedulers decide, their mean", True),
    "conflict_fraction": Metric("count", "scheduler", "conflicts per successful transaction", True),
    "decision_wait": Metric("time", "scheduler", "mean time of a job until its first decision begins", True),
    "decision_wait_p50": Metric("time", "scheduler", "median of that time", True),
    "decision_wait_p95": Metric("time", "scheduler", "95th percentile of that time", True),
    "decision_wait_p99": Metric("time", "scheduler", "99th percentile of that time", True),
    "mean_wait": Metric("time", "workload", "mean time that a pod was seen pending", True),
}

OPERATORS: Final = ("==", "!=", "<=", ">=", "<", ">")


class ExpectationSyntaxError(ValueError):
    """An expectation that cannot be read, or that names what is not there.

    Args:
        offset: Where in the text, in characters from 0.
        message: One sentence without a final full stop.
        hint: The nearest valid word.
    """

    def __init__(self, offset: int, message: str, hint: str | None = None) -> None:
        super().__init__(offset, message, hint)
        self.offset = offset
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}; did you mean '{self.hint}'?"


@dataclass(frozen=True)
class NumberTerm:
    """A number: a count, a ratio, or seconds."""

    value: float
    unit: Literal["number", "time"]
    offset: int


@dataclass(frozen=True)
class MetricTerm:
    """A metric and what it is of; an empty selector is everything."""

    name: str
    selector: str
    offset: int
    selector_offset: int

    @property
    def metric(self) -> Metric:
        """What the name stands for."""
        return METRICS[self.name]

    def __str__(self) -> str:
        return f"{self.name}({self.selector})"


Term = NumberTerm | MetricTerm


@dataclass(frozen=True)
class Suffix:
    """When it must hold.

    Attributes:
        kind: within, during, throughout, always, at end.
        fault: For within, during and throughout.
        within_s: For within.
        fault_offset: Where the fault's name stands.
    """

    kind: Literal["within", "during", "throughout", "always", "at end"]
    fault: str = ""
    within_s: float = 0.0
    fault_offset: int = 0


@dataclass(frozen=True)
class Expectation:
    """One line of ``expect:``."""

    text: str
    left: Term
    operator: str
    right: Term
    suffix: Suffix


@dataclass(frozen=True)
class Known:
    """Names that a scenario defines.

    Attributes:
        owners: Workloads and controllers.
        services: Services.
        faults: Names of faults, the disabled ones too.
        minions: Names of pools and of single minions.
        resources: Extended resources, beside cpu, memory, gpu, pods and ephemeral-storage.
        schedulers: Schedulers with a name.
    """

    owners: tuple[Named, ...] = ()
    services: tuple[Named, ...] = ()
    faults: frozenset[str] = frozenset()
    minions: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    schedulers: frozenset[str] = frozenset()


RESOURCES: Final = frozenset({"cpu", "memory", "gpu", "pods", "ephemeral-storage"})
WAITED_FOR: Final = frozenset({"cpu", "memory", "gpu"})
"""Resources that ``idle`` and ``mean_idle`` may be of: see :mod:`experiments.idle`."""
