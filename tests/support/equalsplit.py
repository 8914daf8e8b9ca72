"""A model that is wrong on purpose: whoever wants CPU gets the same, whatever weights and quotas say."""

from __future__ import annotations

import pytest

from models.machines import cpusharing


def split_equally(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an equal split in place of the model's shares."""
    monkeypatch.setattr(
        cpusharing._Cgroups,
        "shares",
        lambda self, cores: [(min(task.peak(cores), cores / len(self.tasks)), 0.0) for task in self.tasks],
    )
