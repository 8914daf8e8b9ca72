"""What must hold of the control plane whatever goes wrong, in whatever order it is delivered."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from models.api.loading import load_scenario_text
from models.catalog import vocabulary
from models.control.expectations import Expectations
from models.control.replication import ABSENT, TERMINATING, UNREADY, Actions, ReplicaDigest, reconcile
from models.plan import make_plan
from models.testing.observers import (
    BindObserver,
    DigestObserver,
    RoomObserver,
    unrecorded,
    written_in_outages,
)
from models.testing.rest import broken_at_rest
from models.testing.strategies import scenarios, text_of
from models.world import World
from tests.support.worlds import records, sinks

MACHINES = ("crash", "cutOff", "cordon", "taint", "kill", "unready", "relabel")


def drawn(scenario: dict[str, Any]) -> World:
    spec = load_scenario_text(text_of(scenario), "drawn.yaml", vocabulary=vocabulary())
    return World(make_plan(spec, max_events=200_000), sinks())


@given(scenarios())
def test_all_is_well_when_the_faults_are_over(scenario: dict[str, Any]) -> None:
    world = drawn(scenario)
    room = RoomObserver(world)
    world.run()
    for fault in scenario["faults"]:
        event(next(key for key in fault if key not in {"name", "at", "for", "repair"}))
    assert broken_at_rest(world) == [], text_of(scenario)
    assert room.broken == []
    rows = records(world)
    assert list(unrecorded(world, rows)) == []
    outages = {f"fault/{fault['name']}" for fault in scenario["faults"] if "outage" in fault}
    assert list(written_in_outages(rows, outages)) == []


@given(scenarios(kinds=MACHINES))
def test_every_bind_fitted_and_every_digest_was_right(scenario: dict[str, Any]) -> None:
    world = drawn(scenario)
    binds, digests = BindObserver(world), DigestObserver(world)
    world.run()
    assert (binds.broken, digests.broken) == ([], [])
    bound = len(records(world, "pod_bound"))
    assert binds.checked >= bound
    # While a change is on its way to the manager nobody looks: with long lags that may be most of the time.
    assert digests.checked or not bound


def test_observers_see_what_is_broken() -> None:
    text = {
        "apiVersion": "wavetank/v1",
        "name": "broken",
        "until": "60s",
        "cluster": {"minions": [{"name": "p", "count": 1, "cpu": 2, "memory": "8Gi"}]},
        "controllers": [{"name": "c", "replicas": 3, "pod": {"cpu": "900m", "memory": "64Mi"}}],
        "services": [{"name": "s", "selector": {"app": "c"}}],
    }
    world = drawn(text)
    digests = DigestObserver(world)
    world.run()
    assert broken_at_rest(world) == []
    assert digests.broken == []
    assert world.plane is not None
    (controller,) = world.plane.controllers.values()
    belief = world.plane.replication.belief
    belief.by_owner[controller.identity].digest.change(ABSENT, UNREADY)
    digests._look()
    assert len(digests.broken) == 1
    pod = next(pod for pod in controller.pods.values() if pod.ready)
    world.store.set_ready(pod, False, cause=-1)  # nobody has time to hear of it
    assert any("lacks 2 ready pods, but 1 are pending" in sentence for sentence in broken_at_rest(world))
    assert any("endpoints" in sentence for sentence in broken_at_rest(world))
    del world.store.bound[0][pod.arrival]
    assert any("bound to it" in sentence for sentence in broken_at_rest(world))


counts = st.integers(0, 700)


@given(st.tuples(*[counts] * 8), counts, st.integers(1, 600))
def test_reconcile_converges_and_is_idempotent(standings: tuple[int, ...], desired: int, burst: int) -> None:
    digest = ReplicaDigest()
    for code, count in enumerate(standings, 1):
        for _ in range(min(count, 90)):
            digest.change(ABSENT, code)
    distance = abs(desired - digest.active)
    for _ in range(-(-distance // burst)):
        actions = reconcile(desired, digest, expectations_satisfied=True, deleting=False, burst=burst)
        assert (actions.create == 0) != (actions.delete == 0)
        for _ in range(actions.create):
            digest.change(ABSENT, UNREADY)
        for _ in range(actions.delete):
            active = next(code for code in range(1, 7) if digest.counts[code])
            digest.change(active, TERMINATING)
    assert digest.active == desired
    assert reconcile(desired, digest, expectations_satisfied=True, deleting=False) == Actions()


@settings(max_examples=100)
@given(st.integers(0, 12), st.lists(st.integers(0, 3), max_size=60), st.lists(counts, max_size=3))
def test_no_order_of_deliveries_makes_a_controller_overshoot(
    start: int, orders: list[int], desires: list[int]
) -> None:
    """One controller that sees its own acts late: it goes straight to each count and never past it."""
    pods, digest, expectations = start, ReplicaDigest(), Expectations()
    unseen: deque[int] = deque()  # +1 created, -1 terminating
    for _ in range(start):
        digest.change(ABSENT, UNREADY)
    name = 0

    def see() -> None:
        if unseen.popleft() > 0:
            digest.change(ABSENT, UNREADY)
            expectations.creation_observed()
        else:
            digest.change(UNREADY, TERMINATING)
            expectations.deletion_observed(deletions.popleft())

    deletions: deque[int] = deque()
    for number, desired in enumerate([10, *(desire % 20 for desire in desires)]):
        low, high = min(pods, desired), max(pods, desired)
        # What was under way when the count was changed may still come; it is seen first.
        while unseen:
            see()
        for order in orders[number::2]:
            if order == 0 and unseen:
                see()
                continue
            satisfied = expectations.satisfied(0.0)
            actions = reconcile(desired, digest, expectations_satisfied=satisfied, deleting=False, burst=4)
            if actions.create:
                expectations.expect_creations(actions.create, 0.0)
                unseen.extend([1] * actions.create)
                pods += actions.create
            elif actions.delete:
                names = list(range(name, name + actions.delete))
                name += actions.delete
                expectations.expect_deletions(names, 0.0)
                deletions.extend(names)
                unseen.extend([-1] * actions.delete)
                pods -= actions.delete
            assert low <= pods <= high
