"""From a crash and virtual machines, as asked, to what fails as one and what boots."""

from __future__ import annotations

from collections.abc import Sequence

from models.api.specs import Cluster, Fault, MinionPool
from models.api.specs_hosts import HOST_LABEL
from models.api.types import MinionAsk
from models.controlplan import chosen_minions
from models.failures.crash import FailsAsOne, FaultPlan
from models.machines.guests import Guest

__all__ = ["deal_guests", "fault_plan", "guests_of"]


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


def deal_guests(cluster: Cluster) -> dict[str, list[str]]:
    """Return by pool of virtual machines the host of each: those of one pool of hosts are dealt in turn."""
    hosts = {pool.name: pool for pool in cluster.hosts}
    dealt = dict.fromkeys(hosts, 0)
    found: dict[str, list[str]] = {}
    for pool in cluster.minions:
        if isinstance(pool, MinionPool) and pool.vm is not None:
            on, first = hosts[pool.vm.host], dealt[pool.vm.host]
            found[pool.name] = [on.host_name((first + i) % on.size) for i in range(pool.size)]
            dealt[pool.vm.host] = first + pool.size
    return found


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
