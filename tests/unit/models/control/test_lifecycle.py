"""Minions that fall silent and come back: conditions, taints and evictions, by zone, and with a master that is away."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from models.control.lifecycle import MinionLifecycle
from models.testing.rest import broken_at_rest
from models.world import World
from tests.support.worlds import ran, records

TEXT = """
until: {until}
seed: {seed}
cluster: {{minions: [{{name: m, count: {minions}, cpu: 4, memory: 8Gi, domains: {{zone: [{zones}]}}}}]}}
controllers: [{{name: web, replicas: {pods}, pod: {{cpu: 1, memory: 64Mi}}}}]
master: {{timing: kubernetes, watchLag: 10ms, apiLatency: 1ms}}
policy: {{scheduler: worst-fit}}
faults: [{faults}]
"""


def world(*faults: str, minions: int = 6, zones: str = "a, b", pods: int = 6, until: str = "40m") -> World:
    text = TEXT.format(until=until, seed=1, minions=minions, zones=zones, pods=pods, faults=", ".join(faults))
    return ran(text)


def tainted(found: World, word: str = "NoExecute") -> list[tuple[float, str]]:
    """When minions were first given a taint: (time, minion)."""
    first: dict[str, float] = {}
    for row in records(found, "minion_tainted"):
        if f"unreachable:{word}" in row["reason"]:
            first.setdefault(row["object"].rpartition("/")[2], row["time_s"])
    return sorted((time, name) for name, time in first.items())


def latest_taints(found: World, until_s: float) -> list[dict[str, Any]]:
    """The last record of every minion's taints up to a time."""
    latest = {row["object"]: row for row in records(found, "minion_tainted") if row["time_s"] <= until_s}
    return list(latest.values())


def evicted(found: World) -> list[float]:
    return [row["time_s"] for row in records(found, "pod_terminating")]


def test_a_dead_minions_pods_are_evicted_after_the_toleration_and_it_is_clean_when_back() -> None:
    found = world("{name: c, at: 5m, crash: {minion: m-0}, repair: 15m}")
    ((at_s, name),) = tainted(found)
    assert name == "m-0"
    unknown = next(row["time_s"] for row in records(found, "minion_condition"))
    assert 30 < unknown - 300 < 45.1
    assert 5 < at_s - unknown < 5.3
    assert evicted(found) == pytest.approx([at_s + 300], abs=0.1)
    assert broken_at_rest(found) == []
    # Until the minion is back nobody can say that the pod is gone.
    (gone,) = [row["time_s"] for row in records(found, "pod_removed")]
    assert 1200 < gone < 1210


def test_minions_of_a_zone_are_tainted_one_in_ten_seconds() -> None:
    found = world("{name: z, at: 5m, crash: {minions: zone=a}, repair: 15m}", minions=10, pods=10)
    times = [time for time, _ in tainted(found)]
    assert len(times) == 5
    assert all(second - first >= 9.9 for first, second in itertools.pairwise(times))
    assert broken_at_rest(found) == []


def test_a_small_zone_that_is_partly_dead_is_left_alone() -> None:
    """Three of four (55% and more) of a zone of at most 50: whoever is not tainted by then is not, and nobody else is."""
    faults = [f"{{name: c{n}, at: 5m, crash: {{minion: m-{n}}}, repair: 30m}}" for n in (0, 2, 4)]
    found = world(*faults, minions=8, pods=8, until="34m")
    conditions = [row["time_s"] for row in records(found, "minion_condition")]
    assert len(conditions) == 3
    assert all(time < conditions[-1] + 0.2 for time, _ in tainted(found))
    assert len(tainted(found)) < 3
    assert len(tainted(found, "NoSchedule")) == 3


def test_a_large_zone_that_is_partly_dead_goes_on_at_a_tenth_of_the_pace() -> None:
    faults = [f"{{name: c{n}, at: 5m, crash: {{minion: m-{n}}}, repair: 60m}}" for n in range(40)]
    found = world(*faults, minions=60, zones="a", pods=60, until="30m")
    times = [time for time, _ in tainted(found)]
    pauses = [second - first for first, second in itertools.pairwise(times)]
    assert len(times) > 10
    # A token in 100 s; now and then one goes to an entry whose minion is tainted already.
    assert all(round(pause, -2) in {100, 200} and pause > 99.9 for pause in pauses[2:]), pauses
    assert sum(pause < 110 for pause in pauses[2:]) > 8


def test_two_of_three_are_too_few_for_a_disruption() -> None:
    faults = [f"{{name: c{n}, at: 5m, crash: {{minion: m-{n}}}, repair: 30m}}" for n in (0, 2)]
    found = world(*faults, minions=6, until="34m")
    assert len(tainted(found)) == 2


def test_when_all_are_dead_nobody_is_evicted_and_all_is_well_after() -> None:
    found = world("{name: all, at: 5m, crash: {minions: all}, repair: 20m}", until="50m")
    last = max(row["time_s"] for row in records(found, "minion_condition") if row["value"] == 0)
    # Whoever was tainted before the last was silent is not when it is: the master doubts itself.
    assert all(time < last for time, _ in tainted(found))
    after = [row for row in records(found, "minion_tainted") if last + 0.5 < row["time_s"] < 1500]
    assert after == []
    assert all("NoExecute" not in row["reason"] for row in latest_taints(found, last + 0.5))
    assert evicted(found) == []
    assert broken_at_rest(found) == []


def test_a_minion_that_returns_during_an_outage_loses_its_taints_after_it() -> None:
    found = world(
        "{name: c, at: 5m, crash: {minion: m-0}, repair: 5m}",
        "{name: o, at: 9m, outage: {of: master}, for: 2m}",
    )
    assert len(tainted(found)) == 1
    (back,) = [row["time_s"] for row in records(found, "minion_condition") if row["value"] == 1]
    assert back == 660
    assert evicted(found) == []
    assert broken_at_rest(found) == []


def test_after_an_outage_every_grace_and_every_toleration_begins_anew() -> None:
    found = world(
        "{name: c, at: 5m, crash: {minion: m-0}, repair: 30m}",
        "{name: o, at: 8m, outage: {of: master}, for: 2m}",
        until="50m",
    )
    # Unknown and tainted before the outage; the manager that starts at 600 s counts the toleration from then.
    assert [time < 480 for time, _ in tainted(found)] == [True]
    (first,) = evicted(found)
    assert 900 < first < 902


def test_a_restart_counts_a_toleration_anew_too() -> None:
    crash = "{name: c, at: 5m, crash: {minion: m-0}, repair: 30m}"
    (plain,) = evicted(world(crash, until="50m"))
    (late,) = evicted(world(crash, "{name: r, at: 9m, restart: {client: lifecycle}}", until="50m"))
    assert plain < 650
    assert late == pytest.approx(840, abs=0.1)


def test_a_minion_that_is_back_before_its_mark_is_not_marked() -> None:
    """A pass that goes through pods one after the other meets a minion that has just come back."""
    found = world(
        "{name: c, at: 5m, crash: {minions: all}, repair: 41s}", minions=1, zones="a", pods=4, until="20m"
    )
    assert broken_at_rest(found) == []


def test_passes_that_are_shifted_have_seen_what_they_had_seen() -> None:
    """Crashes soon after another minion was judged are noticed within the law's bounds, whatever the shift."""
    faults = [f"{{name: f{n}, at: {300 + 7 * n}s, crash: {{minion: m-{n}}}}}" for n in range(12)]
    found = world(*faults, minions=40, zones="a", pods=1, until="10m")
    crashed = {row["object"]: row["time_s"] for row in records(found, "minion_crashed")}
    noticed = {
        row["object"]: row["time_s"] - crashed[row["object"]] for row in records(found, "minion_condition")
    }
    assert len(noticed) == 12
    assert all(30 < time < 45.2 for time in noticed.values()), noticed


TWICE = """
until: 40m
cluster: {{minions: [{{name: m, count: 4, cpu: 4, memory: 8Gi}}]}}
controllers:
  - name: web
    replicas: 4
    pod:
      cpu: 1
      memory: 64Mi
      tolerations:
        - {{key: first, operator: Exists, effect: NoExecute, tolerationSeconds: 5m}}
        - {{key: second, operator: Exists, effect: NoExecute, tolerationSeconds: {second}}}
master: {{timing: kubernetes, watchLag: 10ms, apiLatency: 1ms}}
policy: {{scheduler: worst-fit}}
faults:
  - {{name: one, at: 5m, taint: {{minion: m-0, key: first}}, for: {first_lasts}}}
  - {{name: two, at: 7m, taint: {{minion: m-0, key: {key}}}}}
"""


@pytest.mark.parametrize(
    ("key", "second", "first_lasts", "expected"),
    [
        ("second", "20m", "1h", [600]),  # the plan that stands is kept: five minutes from the first taint
        ("second", "1m", "1h", [600]),  # also where the second is borne for less
        ("other", "20m", "1h", [420]),  # one that is not borne evicts at once
        ("second", "20m", "4m", [600]),  # and the plan outlives the taint that it was made for
        ("second", "20m", "1m", [1620]),  # but not all taints: what comes after that counts anew
    ],
)
def test_a_plan_to_evict_stands_until_the_last_taint_goes(
    key: str, second: str, first_lasts: str, expected: list[int]
) -> None:
    found = ran(TWICE.format(key=key, second=second, first_lasts=first_lasts))
    # Whoever takes its place may be put there too, as it bears the taints for a while, and goes later.
    assert evicted(found)[:1] == pytest.approx(expected, abs=0.1)


def test_who_falls_silent_is_looked_at_and_not_all_who_did_before(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = MinionLifecycle._seen_us

    def counted(*words: Any) -> int:
        nonlocal looks
        looks += 1
        return look(*words)

    monkeypatch.setattr(MinionLifecycle, "_seen_us", counted)
    world("{name: all, at: 5m, crash: {minions: all}, repair: 20m}", minions=60, until="301s")
    assert looks == 60
