"""Disruption budgets in runs: what the master lets through, what operators do about it, whom preemption spares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.api.selectors import parse_selector
from models.api.specs_budgets import BudgetStatus, Share
from models.api.types import TERMINATING
from models.control.disruption import BudgetRules
from models.control.log import Change, Op
from models.testing.rest import broken_at_rest
from models.world import World
from models.worldplan import BudgetPlan
from tests.support.worlds import records, world_of

TEXT = """
until: {until}
seed: 5
checks: full
cluster: {{minions: [{{name: m, count: 3, cpu: 4, memory: 8Gi}}]}}
controllers: [{controllers}]
workloads: [{workloads}]
master: {{timing: kubernetes, watchLag: 10ms, apiLatency: 5ms}}
kubelet: {{start: 2s, ready: 3s, terminate: 4s}}
policy: {{scheduler: worst-fit}}
faults: [{faults}]
"""
WEB = "{name: web, replicas: 6, pod: {cpu: 1, memory: 64Mi, grace: 10s}}"
DRAIN = "{name: d, at: 5m, drain: {minion: m-1}}"


def budget(selector: str = "app=web", status: BudgetStatus | None = None, **rules: Any) -> BudgetPlan:
    name = selector.replace("=", "-").replace("!", "no-")
    return BudgetPlan(name, "default", parse_selector(selector), BudgetRules(**rules), status)


def ran(
    *budgets: BudgetPlan,
    faults: str = DRAIN,
    controllers: str = WEB,
    workloads: str = "",
    until: str = "30m",
) -> World:
    text = TEXT.format(until=until, controllers=controllers, workloads=workloads, faults=faults)
    plan = replace(world_of(text).plan, budgets=budgets)
    world = World(plan, world_of(text).sinks)
    world.run()
    return world


def at_s(world: World, kind: str, **fields: Any) -> list[float]:
    return [
        row["time_s"]
        for row in records(world, kind)
        if all(row[key] == value for key, value in fields.items())
    ]


def least_ready(world: World, from_s: float) -> int:
    ready: dict[str, None] = {}
    least = 10**9
    for row in records(world):
        if row["kind"] == "pod_ready":
            ready[row["object"]] = None
        elif row["kind"] in {"pod_unready", "pod_terminating", "pod_removed"}:
            ready.pop(row["object"], None)
        least = min(least, len(ready)) if row["time_s"] > from_s else least
    return least


def test_a_refused_eviction_is_asked_for_again_every_five_seconds() -> None:
    free = ran()
    assert at_s(free, "pod_terminating", reason="Eviction") == pytest.approx([300.015, 300.020])
    found = ran(budget(maximum=Share(1)))
    first, second = at_s(found, "pod_terminating", reason="Eviction")
    (refused,) = records(found, "eviction_refused")
    assert refused["reason"] == "budget/default/app-web needs 5 healthy pods and has 6"
    assert (first, refused["time_s"]) == pytest.approx((300.015, 300.020))
    # Its replacement is ready 5 s after it was bound; that is read, worked out and written; the next look is at 10 s.
    ready_s = next(time_s for time_s in at_s(found, "pod_ready") if time_s > 300)
    allowed_s = next(time_s for time_s in at_s(found, "budget_written", value=1.0) if time_s > 300)
    assert ready_s == pytest.approx(305.1, abs=0.15)
    assert 0.005 <= allowed_s - ready_s <= 0.030
    assert second == pytest.approx(refused["time_s"] + 10.0 + 0.005)
    assert (least_ready(free, 290), least_ready(found, 290)) == (4, 5)
    assert at_s(found, "fault_ended") == pytest.approx([second + 5], abs=1)
    assert broken_at_rest(found) == broken_at_rest(free) == []


def test_a_budget_that_allows_nothing_holds_a_drain_for_ever_and_costs_nothing() -> None:
    short, long = (ran(budget(minimum=Share(6)), until=until) for until in ("1h", "30d"))
    for found in (short, long):
        assert at_s(found, "pod_terminating") == at_s(found, "fault_ended") == []
        assert len(records(found, "eviction_refused")) == 2
    assert long.engine.dispatched - short.engine.dispatched <= 2


def test_two_operators_do_not_both_have_the_last_one() -> None:
    both = "{name: d, at: 5m, drain: {minion: m-1}}, {name: e, at: 5m, drain: {minion: m-2}}"
    found = ran(budget(minimum=percent(70)), faults=both, controllers=WEB.replace("cpu: 1", "cpu: 100m"))
    assert least_ready(found, 290) == 5  # 70% of 6 is 5
    assert len(at_s(found, "pod_terminating", reason="Eviction")) == 4
    assert len(at_s(found, "fault_ended")) == 2


def percent(amount: int) -> Share:
    return Share(amount, is_percent=True)


def test_a_pod_of_two_budgets_is_left_where_it_is() -> None:
    found = ran(budget(maximum=Share(1)), budget("!tier", maximum=Share(1)))
    assert {row["reason"] for row in records(found, "eviction_refused")} == {
        "more than one disruption budget selects it"
    }
    assert at_s(found, "pod_terminating") == []
    assert len(at_s(found, "fault_ended")) == 1, "kubectl ends there too"


def test_a_pod_that_is_not_ready_may_go_while_enough_others_are() -> None:
    unready = "{name: u, at: 4m, unready: {pods: web, count: 1}}"
    drains = ", ".join(f"{{name: d-{n}, at: 5m, drain: {{minion: m-{n}}}}}" for n in range(3))
    sick = ran(budget(minimum=Share(5)), faults=f"{unready}, {drains}", until="301s")
    (gone,) = {row["object"] for row in records(sick, "pod_terminating")}
    assert gone in {row["object"] for row in records(sick, "pod_unready")}
    strict = ran(budget(minimum=Share(6)), faults=f"{unready}, {drains}", until="301s")
    assert at_s(strict, "pod_terminating") == []


def test_pods_without_a_controller_allow_nothing_where_shares_are_of_what_should_be() -> None:
    bare = "{name: own, count: 3, arrivals: {at: 1s}, pod: {cpu: 1, memory: 64Mi, labels: {app: own}}}"
    drain = "{name: d, at: 5m, drain: {minions: all, force: true}}"
    words: dict[str, Any] = {"faults": drain, "controllers": "", "workloads": bare}
    unknown = ran(budget("app=own", maximum=Share(1)), **words)
    assert at_s(unknown, "pod_terminating") == []
    counted = ran(budget("app=own", minimum=Share(2)), **words)
    assert len(at_s(counted, "pod_terminating")) == 1
    # A dump says how many there should be of pods whose owners are not modelled.
    dumped = ran(budget("app=own", maximum=Share(1), known=3), **words)
    assert len(at_s(dumped, "pod_terminating")) == 1


def test_pods_that_do_not_run_yet_are_nobodys_loss() -> None:
    early = "{name: d, at: 1s, drain: {minion: m-1}}"
    found = ran(budget(maximum=Share(0)), faults=early, until="1m")
    assert len(at_s(found, "pod_terminating", reason="Eviction")) == 2
    assert at_s(found, "eviction_refused") == []
    late = ran(budget(maximum=Share(0)), faults=early.replace("1s", "20s"), until="1m")
    assert (at_s(late, "pod_terminating"), len(at_s(late, "eviction_refused"))) == ([], 2)


def test_what_was_worked_out_before_an_eviction_is_not_written_after_it() -> None:
    """A pod more changes what is expected, and the same one disruption would be allowed again."""
    slow = "apiLatency: 1s"
    scaled = WEB.replace("}}", "}, scale: [{at: 290s, replicas: 7}]}")
    text = TEXT.format(
        until="30m",
        controllers=scaled,
        workloads="",
        faults="{name: d, at: 288600ms, drain: {minion: m-1}}",
    )
    world = world_of(text.replace("apiLatency: 5ms", slow))
    found = World(replace(world.plan, budgets=(budget(minimum=Share(5)),)), world.sinks)
    found.run()
    first = at_s(found, "pod_terminating", reason="Eviction")[0]
    created = at_s(found, "pod_created")[6]
    assert created < first < created + 1.01, "the write is on its way when the eviction is let through"
    assert least_ready(found, 280) == 5
    assert broken_at_rest(found) == []


def test_an_eviction_counts_before_it_is_read_that_the_pod_goes() -> None:
    text = TEXT.format(until="30m", controllers=WEB, workloads="", faults=DRAIN)
    world = world_of(text.replace("terminate: 4s", "terminate: 8s"))
    found = World(replace(world.plan, budgets=(budget(maximum=Share(1)),)), world.sinks)
    assert found.plane is not None
    assert found.plane.disruption is not None
    client = found.plane.disruption.client
    heard = client._apply

    def deaf(change: Change) -> None:
        """News that a pod is being deleted is lost."""
        if not (change[1] is Op.POD_CHANGED and (change[4] ^ change[5]) & TERMINATING):
            heard(change)

    client._apply = deaf
    found.run()
    first, second = at_s(found, "pod_terminating", reason="Eviction")
    assert second - first >= 10.0
    assert least_ready(found, 290) == 5
    assert broken_at_rest(found) == []


def test_a_status_of_a_dump_stands_until_somebody_has_looked() -> None:
    known = ran(budget(status=BudgetStatus(1, 6, 5, 6), maximum=Share(1)), until="4m")
    first = records(known, "budget_written")[0]
    assert (first["value"], first["budget_written_expected"]) == (0.0, 0), "it has found no pods yet"
    assert first["time_s"] > 0


@pytest.mark.parametrize(
    "trouble",
    [
        "{at: 299s, outage: {of: master}, for: 20s}",
        "{at: 300027ms, outage: {of: master}, for: 20s}",
        "{at: 299s, watch: {client: all, lag: 3s}, for: 60s}",
        "{at: 299s, watch: {client: all, loss: 1.0}, for: 60s}",
    ],
)
def test_a_budget_holds_whatever_its_controller_misses(trouble: str) -> None:
    found = ran(budget(maximum=Share(1)), faults=f"{DRAIN}, {trouble}")
    assert least_ready(found, 290) == 5
    assert len(at_s(found, "pod_terminating", reason="Eviction")) == 2
    assert broken_at_rest(found) == []


def test_what_is_written_of_a_budget_follows_scale_and_labels() -> None:
    scaled = "{name: web, replicas: 4, pod: {cpu: 1, memory: 64Mi}, scale: [{at: 2m, replicas: 8}]}"
    relabel = "{name: r, at: 4m, relabel: {pods: app=web, count: 2, labels: {app: other}}}"
    found = ran(budget(minimum=percent(50)), controllers=scaled, faults=relabel)
    rows = [
        (row["time_s"], row["budget_written_desired"], row["budget_written_expected"])
        for row in records(found, "budget_written")
    ]
    last_before = [row[1:] for row in rows if row[0] < 120][-1]
    assert (last_before, [row[1:] for row in rows][-1]) == ((2, 4), (4, 8))
    assert broken_at_rest(found) == []


def preempted(*budgets: BudgetPlan) -> set[str]:
    low = "{name: kept, replicas: 1, pod: {cpu: 3, memory: 64Mi, priority: 10}}"
    more = "{name: free, start: 5s, replicas: 2, pod: {cpu: 3, memory: 64Mi, priority: 100, preempts: false}}"
    high = "{name: high, start: 30s, replicas: 1, pod: {cpu: 3, memory: 64Mi, priority: 1000}}"
    found = ran(*budgets, controllers=f"{low}, {more}, {high}", faults="", until="2m")
    victims = records(found, "pod_preempted")
    assert len(victims) == 1
    assert [row["owner"] for row in records(found, "pod_bound")][-1] == "controller/default/high"
    return {row["owner"] for row in victims}


def test_preemption_takes_who_is_least_important_but_rather_somebody_else_than_break_a_budget() -> None:
    assert preempted() == {"controller/default/kept"}
    assert preempted(budget("app=kept", minimum=Share(0))) == {"controller/default/kept"}
    assert preempted(budget("app=kept", minimum=Share(1))) == {"controller/default/free"}
    # Where every choice breaks one, the least important goes all the same.
    all_of_them = (budget("app=kept", minimum=Share(1)), budget("app=free", minimum=Share(2)))
    assert preempted(*all_of_them) == {"controller/default/kept"}
