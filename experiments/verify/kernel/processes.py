"""Cases of kind ``pids``: a shell under pids.max starts children that sleep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from experiments.verify.kernel.fields import CaseFields, Setting
from experiments.verify.kernel.kind import Comparison, Kind, Limit, count_wrong
from models.api.kernels import default_pid_max, pids_limit
from models.kernel.constants import FittedConstants
from models.kernel.processes import EAGAIN_STATUS, PidGroup, ProcessTable

__all__ = ["PidsCase", "PidsKind"]

_STATUSES: Final = ("running", "exited")
_NO_LIMIT: Final = -1
_MOST_FORKS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class PidsCase:
    """What was asked, and what was measured: tasks alive, status and exit code of the container."""

    limit: int
    forks: int
    tasks: int
    status: str
    exit_code: int


class PidsKind(Kind):
    """Checks them: every outcome must be right."""

    name: ClassVar[str] = "pids"
    limits: ClassVar[tuple[Limit, ...]] = tuple(
        Limit(aspect, "wrong", count_wrong, 0.0) for aspect in ("tasks", "status", "exit code")
    )

    def read(self, fields: CaseFields, setting: Setting) -> PidsCase:
        """Read a case."""
        measured = fields.mapping("measured")
        return PidsCase(
            fields.whole("limit", least=_NO_LIMIT),
            fields.whole("forks", most=_MOST_FORKS),
            measured.whole("tasks"),
            measured.word("status", _STATUSES),
            measured.whole("exit_code", most=255),
        )

    def compare(self, inputs: PidsCase, setting: Setting, constants: FittedConstants) -> list[Comparison]:
        """Start the shell, then its children; where one is refused the shell ends and its namespace with it."""
        pid_max = default_pid_max(setting.cores)
        # RAM, and with it threads-max, is not recorded: taken not to bind before pid_max does.
        table = ProcessTable(pid_max=pid_max, threads_max=pid_max)
        group = PidGroup("container", limit=pids_limit(inputs.limit))
        started, refused = table.fork(group)
        if refused is None:
            _, refused = table.fork(group, inputs.forks)
        if refused is not None:
            table.end(group, group.tasks)
        status = "running" if started and refused is None else "exited"
        code = 0 if refused is None else EAGAIN_STATUS
        return [
            _outcome("tasks", group.tasks, inputs.tasks),
            _outcome("status", status, inputs.status),
            _outcome("exit code", code, inputs.exit_code),
        ]


def _outcome(aspect: str, predicted: int | str, measured: int | str) -> Comparison:
    return Comparison(aspect, "", predicted, measured, float(predicted != measured))
