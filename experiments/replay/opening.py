"""Opens a session on the engine that the command line names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from experiments.replay.cores import cpus_text
from experiments.replay.engine import Engine
from experiments.replay.hosts import chosen_url
from experiments.replay.problems import HostError
from experiments.replay.session import Session, default_caps
from experiments.replay.work import Caps

__all__ = ["opened"]


@contextmanager
def opened(
    host: str | None,
    limits: tuple[int | None, int | None, int | None],
    *,
    cpuset: frozenset[int] | None = None,
    insecure: bool,
    yes: bool,
    said: Callable[[str], None],
    **options: Any,
) -> Iterator[Session]:
    """Open a session and close it at the end.

    Args:
        host: The engine, as given.
        limits: Cores, bytes of memory and tasks of all containers together; None: half of the host.
        cpuset: The cores to use; None: the last ones of the host.
        insecure: Speak ``tcp://`` without TLS.
        yes: Do not ask.
        said: Hears what the user should know.
        options: Further ones of the session.

    Raises:
        HostError: There is no engine that will do, the host is too small, or the user does not agree.
    """
    engine = Engine(chosen_url(host), insecure=insecure)
    try:
        facts = engine.facts()
        half = default_caps(facts)
        cores, memory, pids = limits
        if cpuset is not None:
            if max(cpuset) >= facts.cores:
                raise HostError(
                    f"the host has cores 0 to {facts.cores - 1}, and --cpuset names {max(cpuset)}"
                )
            if cores is not None and cores != len(cpuset):
                raise HostError(
                    f"--cpuset names {len(cpuset)} cores, and --max-cpus {cores}: say one of them"
                )
            cores, options["cpus"] = len(cpuset), cpus_text(cpuset)
        caps = Caps(cores or half.cores, memory or half.memory_bytes, pids or half.pids)
        with Session(engine, caps=caps, yes=yes, said=said, **options) as session:
            yield session
    finally:
        engine.close()
