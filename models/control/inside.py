"""What happens inside of pods' containers by nobody's plan: whoever is in one sees whether it lives, and forks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.api.types import Pod
from models.api.usage import Forks
from models.control.burdens import Burdens
from models.control.podreports import Life

__all__ = ["Inside"]


class Inside:
    """The containers of all pods, seen from within.

    Args:
        lives: The pods that are followed container by container, by arrival.
        burdens: What their containers are to the kernel; nothing where none says what it uses.
    """

    def __init__(self, lives: Mapping[int, Life], burdens: Callable[[], Burdens | None]) -> None:
        self._lives = lives
        self._burdens = burdens

    def starts(self, pod: Pod) -> tuple[int, ...] | None:
        """Return what changes whenever a running pod's containers start again; None: one of them does not run."""
        life = self._lives.get(pod.arrival)
        if life is None:
            return (pod.restarts,)
        main = life.run.containers[life.run.plan.init_count :]
        return tuple(each.begun for each in main) if all(each.runs for each in main) else None

    def bomb(self, pod: Pod, forks: Forks, cause: int) -> bool:
        """Let a fork bomb off in a pod's first container; returns whether its kernel knows of its processes."""
        life, burdens = self._lives.get(pod.arrival), self._burdens()
        if life is None or burdens is None:
            return False
        return burdens.bomb(life, life.run.plan.init_count, forks, cause)
