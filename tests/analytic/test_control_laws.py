"""The control plane's delays and rates against what they follow from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.support.worlds import ran, records

CRASHES = """
until: {until}
seed: 11
cluster: {{minions: [{{name: m, count: 1000, cpu: 1, memory: 1Gi}}]}}
master: {{timing: kubernetes}}
faults:
  - {{name: crashes, crash: {{minions: all}}, timeToFailure: {{exponential: {{mean: 60000s}}}}, repair: 300s, start: fresh}}
"""


def notice_times(until: str) -> np.ndarray:
    """From each crash to the record that the minion is Unknown, in seconds."""
    world = ran(CRASHES.format(until=until))
    crashed: dict[str, float] = {}
    found = []
    for row in records(world, "minion_crashed", "minion_condition"):
        if row["kind"] == "minion_crashed":
            crashed[row["object"]] = row["time_s"]
        elif row["reason"] == "Unknown":
            found.append(row["time_s"] - crashed.pop(row["object"]))
    assert all(time > world.plan.until_s - 60 for time in crashed.values()), "no crash goes unnoticed"
    return np.array(found)


def check_notice(times: np.ndarray) -> None:
    # 40.02 + U(0, 5) - U(0, 10) is a trapezoid on [30.02, 45.02], level between 5 s and 10 s from its start.
    law = stats.trapezoid(1 / 3, 2 / 3, loc=30.02, scale=15.0)
    assert stats.kstest(times, law.cdf).pvalue > 1e-3


def test_a_crash_is_noticed_as_the_grace_and_the_two_phases_say() -> None:
    times = notice_times("16h")
    assert 800 < times.size < 1200
    check_notice(times)
    with pytest.raises(AssertionError):
        check_notice(times + 1.0)


@pytest.mark.long
def test_ten_thousand_crashes_are_noticed_as_the_law_says() -> None:
    times = notice_times("175h")
    assert times.size >= 10_000
    check_notice(times)


BURST = """
until: {until}
cluster: {{minions: [{{name: m, count: 1, cpu: 1, memory: 1Gi, pods: 1}}]}}
controllers: [{{name: web, replicas: {pods}, pod: {{cpu: 1, memory: 1Mi}}}}]
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms}}
"""


def last_created_s(pods: int, until: str) -> float:
    times = [row["time_s"] for row in records(ran(BURST.format(pods=pods, until=until)), "pod_created")]
    assert len(times) == pods
    return float(times[-1])


@pytest.mark.parametrize("pods", [500, 3_000])
def test_a_controller_creates_at_the_rate_of_its_client(pods: int) -> None:
    # Each pod, 25 events at once and one in 300 s (K52), and a status a sync of 500 pods take a token of 20 a
    # second; 30 are there at the start.
    calls_s = (pods + 25 + pods / 500 - 30) / 20
    assert last_created_s(pods, "10m") == pytest.approx(calls_s + calls_s / 300 / 20, abs=1.0)


@pytest.mark.long
def test_150_000_pods_are_created_in_two_hours_by_default() -> None:
    assert 7_450 <= last_created_s(150_000, "3h") <= 7_650
