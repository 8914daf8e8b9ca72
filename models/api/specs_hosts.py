"""What a scenario says of virtual machines: the hosts that they run on, and what being virtual costs a minion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field

from models.api.specs_distributions import DurationLaw
from models.api.specs_fields import CpuMillicores, DnsName, SizeBytes, Spec, number, whole
from models.api.specs_problems import FieldProblem
from sim.diagnostics import nearest_word
from sim.distributions import Uniform

__all__ = ["HOST_LABEL", "HostPool", "VirtualMachine", "VirtualPool", "host_problems"]

HOST_LABEL: Final = "wavetank/host"
"""A guest's label that says on which host it runs."""
_MAX_HOSTS: Final = 100_000
_BOOT: Final = Uniform(20.0, 60.0)
"""FACTS V15: a full virtual machine of a cloud image boots in 20 to 60 s."""
_GUEST_BYTES: Final = 300 * 2**20
"""FACTS V16: guest kernel and base userland take 100 to 500 MB."""
_VMM_BYTES: Final = 130_000_000
"""FACTS V17: what a QEMU process takes beside its guest's memory."""
_SPEED: Final = 0.98
"""FACTS V3: KVM, pinned, does 284.2 of the host's 290.8 GFLOPS."""

VirtualPool = tuple[int, str, int, int, int, "VirtualMachine"]
"""(place in the list of pools, name, minions, millicores, bytes of memory of each, what it says of being virtual)"""


class HostPool(Spec):
    """Hosts of virtual machines; no pods run on them.

    Attributes:
        count: None for a single host that has the pool's own name.
    """

    name: DnsName = Field(description="the name of these hosts")
    count: Annotated[int, whole("a number of hosts", 1, _MAX_HOSTS)] | None = Field(
        None, description="a number of hosts, as 4"
    )
    cpu_millicores: CpuMillicores = Field(alias="cpu", description="an amount of CPU in cores, as 64")
    memory_bytes: SizeBytes = Field(alias="memory", description="a size with a unit, as 256Gi")

    @property
    def size(self) -> int:
        """The number of hosts."""
        return 1 if self.count is None else self.count

    def host_name(self, index: int) -> str:
        """NAME alone where no count was given, else NAME-0, NAME-1, ..."""
        return self.name if self.count is None else f"{self.name}-{index}"


class VirtualMachine(Spec):
    """What being virtual costs each minion of a pool; they are dealt to the hosts in turn.

    Attributes:
        host: A pool of hosts.
        boot: Seconds from the end of a repair until the minion is back.
        speed: What a virtual CPU does of what a CPU of the host does.
        guest_bytes: What the guest's kernel and its system take of the minion's memory: not for pods.
        vmm_bytes: What the host needs beside the minion's memory.
    """

    host: DnsName = Field(description="the name of hosts")
    boot: DurationLaw = Field(_BOOT, description="a time or distribution, as 125ms")
    speed: Annotated[float, number("a share of a host's CPU", 0.01, 1.0)] = Field(
        _SPEED, description="a share of a host's CPU, as 0.98"
    )
    guest_bytes: SizeBytes = Field(_GUEST_BYTES, alias="guestMemory", description="a size, as 300Mi")
    vmm_bytes: SizeBytes = Field(_VMM_BYTES, alias="vmmMemory", description="a size, as 5Mi")


def host_problems(hosts: Sequence[HostPool], guests: Sequence[VirtualPool]) -> list[FieldProblem]:
    """Return what is wrong between hosts and virtual machines, at paths of the cluster."""
    problems, first = [], dict[str, int]()
    for place, pool in enumerate(hosts):
        if pool.name in first:
            sentence = (
                f"the name '{pool.name}' is given twice: element {first[pool.name]} of hosts has it too"
            )
            problems.append(FieldProblem(sentence, ("hosts", place, "name"), code="duplicate-name"))
        first.setdefault(pool.name, place)
    for place, _, _, _, _, machine in guests:
        if machine.host not in first:
            near = nearest_word(machine.host, list(first))
            sentence = f"there are no hosts '{machine.host}' in this cluster"
            path = ("minions", place, "vm", "host")
            problems.append(FieldProblem(sentence, path, near, code="dangling-reference"))
    for place, pool in enumerate(hosts):
        if first[pool.name] == place:
            problems += _too_small(pool, [each for each in guests if each[-1].host == pool.name])
    return problems


def _too_small(pool: HostPool, guests: Sequence[VirtualPool]) -> list[FieldProblem]:
    """Return for what hosts of a pool are too small: a guest's CPUs, or the memory of all that are dealt to one."""
    problems = []
    needs, numbers, dealt = [0] * pool.size, [0] * pool.size, 0
    for place, _, count, millicores, memory_bytes, machine in guests:
        if millicores > pool.cpu_millicores:
            has = pool.cpu_millicores / 1000
            sentence = (
                f"a virtual machine of {millicores / 1000:g} CPUs needs a host of as many, not of {has:g}"
            )
            problems.append(FieldProblem(sentence, ("minions", place, "vm", "host"), code="does-not-fit"))
        for host in range(dealt, dealt + count):
            needs[host % pool.size] += memory_bytes + machine.vmm_bytes
            numbers[host % pool.size] += 1
        dealt += count
    most = max(needs)
    if most > pool.memory_bytes:
        host = needs.index(most)
        sentence = (
            f"the {numbers[host]} virtual machines of host '{pool.host_name(host)}' need {most / 2**30:.6g} GiB of "
            f"memory, of which it has {pool.memory_bytes / 2**30:.6g}: memory is not over-committed"
        )
        path = ("minions", guests[-1][0], "vm", "host")
        problems.append(FieldProblem(sentence, path, code="does-not-fit"))
    return problems
