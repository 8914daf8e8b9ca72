"""A model that is wrong on purpose: whoever wants CPU gets the same, whatever weights and quotas say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.kernel.cpugroups import CpuGroup
from models.machines.cpusharing import CpuSharing
from models.machines.cputasks import TaskKind


def _leaves(group: CpuGroup) -> int:
    return sum(map(_leaves, group.children)) if group.children else 1


def _equal(group: CpuGroup) -> CpuGroup:
    return replace(
        group, weight=float(_leaves(group)), quota=None, children=tuple(map(_equal, group.children))
    )


def split_equally(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an equal split in place of the model's shares."""
    groups = CpuSharing.groups
    monkeypatch.setattr(CpuSharing, "groups", lambda *given: _equal(groups(*given)))
    monkeypatch.setattr(TaskKind, "quota", property(lambda self: None))
