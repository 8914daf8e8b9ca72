"""A scheduler that decides about one job at a time is a queue: Pollaczek and Khinchine say how long jobs wait."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.support.worlds import ran, records

RATE_PER_S, MEDIAN_S, SIGMA, POD_S = 0.5, 0.6, 0.8, 0.2
BATCHES = 30
ONE = f"""
until: {{until}}
seed: {{seed}}
cluster: {{{{minions: [{{{{name: m, count: 10, cpu: 8, memory: 32Gi}}}}]}}}}
master: {{{{watchLag: 0s, apiLatency: 0s}}}}
schedulers:
  - commit: checked
    decision: {{{{perJob: {{{{lognormal: {{{{median: {MEDIAN_S}s, sigma: {SIGMA}}}}}}}}}, perPod: {POD_S}s}}}}
workloads:
  - {{{{name: jobs, arrivals: {{{{poisson: {{{{rate: {RATE_PER_S}/s}}}}}}}}, duration: 1s, pod: {{{{cpu: 100m, memory: 1Mi}}}}}}}}
"""

MEAN_S = MEDIAN_S * math.exp(SIGMA**2 / 2) + POD_S
SQUARE_S2 = POD_S**2 + 2 * POD_S * MEDIAN_S * math.exp(SIGMA**2 / 2) + MEDIAN_S**2 * math.exp(2 * SIGMA**2)
BUSYNESS = RATE_PER_S * MEAN_S
WAIT_S = RATE_PER_S * SQUARE_S2 / (2 * (1 - BUSYNESS))


def measured(seed: int, hours: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean wait in seconds and busyness of each of BATCHES equal spans."""
    end_s = hours * 3600.0
    created, waits, busy = {}, [], []
    world = ran(ONE.format(seed=seed, until=f"{hours}h"))
    for row in records(world, "pod_created", "decision_began"):
        if row["kind"] == "pod_created":
            created[row["object"]] = row["time_s"]
        else:
            waits.append((row["time_s"], row["time_s"] - created.pop(row["object"])))
            busy.append((row["time_s"], row["value"]))
    assert len(created) < 50
    edges = np.linspace(0.0, end_s, BATCHES + 1)
    times_s, waited_s = np.array(waits).T
    sums, _ = np.histogram(times_s, edges, weights=waited_s)
    counts, _ = np.histogram(times_s, edges)
    spent, _ = np.histogram(times_s, edges, weights=np.array(busy)[:, 1])
    return sums / counts, spent / np.diff(edges)


def lies_in_interval(batches: np.ndarray, theory: float) -> bool:
    """Whether the 99.9% interval of the mean of batches has a number in it."""
    half = stats.t.ppf(0.9995, BATCHES - 1) * batches.std(ddof=1) / math.sqrt(BATCHES)
    return bool(abs(batches.mean() - theory) < half)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_jobs_wait_as_in_a_queue_with_one_server(seed: int) -> None:
    waits_s, busyness = measured(seed, 3)
    assert lies_in_interval(waits_s, WAIT_S)
    assert lies_in_interval(busyness, BUSYNESS)
    assert not lies_in_interval(busyness, 1.2 * BUSYNESS)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_forty_hours_of_jobs_wait_so_too(seed: int) -> None:
    waits_s, busyness = measured(seed, 40)
    assert lies_in_interval(waits_s, WAIT_S)
    assert lies_in_interval(busyness, BUSYNESS)
    constant_s = RATE_PER_S * MEAN_S**2 / (2 * (1 - BUSYNESS))
    exponential_s = 2 * constant_s
    assert not lies_in_interval(waits_s, constant_s)
    assert not lies_in_interval(waits_s, exponential_s)
    assert not lies_in_interval(waits_s, 1.15 * WAIT_S)
