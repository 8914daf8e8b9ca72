"""How ``explain`` tells what attackers did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from experiments.wording import say_time

__all__ = ["SENTENCES"]

Row = Mapping[str, Any]

SENTENCES: Final[Mapping[str, Callable[[Row], str]]] = {
    "pod_compromised": lambda row: f"{row['object']} was broken into on {row['minion']} by {row['actor']}",
    "techniques_tried": lambda row: (
        f"{row['object']} tries on {row['minion']}, the first to succeed after {say_time(row['value'])} in the mean:"
        f" {row['reason']}"
    ),
    "privilege_won": lambda row: (
        f"{row['object']} has {row['reason']} on {row['minion']}, {say_time(row['value'])} after he got in"
    ),
    "minion_taken": lambda row: f"{row['object']} was taken by {row['actor']}",
    "foothold_lost": lambda row: f"{row['object']} lost what he had on {row['minion']}: {row['reason']}",
    "intrusion_detected": lambda row: (
        f"{row['object']} was noticed on {row['minion']}, {say_time(row['value'])} after he got in"
    ),
    "intrusion_answered": lambda row: f"{row['object']} was answered on {row['minion']}: {row['reason']}",
}
"""By kind of record."""
