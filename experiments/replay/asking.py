"""Asks before something is done to the host."""

from __future__ import annotations

import sys

import typer

from experiments.replay.problems import HostError

__all__ = ["agreed"]


def agreed(question: str, *, yes: bool) -> None:
    """Go on only if the user agrees: by ``--yes``, or by an answer at a terminal.

    Args:
        question: Ends with a question mark.
        yes: ``--yes`` was given.

    Raises:
        HostError: No, or there is no terminal to ask at.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise HostError(f"{question} Say --yes to go on")
    if not typer.confirm(question, err=True):
        raise HostError("nothing was done")
