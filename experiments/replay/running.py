"""A container of a run, from the gate on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from experiments.replay.engine import Attachment
from experiments.replay.problems import HostError
from experiments.replay.work import Limits

__all__ = ["Running"]


@dataclass(slots=True)
class Running:
    """A container that has passed the gate, or works.

    Attributes:
        identity: The engine's.
        name: Within the run.
        limits: Of it.
        pipe: Its streams.
        folders: Of its cgroups, where they can be read.
        found: What it found around itself.
    """

    identity: str
    name: str
    limits: Limits
    pipe: Attachment
    folders: Mapping[str, Path] = field(default_factory=dict)
    found: Mapping[str, str] = field(default_factory=dict)

    def go(self) -> None:
        """Let it work."""
        self.pipe.send("go\n")

    def until(self, word: str, timeout_s: float) -> list[str]:
        """Return what follows a word at the beginning of a line that it writes.

        Raises:
            HostError: It ended without it, or did not write it in time.
        """
        until = time.monotonic() + timeout_s
        try:
            while (line := self.pipe.line(until - time.monotonic())) is not None:
                first, *rest = line.split()
                if first == word:
                    return rest
        except TimeoutError as error:
            raise HostError(
                f"container {self.name} did not say '{word}' within {timeout_s:g} s: the host may be too busy"
            ) from error
        raise HostError(f"container {self.name} ended before it said '{word}'")
