"""From a crash and virtual machines, as asked, to what fails as one and what boots."""

from __future__ import annotations

from collections.abc import Sequence

from models.api.specs import Cluster, Fault, MinionPool, MinionTrace
from models.api.specs_hosts import HOST_LABEL
from models.api.types import MinionAsk
from models.controlplan import chosen_minions
from models.failures.crash import FailsAsOne, FaultPlan
from models.machines.guests import Guest

__all__ = ["fault_plan", "guests_of", "host_label"]


def fault_plan(fault: Fault, minions: Sequence[MinionAsk]) -> FaultPlan:
    """Return the plan of a crash."""
    assert fault.crash is not None, "the others are operations"
    return FaultPlan(
        name=fault.name,
        domains=_domains(chosen_minions(fault.crash, minions), fault.crash.together, minions),
        at_s=fault.at_s,
        failure=fault.time_to_failure,
        repair=fault.repair,
        stationary=fault.start == "stationary",
    )


def _domains(chosen: Sequence[int], label: str | None, minions: Sequence[MinionAsk]) -> list[FailsAsOne]:
    """Return what fails as one, in the order of the first minions; a domain's draws are of its value's place."""
    alone = [FailsAsOne((i,), minions[i].pool, minions[i].index) for i in chosen]
    if label is None:
        return alone
    members: dict[str, list[int]] = {}
    for ask in minions:  # numbered over all minions, so that who is chosen does not change what is drawn
        if label in ask.labels:
            members.setdefault(ask.labels[label], [])
    for i in chosen:
        if label in minions[i].labels:
            members[minions[i].labels[label]].append(i)
    found = [
        FailsAsOne(tuple(each), f"{label}=", number) for number, each in enumerate(members.values()) if each
    ]
    return [*found, *(each for each in alone if label not in minions[each.minions[0]].labels)]


def host_label(pool: MinionPool | MinionTrace, place: int, hosts: dict[str, list[str]]) -> dict[str, str]:
    """Return the label that says on which host a minion of a pool runs, if it is virtual: they are dealt in turn."""
    if not isinstance(pool, MinionPool) or pool.vm is None:
        return {}
    names = hosts[pool.vm.host]
    return {HOST_LABEL: names[place % len(names)]}


def guests_of(cluster: Cluster, minions: Sequence[MinionAsk]) -> dict[int, Guest]:
    """Return the minions that are virtual machines, by index."""
    cores = {host.name: host.cpu_millicores / 1000 for host in cluster.hosts}
    virtual = {
        pool.name: pool.vm for pool in cluster.minions if isinstance(pool, MinionPool) and pool.vm is not None
    }
    return {
        i: Guest(
            ask.labels[HOST_LABEL],
            cores[virtual[ask.pool].host],
            virtual[ask.pool].boot,
            virtual[ask.pool].speed,
        )
        for i, ask in enumerate(minions)
        if ask.pool in virtual
    }
