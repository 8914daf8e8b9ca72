"""Ready endpoints over time: number 10."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.verify.control.history import History
from experiments.verify.control.observation import Form, Frame, Observation

__all__ = ["STEP_S", "curves"]

STEP_S = 0.5
"""Seconds between two samples."""


def curves(history: History, frame: Frame) -> Iterator[Observation]:
    """Return number 10: a curve for each service.

    Samples start with the first controller or pod that is made and end with the recording; before its first
    row a service has no ready endpoint.
    """
    starts = [time_s for _, time_s, _ in history.done("do_create_rc", "do_create_pod")]
    if not starts or starts[0] > frame.end_s:
        return
    grid = np.arange(starts[0], frame.end_s, STEP_S)
    for service in frame.services:
        rows = history.endpoints.get(service, [])
        times = np.array([time_s for time_s, _ in rows])
        ready = np.array([0, *(row["ready"] for _, row in rows)])
        samples = ready[np.searchsorted(times, grid + 1e-9)]
        what = f"{service}: ready endpoints over time"
        yield Observation(10, what, Form.CURVE, tuple(int(value) for value in samples), what)
