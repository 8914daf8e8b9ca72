"""From a scenario, as asked, to a plan that a world is made from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from models.api.selectors import EVERYTHING
from models.api.specs import (
    Fault,
    GeneratedWorkload,
    ManifestWorkload,
    MinionPool,
    MinionTrace,
    Scenario,
    TraceWorkload,
)
from models.api.specs_control import INSTANT
from models.api.types import GpuDevices, MinionAsk, PodTemplate, ResourceTable
from models.catalog import make_policy
from models.parameters import RESOURCE_WORDS
from models.workloads import openb, table
from models.workloads.generator import Batches, Generator, Poisson, Together
from models.workloads.templates import TemplateTable
from models.workloads.tracing import Trace, TraceOptions, TraceRow
from models.world import FaultPlan, Plan
from sim.diagnostics import Diagnostic
from sim.distributions import Constant
from sim.errors import ScenarioError
from sim.streams import Streams

__all__ = ["make_plan"]


def make_plan(scenario: Scenario, *, max_events: int | None = None) -> Plan:
    """Make a plan: minions by name, sources, the policy, faults by index.

    Raises:
        ScenarioError: A timing that is not simulated.
        TraceError: A trace has bad rows.
        UnknownPluginError, PluginParameterError: The policy cannot be made.
    """
    if scenario.master.timing != INSTANT:
        message = f"timing {scenario.master.timing} can be checked but not run: only {INSTANT} is simulated"
        raise ScenarioError([Diagnostic(message, scenario.name, code="unsupported")])
    streams = Streams(scenario.seed)
    resources = ResourceTable(_extended(scenario))
    templates = TemplateTable(resources)
    minions = [ask for pool in scenario.cluster.minions for ask in _minions(pool)]
    sources = [
        (workload.name, _source(workload, streams, templates))
        for workload in scenario.workloads
        if not isinstance(workload, ManifestWorkload)
    ]
    until_s = math.inf if scenario.until_s is None else scenario.until_s
    plugin = scenario.policy.scheduler
    return Plan(
        seed=scenario.seed,
        until_s=until_s,
        resources=resources,
        minions=minions,
        templates=templates.templates,
        sources=sources,
        policy=make_policy(plugin, (*RESOURCE_WORDS, *resources.extended)),
        policy_name=plugin.name,
        streams=streams,
        faults=[_fault(fault, minions) for fault in scenario.faults if fault.enabled],
        checks=scenario.checks,
        max_events=max_events,
    )


def _extended(scenario: Scenario) -> Iterable[str]:
    for pool in scenario.cluster.minions:
        if isinstance(pool, MinionPool):
            yield from pool.extended
    for workload in scenario.workloads:
        if isinstance(workload, GeneratedWorkload):
            yield from workload.pod.extended


def _minions(pool: MinionPool | MinionTrace) -> Sequence[MinionAsk]:
    if isinstance(pool, MinionTrace):
        rows = openb.read_minions(pool.trace.file, pool.name)[pool.trace.first :: pool.trace.every]
        asks = [dataclasses.replace(row, pods=pool.pods) for row in rows]
    else:
        asks = [
            MinionAsk(
                name=name,
                pool=pool.name,
                index=index,
                cpu_millicores=pool.cpu_millicores,
                memory_bytes=pool.memory_bytes,
                pods=pool.pods,
                ephemeral_bytes=pool.ephemeral_storage_bytes,
                extended=pool.extended,
                ready=pool.ready,
                gpu=pool.gpu or GpuDevices(0),
            )
            for index, name in enumerate(pool.minion_names())
        ]
    return [
        dataclasses.replace(
            ask,
            reserved_cpu_millicores=pool.reserved.cpu_millicores,
            reserved_memory_bytes=pool.reserved.memory_bytes,
            reserved_ephemeral_bytes=pool.reserved.ephemeral_storage_bytes,
            labels={**ask.labels, **pool.labels, **_domains(pool.domains, place, len(asks))},
        )
        for place, ask in enumerate(asks)
    ]


def _domains(domains: Mapping[str, tuple[str, ...] | int], place: int, count: int) -> dict[str, str]:
    """Deal a minion its domains: names in turn, or the number of its block of equal length."""
    return {
        key: f"{key}-{place * given // count}" if isinstance(given, int) else given[place % len(given)]
        for key, given in domains.items()
    }


def _source(
    workload: GeneratedWorkload | TraceWorkload, streams: Streams, templates: TemplateTable
) -> Generator | Trace:
    if isinstance(workload, TraceWorkload):
        return _trace(workload, streams, templates)
    return _generator(workload, streams, templates)


def _or_never(time_s: float | None) -> float:
    return math.inf if time_s is None else time_s


def _generator(workload: GeneratedWorkload, streams: Streams, templates: TemplateTable) -> Generator:
    pod = workload.pod
    ephemeral = round(pod.ephemeral_storage_bytes.mean)

    def template(cpu_millicores: int, memory_bytes: int) -> PodTemplate:
        return templates.intern(
            cpu_millicores,
            memory_bytes,
            ephemeral,
            extended=pod.extended,
            gpu=pod.gpu,
            labels=pod.labels,
            namespace=pod.namespace,
            priority=pod.priority,
            minions=None if pod.minions == EVERYTHING else pod.minions,
        )

    fixed = isinstance(pod.cpu_millicores, Constant) and isinstance(pod.memory_bytes, Constant)
    if fixed:
        # Known before the run, so that stranded capacity is asked of every template from the start.
        only = template(math.ceil(pod.cpu_millicores.mean), round(pod.memory_bytes.mean))
    arrivals = workload.arrivals
    law: Poisson | Batches | Together
    if arrivals.poisson is not None:
        law = Poisson(arrivals.poisson.rate_per_s)
    elif arrivals.batch is not None:
        law = Batches(arrivals.batch.every, arrivals.batch.size)
    else:
        assert arrivals.at_s is not None, "the schema demands one kind of arrivals"
        law = Together(arrivals.at_s)
    return Generator(
        name=workload.name,
        streams=streams,
        arrivals_law=law,
        count=workload.count,
        start_s=workload.start_s,
        duration=workload.duration,
        template=(lambda cpu, memory: only) if fixed else template,
        cpu=pod.cpu_millicores,
        memory=pod.memory_bytes,
        fails=workload.ends == "Failed",
        give_up_after_s=_or_never(workload.give_up_after_s),
        withdraw_after_s=_or_never(workload.withdraw_after_s),
    )


def _trace(workload: TraceWorkload, streams: Streams, templates: TemplateTable) -> Trace:
    spec = workload.trace
    if spec.format == "openb":
        rows, end_s = openb.read_rows(spec.file, spec.pods or openb.PODS_FILE)
    else:
        rows, end_s = table.read_rows(spec.file)
    options = TraceOptions(
        from_s=spec.from_s,
        end_s=end_s,
        every=spec.every,
        first=spec.first,
        compress=spec.compress,
        blocks_s=spec.blocks_s,
        by_file=spec.order == "file",
        leave=spec.leave,
    )
    give_up_s = _or_never(workload.give_up_after_s)
    template = partial(_row_template, templates)
    return Trace(workload.name, streams, rows, options, template, give_up_after_s=give_up_s)


def _row_template(templates: TemplateTable, row: TraceRow) -> PodTemplate:
    return templates.intern(row.cpu_millicores, row.memory_bytes, gpu=row.gpu, labels=row.labels)


def _fault(fault: Fault, minions: Sequence[MinionAsk]) -> FaultPlan:
    crash = fault.crash
    assert crash is not None, "timing instant has no other faults"
    if crash.minion is not None:
        chosen = tuple(i for i, ask in enumerate(minions) if ask.name == crash.minion)
    else:
        assert crash.minions is not None, "the schema demands a minion or a selector"
        chosen = tuple(
            i for i, ask in enumerate(minions) if crash.minions.matches(ask.labels, (ask.name, ask.pool))
        )
    return FaultPlan(
        name=fault.name,
        minions=chosen,
        at_s=fault.at_s,
        failure=fault.time_to_failure,
        repair=fault.repair,
        stationary=fault.start == "stationary",
    )
