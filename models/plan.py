"""From a scenario, as asked, to a plan that a world is made from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from models.api.protocols import PlacingPolicy, WorkloadSource
from models.api.qos import qos_class
from models.api.selectors import EVERYTHING
from models.api.specs import (
    GeneratedWorkload,
    ManifestWorkload,
    MinionPool,
    MinionTrace,
    Scenario,
    TraceWorkload,
)
from models.api.specs_cluster import deal_domains
from models.api.specs_control import INSTANT
from models.api.specs_controllers import Controller
from models.api.specs_hosts import HOST_LABEL
from models.api.specs_manifests import ManifestPod
from models.api.specs_taints import BEARS_PRESSURE
from models.api.specs_workloads import PodSpec
from models.api.types import (
    DEFAULT_SCHEDULER,
    JOB_LABEL,
    GpuDevices,
    MinionAsk,
    PodAsk,
    PodTemplate,
    ResourceTable,
)
from models.api.usage import Usage
from models.behaviours import Behaviours
from models.catalog import make_blamed_policy
from models.cluster.placedbelief import Placing
from models.control.rollouts import CORDONED
from models.controlplan import (
    budget_plans,
    control_plan,
    controller_plan,
    operation_plan,
    service_plans,
)
from models.faultplan import deal_guests, fault_plan, guests_of
from models.isolationplan import attacked_rules, rules_of, without_its_needs
from models.parameters import RESOURCE_WORDS
from models.placingplan import placing_of
from models.schedulerplan import scheduler_plans
from models.snapshotplan import is_new, snapshot_of
from models.workloads import openb, table
from models.workloads.generator import Batches, Generator, Poisson, Together
from models.workloads.listed import Listed
from models.workloads.templates import TemplateTable
from models.workloads.tracing import Trace, TraceOptions, TraceRow
from models.worldplan import Plan
from sim.distributions import Constant
from sim.streams import Streams

__all__ = ["make_plan"]


def make_plan(scenario: Scenario, *, max_events: int | None = None) -> Plan:
    """Make a plan: minions by name, sources, the policy, faults by index.

    Raises:
        TraceError: A trace has bad rows.
        UnknownPluginError, PluginParameterError: The policy cannot be made.
        PluginError: Its own code raised while it was.
    """
    instant = scenario.master.timing == INSTANT
    streams = Streams(scenario.seed)
    resources = ResourceTable(_extended(scenario))
    templates = TemplateTable(resources)
    hosts = deal_guests(scenario.cluster)
    minions = [ask for pool in scenario.all_minions for ask in _minions(pool, hosts.get(pool.name, ()))]
    bears = (
        not instant
        and _holds_memory(scenario)
        and scenario.constant_values["memory_pressure_tolerated_count"]
    )
    make = partial(_pod_template, templates, None if instant else scenario.constant_values, bool(bears))
    needy = scenario.isolation is not None and scenario.isolation.needs
    suffers = partial(without_its_needs, rules_of(scenario)) if needy else None
    behaviours = Behaviours(scenario.behaviour, scenario.caps, suffers)
    sources = [
        (workload.name, _source(workload, streams, templates, make, behaviours))
        for workload in scenario.workloads
    ]
    until_s = math.inf if scenario.until_s is None else scenario.until_s
    faults = [fault for fault in scenario.faults if fault.enabled]
    called = {each.key: each.spec.key for each in scenario.manifests if isinstance(each.spec, Controller)}
    answers = {f"controller/{each.key}": names for each, names in scenario.named_controllers}
    plugin = scenario.policy.scheduler
    words = (*RESOURCE_WORDS, *resources.extended)
    policy = make_blamed_policy(plugin, words, scenario.seed)
    schedulers = scheduler_plans(
        scenario, minions, lambda each: make_blamed_policy(each, words, scenario.seed)
    )
    places = any(isinstance(each, PlacingPolicy) for each in (policy, *(each.policy for each in schedulers)))
    control = control_plan(scenario, minions)
    return Plan(
        seed=scenario.seed,
        until_s=until_s,
        resources=resources,
        minions=minions,
        templates=templates.templates,
        sources=sources,
        policy=policy,
        policy_name=plugin.name,
        streams=streams,
        faults=[fault_plan(fault, minions) for fault in faults if fault.crash is not None],
        guests=guests_of(scenario.cluster, minions),
        control=control,
        controllers=[
            controller_plan(each, make(behaviours.of(each.pod, *names)))
            for each, names in scenario.named_controllers
        ],
        services=service_plans(scenario),
        budgets=budget_plans(scenario),
        isolation=attacked_rules(scenario),
        snapshot=snapshot_of(scenario, minions, make, behaviours),
        placing=placing_of(scenario, minions, None if control is None else control.images)
        if places
        else Placing(),
        schedulers=schedulers,
        operations=[
            operation_plan(fault, minions, called, answers) for fault in faults if fault.crash is None
        ],
        checks=scenario.checks,
        decisions=scenario.journal.scheduling == "full",
        uses_cpu=any(
            each.uses is not None
            for each in (
                *(controller.pod for controller in scenario.all_controllers),
                *(w.pod if isinstance(w, GeneratedWorkload) else w for w in _sources(scenario)),
            )
        )
        or any(each.takes_cpu for each in _container_uses(scenario)),
        max_events=max_events,
    )


def _holds_memory(scenario: Scenario) -> bool:
    """Whether containers say what memory they hold: only then do minions come to be low on it."""
    return any(each.memory is not None for each in _container_uses(scenario))


def _container_uses(scenario: Scenario) -> Iterator[Usage]:
    """Yield what containers say that they use."""
    pods = [
        *(controller.pod for controller in scenario.all_controllers),
        *(work.pod for work in scenario.workloads if isinstance(work, GeneratedWorkload)),
    ]
    told = [
        each.behaviour
        for pod in pods
        if pod.containers is not None
        for each in (*pod.containers.init_containers, *pod.containers.containers)
    ]
    told += [rule.behaviour for rule in scenario.behaviour if rule.enabled]
    for each in told:
        if each.uses is not None:
            yield each.uses


def _sources(scenario: Scenario) -> Iterable[GeneratedWorkload | TraceWorkload]:
    return (w for w in scenario.workloads if isinstance(w, GeneratedWorkload | TraceWorkload))


def _extended(scenario: Scenario) -> Iterable[str]:
    for pool in scenario.all_minions:
        if isinstance(pool, MinionPool):
            yield from pool.extended
    for workload in scenario.workloads:
        if isinstance(workload, GeneratedWorkload):
            yield from workload.pod.extended
    for controller in scenario.all_controllers:
        yield from controller.pod.extended
    for each in scenario.manifests:
        if isinstance(each.spec, ManifestPod):
            yield from each.spec.pod.extended


def _minions(pool: MinionPool | MinionTrace, hosts: Sequence[str]) -> Sequence[MinionAsk]:
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
    guest_bytes = pool.vm.guest_bytes if isinstance(pool, MinionPool) and pool.vm is not None else 0
    return [
        dataclasses.replace(
            ask,
            kernel=pool.kernel.of_minions(pool.pids),
            disk_bytes_per_s=math.inf if pool.disk is None else float(pool.disk.bandwidth_bytes_per_s),
            reserved_cpu_millicores=pool.reserved.cpu_millicores,
            reserved_memory_bytes=pool.reserved.memory_bytes + guest_bytes,
            reserved_ephemeral_bytes=pool.reserved.ephemeral_storage_bytes,
            labels={
                **ask.labels,
                **pool.labels,
                **deal_domains(pool.domains, place, len(asks)),
                **({HOST_LABEL: hosts[place]} if hosts else {}),
            },
            taints=(*(str(taint) for taint in pool.taints), *((CORDONED,) if pool.cordoned else ())),
        )
        for place, ask in enumerate(asks)
    ]


Templates = Callable[..., PodTemplate]


def _source(
    workload: GeneratedWorkload | TraceWorkload | ManifestWorkload,
    streams: Streams,
    templates: TemplateTable,
    make: Templates,
    behaviours: Behaviours,
) -> WorkloadSource:
    if isinstance(workload, TraceWorkload):
        return _trace(workload, streams, templates, behaviours)
    if isinstance(workload, ManifestWorkload):
        return Listed(
            [
                PodAsk(
                    each.spec.name,
                    index,
                    make(behaviours.of(each.spec.pod, each.name, each.key, workload.name)),
                )
                for index, each in enumerate(workload.objects)
                if isinstance(each.spec, ManifestPod) and is_new(each)
            ]
        )
    return _generator(workload, streams, behaviours.of(workload.pod, workload.name), make)


def _pod_template(
    templates: TemplateTable,
    constants: Mapping[str, float] | None,
    bears: bool,
    pod: PodSpec,
    cpu_millicores: int | None = None,
    memory_bytes: int | None = None,
) -> PodTemplate:
    """Return the template of a pod's spec, with drawn sizes where there are any; no constants: nothing taints.

    ``bears``: it tolerates minions that are low on memory, unless it is of class BestEffort.
    """
    cpu = math.ceil(pod.cpu_millicores.mean) if cpu_millicores is None else cpu_millicores
    memory = round(pod.memory_bytes.mean) if memory_bytes is None else memory_bytes
    tolerations = () if constants is None else pod.admitted_tolerations(constants)
    if bears and (cpu or memory if pod.containers is None else qos_class(pod.containers) != "BestEffort"):
        tolerations = (*tolerations, BEARS_PRESSURE)
    return templates.intern(
        cpu,
        memory,
        round(pod.ephemeral_storage_bytes.mean),
        extended=pod.extended,
        gpu=pod.gpu,
        labels=pod.labels,
        namespace=pod.namespace,
        priority=pod.priority,
        minions=None if pod.minions == EVERYTHING else pod.minions,
        tolerations=tolerations,
        grace_s=math.inf if constants is None else _grace_s(pod, constants),
        containers=pod.containers,
        scheduling=pod.scheduling,
        preempts=pod.preempts,
        uses=pod.usage,
        scheduler=pod.scheduler_name or DEFAULT_SCHEDULER,
    )


def _or_never(time_s: float | None) -> float:
    return math.inf if time_s is None else time_s


def _grace_s(pod: PodSpec, constants: Mapping[str, float]) -> float:
    return constants["termination_grace_s"] if pod.grace_s is None else pod.grace_s


def _generator(workload: GeneratedWorkload, streams: Streams, pod: PodSpec, make: Templates) -> Generator:
    template = partial(make, pod)
    fixed = isinstance(pod.cpu_millicores, Constant) and isinstance(pod.memory_bytes, Constant)
    if fixed:
        # Known before the run, so that stranded capacity is asked of every template from the start.
        only = template()
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
        gpu=pod.gpu,
        fails=workload.ends == "Failed",
        give_up_after_s=_or_never(workload.give_up_after_s),
        withdraw_after_s=_or_never(workload.withdraw_after_s),
        jobs=arrivals.batch is not None and JOB_LABEL in pod.labels,
    )


def _trace(
    workload: TraceWorkload, streams: Streams, templates: TemplateTable, behaviours: Behaviours
) -> Trace:
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

    def template(row: TraceRow) -> PodTemplate:
        uses = None if workload.uses is None else behaviours.usage(workload.uses, row.labels, workload.name)
        return templates.intern(
            row.cpu_millicores, row.memory_bytes, gpu=row.gpu, labels=row.labels, uses=uses
        )

    return Trace(workload.name, streams, rows, options, template, give_up_after_s=give_up_s)
