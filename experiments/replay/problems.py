"""What goes wrong on the outside: a sentence of what is the matter and what to do."""

from __future__ import annotations

from typing import ClassVar

from sim.errors import WavetankError

__all__ = ["HostError"]


class HostError(WavetankError):
    """The engine or the host cannot do what was asked, or will not.

    Args:
        sentence: What is the matter and what to do.
    """

    exit_status: ClassVar[int] = 2

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence
