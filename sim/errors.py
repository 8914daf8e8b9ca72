"""The exceptions that leave wavetank, and the exit status each one means.

    WavetankError
    ├── ScenarioError        bad input; carries every problem found            exit 2
    ├── BudgetExceededError  more events or memory than was allowed            exit 3
    ├── InvariantError       the model contradicts itself                      exit 3
    └── SimulationError      an unexpected exception, with time, process, seed exit 70
        └── PluginError      the same, in code that a scenario named           exit 70

Every exception can be rebuilt from its ``args`` (so it survives pickling between processes).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sim.diagnostics import Diagnostic

__all__ = [
    "RAISED",
    "BudgetExceededError",
    "InvariantError",
    "PluginError",
    "ScenarioError",
    "SimulationError",
    "WavetankError",
]

RAISED = (Exception, SystemExit)
"""What the code of a plug-in may raise without that being an interruption: none of it ends the process."""


class WavetankError(Exception):
    """Root of all errors that wavetank raises on purpose."""

    exit_status: ClassVar[int] = 70


class ScenarioError(WavetankError):
    """Bad input: carries all diagnostics, sorted by position.

    Args:
        diagnostics: At least one problem.
    """

    exit_status = 2

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(tuple(diagnostics))
        self.diagnostics: tuple[Diagnostic, ...] = tuple(sorted(diagnostics, key=lambda d: d.sort_key))

    def __str__(self) -> str:
        return "\n".join(str(d) for d in self.diagnostics)


class BudgetExceededError(WavetankError):
    """A run used more events or memory than it was allowed.

    Args:
        what: ``events`` or ``memory``.
        limit: The limit, in events or bytes.
        time_s: Simulated time at which it was reached.
    """

    exit_status = 3

    def __init__(self, what: str, limit: float, time_s: float) -> None:
        super().__init__(what, limit, time_s)
        self.what = what
        self.limit = limit
        self.time_s = time_s

    def __str__(self) -> str:
        unit = "events" if self.what == "events" else "bytes of memory"
        return f"the budget of {self.limit:,.0f} {unit} was used up at simulated time {self.time_s:.3f} s"


class InvariantError(WavetankError):
    """A statement that must hold did not.

    Args:
        name: The invariant.
        time_s: Simulated time of the check.
        found: What was seen instead, with both numbers.
    """

    exit_status = 3

    def __init__(self, name: str, time_s: float, found: str) -> None:
        super().__init__(name, time_s, found)
        self.name = name
        self.time_s = time_s
        self.found = found

    def __str__(self) -> str:
        return f"invariant '{self.name}' is broken at simulated time {self.time_s:.6f} s: {self.found}"


class SimulationError(WavetankError):
    """An exception inside a run, with what is needed to repeat it.

    Args:
        message: What was raised.
        time_s: Simulated time of the event that raised.
        process: The callback or process that raised.
        seed: The run's seed.
    """

    exit_status = 70

    def __init__(self, message: str, time_s: float, process: str, seed: int) -> None:
        super().__init__(message, time_s, process, seed)
        self.message = message
        self.time_s = time_s
        self.process = process
        self.seed = seed

    def __str__(self) -> str:
        return f"{self.message} (at simulated time {self.time_s:.6f} s, in {self.process}, seed {self.seed})"


class PluginError(SimulationError):
    """A plug-in raised, or answered with something that is not an answer.

    The message names the plug-in, the object it was asked about and what was wrong.
    """
