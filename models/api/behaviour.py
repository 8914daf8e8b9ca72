"""How a container behaves: what v1 cannot say, and what a simulation has to be told.

Times count from the start of each container, so one that is restarted behaves as it did before. A law is drawn for each
container of each pod, at each of its starts. All of it is frozen and hashable, as a template is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.api.usage import Usage
from sim.distributions import Distribution

__all__ = ["Behaviour", "Health"]


@dataclass(frozen=True, slots=True)
class Health:
    """How a container answers its probes; at once and well, where nothing is said.

    Attributes:
        healthy_from: Until then it refuses: every probe fails at once. None: from its start.
        healthy_until: From then on it refuses. None: for ever.
        slow_from: From then on an answer takes ``takes_s``. None: never.
        takes_s: Seconds; ``inf``: it hangs, and does not answer at all.
        never: It refuses always.
    """

    healthy_from: Distribution | None = None
    healthy_until: Distribution | None = None
    slow_from: Distribution | None = None
    takes_s: float = math.inf
    never: bool = False


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a container does.

    Attributes:
        start: Seconds from being created to running; None: none.
        runs: Seconds that it runs; None: for ever, an init container for the constant ``init_container_run_s``.
        exit_code: With which it ends by itself; 0 is a success.
        stops: Seconds from SIGTERM to its end; None: as its kubelet's pods terminate.
        pre_stop_s: Seconds that its preStop hook takes; None: what the hook itself says.
        health: How it answers.
        uses: What it does to its minion's kernel; None: nothing that anybody feels.
    """

    start: Distribution | None = None
    runs: Distribution | None = None
    exit_code: int = 0
    stops: Distribution | None = None
    pre_stop_s: float | None = None
    health: Health = Health()
    uses: Usage | None = None
