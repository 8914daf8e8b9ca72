"""Whose a container or an image is: labels that say which run made it, and whether that run goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from experiments.replay.fence import began

__all__ = ["OWNER", "RUN", "lives", "owner"]

RUN: Final = "wavetank.run"
OWNER: Final = "wavetank.owner"


def owner() -> str:
    """This process: host, boot, number and when it began, so that another of the same number is not taken for it."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{os.uname().nodename} {boot} {os.getpid()} {began(os.getpid())}"


def lives(labels: Mapping[str, str]) -> bool:
    """Whether the process that made something still runs; one of another host cannot be seen, and is taken to."""
    parts = labels.get(OWNER, "").split()
    if len(parts) != 4:
        return False
    host, boot, pid, since = parts
    if host != os.uname().nodename:
        return True
    return boot == owner().split()[1] and began(pid) == since
