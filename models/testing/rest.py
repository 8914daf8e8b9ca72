"""What must hold when nothing is wrong any more and all have had time: for tests, ours and users'.

Each property is a function of a world that was run; it returns sentences about what is broken, none if it holds. They
read all three layers, as nobody inside the simulation can, and compute everything afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from models.api.specs_taints import for_scheduling, keeps_off
from models.api.types import READY, Phase, Pod
from models.cluster.allocatable import allocatable_of
from models.control.disruption import scale_of, status_of
from models.control.objects import ServiceObject
from models.control.replication import ReplicaDigest
from models.control.replicationbelief import ACTIVE, STANDING
from models.world import World

__all__ = ["PROPERTIES", "broken_at_rest"]

Property = Callable[[World], Iterable[str]]


def minions_are_ready(world: World) -> Iterator[str]:
    """Every minion is up, said to be ready, and bears no taint that speaks of its silence."""
    for index, entry in enumerate(world.store.minions):
        if not world.fleet.up[index]:
            yield f"minion {index} is down"
        if not entry.ready:
            yield f"minion {index} is up and said not to be ready"
        for taint in entry.taints:
            if "unreachable" in taint:
                yield f"minion {index} is ready and has the taint {taint}"


def nothing_is_on_its_way(world: World) -> Iterator[str]:
    """No pod is terminating, or bound and not running."""
    for pod in world.pods_there():
        if pod.terminating:
            yield f"pod {pod.arrival} is terminating"
        if pod.phase is Phase.BOUND:
            yield f"pod {pod.arrival} is bound to minion {pod.minion} and does not run"


def counts_are_reached(world: World) -> Iterator[str]:
    """Every controller has as many active pods as it was asked for; what is not ready waits for room."""
    assert world.plane is not None, "a world with controllers has a control plane"
    for name, controller in world.plane.controllers.items():
        active = [pod for pod in controller.pods.values() if ACTIVE[pod.word]]
        if controller.deletion is not None:
            if not controller.gone:
                yield f"{name} is deleted ({controller.deletion}) and still there"
            if active and controller.deletion != "orphan":
                yield f"{name} is gone and has {len(active)} pods"
            continue
        if len(active) != controller.desired:
            yield f"{name} has {len(active)} active pods, not {controller.desired}"
        waiting = [pod for pod in active if not pod.ready]
        pending = [pod for pod in waiting if pod.phase is Phase.PENDING]
        if len(waiting) != len(pending):
            yield f"{name} lacks {len(waiting)} ready pods, but {len(pending)} are pending"
        written = controller.status
        if (written.replicas, written.ready) != (len(active), len(active) - len(waiting)):
            yield f"{name} has {len(active)} pods, {len(active) - len(waiting)} ready, and says {written}"


def pending_pods_fit_nowhere(world: World) -> Iterator[str]:
    """No pending pod fits any ready minion, by the scheduler's filters over the record itself."""
    world.scheduler.client.catch_up()  # it leaves news of room unread while nobody waits
    resources = world.plan.resources
    free = [list(allocatable_of(ask, resources)) for ask in world.plan.minions]
    for index, pods in enumerate(world.store.bound):
        for pod in pods.values():
            free[index] = [have - need for have, need in zip(free[index], pod.template.need, strict=True)]
    for index, row in enumerate(free):
        if tuple(row) != tuple(int(amount) for amount in world.belief.free[index]):
            yield f"minion {index} has {row} free, and the scheduler believes {list(world.belief.free[index])}"
    for pod in world.pods_there():
        if pod.phase is not Phase.PENDING:
            continue
        for index, entry in enumerate(world.store.minions):
            closed = keeps_off(entry.taints, for_scheduling(pod.template.tolerations))
            enough = all(have >= need for have, need in zip(free[index], pod.template.need, strict=True))
            if entry.ready and not closed and enough and world.belief.eligible(pod.template)[index]:
                yield f"pod {pod.arrival} is pending and fits minion {index}"
                break


def endpoints_are_the_ready_pods(world: World) -> Iterator[str]:
    """The endpoints of every service are the ready pods that it selects; those not ready are listed so."""
    assert world.plane is not None, "a world with services has a control plane"
    for name, service in world.plane.services.items():
        selected = {pod.arrival: pod for pod in _selected(world, service)}
        ready = {arrival for arrival, pod in selected.items() if pod.word & READY}
        if set(service.endpoints) != ready:
            yield f"the endpoints of {name} are {sorted(service.endpoints)}, its ready pods {sorted(ready)}"
        if set(service.unready) != set(selected) - ready:
            yield f"{name} lists {sorted(service.unready)} as not ready, not {sorted(set(selected) - ready)}"


def _selected(world: World, service: ServiceObject) -> Iterator[Pod]:
    for pod in world.pods_there():
        matches = pod.template.namespace == service.namespace and service.selector.matches(dict(pod.labels))
        if matches and pod.phase is Phase.RUNNING and not pod.terminating:
            yield pod


def budgets_are_counted_afresh(world: World) -> Iterator[str]:
    """Every disruption budget says what its pods and their controllers come to, and no eviction is on its way."""
    assert world.plane is not None, "a world with budgets has a control plane"
    controllers = {each.identity: each for each in world.plane.controllers.values() if not each.gone}
    for budget in world.plane.budgets.objects.values():
        pods = [
            pod
            for pod in world.pods_there()
            if budget.selector is not None
            and pod.template.namespace == budget.namespace
            and budget.selector.matches(dict(pod.labels))
        ]
        healthy = sum(
            pod.phase is Phase.RUNNING and bool(pod.word & READY) and not pod.terminating for pod in pods
        )
        owners = {pod.owner: controllers.get(pod.owner) for pod in pods}
        scale = scale_of(
            (None if each is None else each.desired for each in owners.values()), budget.rules.known
        )
        expected = status_of(budget.rules, len(pods), healthy, scale, budget.status)
        if budget.status != expected or budget.disrupted:
            yield f"{budget.namespace}/{budget.name} says {budget.status}, not {expected}; {budget.disrupted}"


def truth_is_the_record(world: World) -> Iterator[str]:
    """Minions run what is bound to them, all of it and nothing else, and not more than is allocatable."""
    for index, bound in enumerate(world.store.bound):
        there = {pod.arrival for pod in world.fleet.pods(index)}
        if there != set(bound):
            yield f"minion {index} has {sorted(there)}, and {sorted(bound)} are bound to it"
        for pod in bound.values():
            if pod.phase is Phase.RUNNING and not world.fleet.runs(pod):
                yield f"pod {pod.arrival} is said to run, and does not"
    for told in (world.fleet.overcommitted(), world.fleet.adds_up(), world.store.conservation()):
        if told is not None:
            yield told


def digests_are_fresh(world: World) -> Iterator[str]:
    """What the replication manager counts is what the pods of the record give."""
    assert world.plane is not None, "a world with controllers has a control plane"
    world.plane.replication.client.catch_up()
    for name, controller in world.plane.controllers.items():
        found = world.plane.replication.belief.by_owner.get(controller.identity)
        if (found is None) != controller.gone:
            yield f"{name} is {'gone' if controller.gone else 'there'}, and its manager thinks otherwise"
        elif found is not None:
            fresh = ReplicaDigest.fresh(STANDING[pod.word] for pod in controller.pods.values())
            if found.digest != fresh:
                yield f"the manager counts {found.digest} for {name}, and its pods give {fresh}"


def owners_are_there(world: World) -> Iterator[str]:
    """Every pod that has a controller is in that controller's list, and it in no other; orphans are nobody's match."""
    assert world.plane is not None, "a world with controllers has a control plane"
    there = {each.identity: each for each in world.plane.controllers.values()}
    for pod in world.pods_there():
        owner = there.get(pod.owner)
        if owner is not None and (owner.gone or pod.arrival not in owner.pods):
            yield f"pod {pod.arrival} is owned by {owner.name}, which is gone or does not list it"
        for each in there.values():
            if each.identity != pod.owner and pod.arrival in each.pods:
                yield f"pod {pod.arrival} is in the list of {each.name}, which does not own it"
            matches = each.namespace == pod.template.namespace and each.selector.matches(dict(pod.labels))
            if pod.owner == each.identity and ACTIVE[pod.word] and not matches:
                yield f"pod {pod.arrival} is owned by {each.name}, which does not select it"
            if pod.owner < 0 and ACTIVE[pod.word] and matches and each.deletion is None:
                yield f"pod {pod.arrival} is an orphan that {each.name} selects"


PROPERTIES: tuple[Property, ...] = (
    minions_are_ready,
    nothing_is_on_its_way,
    counts_are_reached,
    pending_pods_fit_nowhere,
    endpoints_are_the_ready_pods,
    budgets_are_counted_afresh,
    truth_is_the_record,
    digests_are_fresh,
    owners_are_there,
)
"""All of them."""


def broken_at_rest(world: World) -> list[str]:
    """Return what does not hold at the end of a run whose faults were over long before."""
    return [sentence for each in PROPERTIES for sentence in each(world)]
