"""Makes the beliefs of schedulers; and several schedulers by name, with one check of binds for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from models.api.expected import ExpectedPod
from models.api.protocols import PlacingPolicy, Policy, ScoringPolicy
from models.api.types import MinionAsk, Pod, ResourceTable
from models.cluster.belief import Belief
from models.cluster.placedbelief import PlacedBelief, Placing
from models.control.checkedbinds import CheckedBinds
from models.control.client import Caller
from models.control.deliberation import DeliberateScheduler, SchedulerPlan
from models.control.kubescheduler import KubeScheduler
from models.control.log import Op
from models.control.nodeimages import NodeImages
from models.control.plane import ControlPlane
from models.control.scheduler import Scheduler
from models.control.settings import ControlPlan
from models.control.store import Store
from sim.engine import Engine
from sim.streams import Streams

__all__ = ["belief_of", "make_schedulers", "tell_images"]


def belief_of(
    minions: Sequence[MinionAsk],
    resources: ResourceTable,
    expected: Callable[[], Sequence[ExpectedPod]],
    placing: Placing,
    policy: ScoringPolicy | PlacingPolicy | Policy,
    outside: Iterable[int] = (),
) -> Belief:
    """Return a belief of the kind that a policy decides on, without the minions outside of a partition."""
    if isinstance(policy, PlacingPolicy):
        made: Belief = PlacedBelief(minions, resources, policy, placing)
    else:
        made = Belief(minions, resources, expected)
    made.confine(outside)
    return made


def make_schedulers(
    plans: Sequence[SchedulerPlan],
    *,
    believe: Callable[..., Belief],
    minions: Sequence[MinionAsk],
    resources: ResourceTable,
    control: ControlPlan | None,
    plane: ControlPlane | None,
    policy: ScoringPolicy | PlacingPolicy | Policy,
    policy_name: str,
    make_client: Callable[..., Caller],
    on_parked: Callable[[Pod], None],
    **words: Any,
) -> Sequence[Scheduler]:
    """Make the schedulers with names, in order, or the one of a run that names none.

    Args:
        plans: Of those with names.
        believe: Makes a belief, given the policy and the minions outside of the partition.
        minions: By index.
        resources: The columns of needs.
        control: How the control plane behaves; nothing where there is none.
        plane: The control plane; nothing where there is none.
        policy: Of the one without a name, as its name and its client are.
        policy_name: As the scenario names it.
        make_client: Makes the client.
        on_parked: Stamps when a pod that waits is withdrawn or given up.
        words: As :class:`models.control.scheduler.Scheduler` takes them.
    """
    if not plans:
        one = {"policy": policy, "policy_name": policy_name, "belief": believe(policy)}
        words |= {**one, "make_client": make_client, "on_parked": on_parked}
        # Where nothing takes time its queue needs no more than room.
        if control is None or control.instant:
            made = Scheduler(**words)
        else:
            made = KubeScheduler(constants=control.constants, **words)
        if plane is not None:
            plane.on_scheduler_restart = made.restart
        return (made,)
    assert control is not None, "schedulers by name need a control plane"
    assert plane is not None, "schedulers by name need a control plane"
    store = words["store"]
    checked = None
    if any(plan.checked for plan in plans):
        checked = CheckedBinds(
            journal=words["journal"], store=store, minions=minions, resources=resources, bind=words["bind"]
        )

    def waits(op: Op, pod: Pod, before: int, after: int) -> None:
        # It may wait for long before it is tried, or for ever.
        if 0 < min(pod.ask.give_up_after_s, pod.ask.withdraw_after_s) < math.inf:
            on_parked(pod)

    def given_up_at_once(pod: Pod) -> None:
        if min(pod.ask.give_up_after_s, pod.ask.withdraw_after_s) <= 0:
            on_parked(pod)

    store.log.observe(waits, (Op.POD_CREATED,))
    several = tuple(
        DeliberateScheduler(
            plan=plan,
            checked=checked,
            constants=control.constants,
            belief=believe(plan.policy, plan.outside),
            make_client=partial(plane.client, f"scheduler/{plan.name}"),
            policy=plan.policy,
            policy_name=plan.policy_name,
            on_parked=given_up_at_once,
            **words,
        )
        for plan in plans
    )

    def restart() -> None:
        for each in several:
            each.restart()

    plane.on_scheduler_restart = restart
    return several


def tell_images(
    schedulers: Iterable[Scheduler],
    plane: ControlPlane | None,
    minions: Sequence[MinionAsk],
    engine: Engine,
    store: Store,
    streams: Streams,
) -> None:
    """Have the record say which images minions have, and kubelets tell of others, if any scheduler looks at that."""
    belief = next((each.belief for each in schedulers if isinstance(each.belief, PlacedBelief)), None)
    if belief is None:
        return
    for entry, images in zip(store.minions, belief.images, strict=True):
        entry.images = images
    if plane is None or plane.images is None or plane.kubelets is None:
        return
    plan = plane.plan.images
    assert plan is not None, "there are images where they are pulled"
    plane.images.told = NodeImages(
        engine=engine,
        store=store,
        streams=streams,
        calls=plane.kubelets.calls,
        constants=plane.plan.constants,
        minions=minions,
        there=plan.there,
    )
