"""Several schedulers by name, whatever goes wrong: in the end each believes what the record says, and nobody waits in vain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st

from models.api.loading import load_scenario_text
from models.api.types import TERMINATING
from models.catalog import vocabulary
from models.cluster.allocatable import allocatable_of
from models.cluster.placedbelief import PlacedBelief
from models.cluster.placements import Placements
from models.control.deliberation import DeliberateScheduler
from models.control.scheduler import Scheduler
from models.plan import make_plan
from models.testing.strategies import scenarios, text_of
from models.world import World
from tests.property.test_placed_belief import there
from tests.support.worlds import records, sinks

KINDS = ("crash", "cutOff", "kill", "relabel", "restart", "watch", "outage", "taint", "drain")
TIMES = st.sampled_from(["1s", "3s", {"exponential": {"mean": "2s"}}, "0s"])


@st.composite
def with_schedulers(draw: st.DrawFn) -> dict[str, Any]:
    """A scenario whose pods ask for one of two schedulers, some with priorities and some in jobs."""
    made: dict[str, Any] = draw(scenarios(kinds=KINDS))
    pools = [pool["name"] for pool in made["cluster"]["minions"]]
    made["schedulers"] = []
    for name in ("x", "y"):
        checked = draw(st.sampled_from([True, True, False]))
        each: dict[str, Any] = {
            "name": name,
            "policy": draw(st.sampled_from(["first-fit", "worst-fit", "random", "kubernetes"])),
            "commit": "checked" if checked else "kubernetes",
            "jobs": draw(st.sampled_from(["incremental", "gang"])),
            "decision": {"perJob": draw(TIMES), "perPod": draw(TIMES)},
        }
        if checked:
            each["conflicts"] = draw(st.sampled_from(["fine", "coarse"]))
        if draw(st.integers(0, 7)) == 7:
            each["minions"] = draw(st.sampled_from(pools))
        made["schedulers"].append(each)
    for pool in made["cluster"]["minions"]:  # so little that they meet
        pool |= {"cpu": draw(st.integers(1, 3))}
    more = {**made["controllers"][0], "name": "more", "pod": dict(made["controllers"][0]["pod"])}
    made["controllers"].append(more)
    for number, controller in enumerate(made["controllers"]):
        pod = controller["pod"]
        controller["replicas"] = draw(st.integers(3, 9))
        controller["start"] = "1s"
        pod["schedulerName"] = "xy"[number % 2]
        pod["priority"] = draw(st.sampled_from([0, 5, 10]))
        if draw(st.booleans()):
            pod["labels"] = {**pod["labels"], "wavetank/job": draw(st.sampled_from("jk"))}
    return made


def wrong(world: World, scheduler: Scheduler) -> str | None:
    """What a scheduler believes that the record does not say, once it has read all."""
    belief, resources = scheduler.belief, world.plan.resources
    for change in scheduler.client.cursor.read():
        scheduler._learn(change)
    free = np.array([allocatable_of(ask, resources) for ask in world.plan.minions], dtype=np.int64)
    for minion, pods in enumerate(world.store.bound):
        for pod in pods.values():
            free[minion] -= pod.template.need
    if not np.array_equal(belief.free, free):
        return f"{scheduler.identity}: {belief.free.tolist()} is believed to be free, and {free.tolist()} is"
    if isinstance(belief, PlacedBelief):
        anew = Placements(belief._placements.minions)
        for minion, pods in enumerate(world.store.bound):
            for pod in pods.values():
                known = anew.know(replace(belief.known(pod.template).pod, labels=pod.labels))
                anew.place(known, minion, 1, terminating=bool(pod.word & TERMINATING))
        if there(belief._placements) != there(anew):
            return f"{scheduler.identity}: other pods are believed there than there are"
    return None


def waits_in_vain(world: World, scheduler: DeliberateScheduler) -> list[str]:
    """Pods of a scheduler that fit by its own belief and wait; of gangs nothing is said."""
    if scheduler.plan.gang:
        return []
    return [
        world.identities.text(pod.identity)
        for pod in world.store.pending.values()
        if pod.template.scheduler in scheduler.plan.serves
        and not pod.word
        and any(scheduler._fits(pod, minion) for minion in range(len(world.plan.minions)))
    ]


@given(with_schedulers())
def test_each_believes_the_record_and_nobody_waits_in_vain(scenario: dict[str, Any]) -> None:
    text = text_of(scenario)
    plan = make_plan(load_scenario_text(text, "drawn.yaml", vocabulary=vocabulary()), max_events=400_000)
    world = World(replace(plan, checks="full"), sinks())
    world.run()
    kinds = {row["kind"] for row in records(world)}
    for kind in ("bind_refused", "pod_preempted", "pod_failed", "pod_labelled"):
        event(f"{kind}: {kind in kinds}")
    for scheduler in world.schedulers:
        assert isinstance(scheduler, DeliberateScheduler)
        assert wrong(world, scheduler) is None, text
        assert waits_in_vain(world, scheduler) == [], text
