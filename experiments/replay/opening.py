"""Opens a session on the engine that the command line names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from experiments.replay.engine import Engine
from experiments.replay.hosts import chosen_url
from experiments.replay.session import Session, default_caps
from experiments.replay.work import Caps

__all__ = ["opened"]


@contextmanager
def opened(
    host: str | None,
    limits: tuple[int | None, int | None, int | None],
    *,
    insecure: bool,
    yes: bool,
    said: Callable[[str], None],
    **options: Any,
) -> Iterator[Session]:
    """Open a session and close it at the end.

    Args:
        host: The engine, as given.
        limits: Cores, bytes of memory and tasks of all containers together; None: half of the host.
        insecure: Speak ``tcp://`` without TLS.
        yes: Do not ask.
        said: Hears what the user should know.
        options: Further ones of the session.

    Raises:
        HostError: There is no engine that will do, the host is too small, or the user does not agree.
    """
    engine = Engine(chosen_url(host), insecure=insecure)
    try:
        half = default_caps(engine.facts())
        cores, memory, pids = limits
        caps = Caps(cores or half.cores, memory or half.memory_bytes, pids or half.pids)
        with Session(engine, caps=caps, yes=yes, said=said, **options) as session:
            yield session
    finally:
        engine.close()
