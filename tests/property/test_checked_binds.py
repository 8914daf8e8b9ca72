"""Whatever schedulers decide at once: what the master checks is never bound beyond what there is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from models.control.checkedbinds import CheckedBinds
from tests.support.worlds import ran, records

PARTS = st.fixed_dictionaries(
    {
        "minions": st.integers(1, 4),
        "jobs": st.tuples(*[st.sampled_from(["incremental", "gang"])] * 2),
        "conflicts": st.tuples(*[st.sampled_from(["fine", "coarse"])] * 2),
        "policy": st.tuples(*[st.sampled_from(["best-fit", "first-fit", "random", "kubernetes"])] * 2),
        "per_job": st.tuples(*[st.sampled_from(["0s", "10ms", "700ms", "{exponential: {mean: 2s}}"])] * 2),
        "size": st.integers(1, 4),
        "cpu": st.tuples(*[st.sampled_from(["700m", "1", "2500m"])] * 2),
        "seed": st.integers(0, 10_000),
    }
)
NAMES = ("a", "b")


def scenario(parts: dict[str, object], commit: str = "checked") -> str:
    def row(name: str, place: int) -> str:
        said = {key: parts[key][place] for key in ("jobs", "conflicts", "policy", "per_job")}  # type: ignore[index]
        conflicts = f", conflicts: {said['conflicts']}" if commit == "checked" else ""
        return (
            f"  - {{name: {name}, commit: {commit}{conflicts}, jobs: {said['jobs']}, policy: {said['policy']}, "
            f"decision: {{perJob: {said['per_job']}, perPod: 20ms}}}}\n"
        )

    def work(name: str, place: int) -> str:
        pod = f"cpu: {parts['cpu'][place]}, memory: 512Mi, gpu: 0.4, labels: {{wavetank/job: j}}"  # type: ignore[index]
        return (
            f"  - {{name: {name}, arrivals: {{batch: {{every: {{exponential: {{mean: 2s}}}}, size: {parts['size']}}}}}, "
            f"duration: {{exponential: {{mean: 8s}}}}, count: 40, pod: {{{pod}, schedulerName: {name}}}}}\n"
        )

    return (
        f"seed: {parts['seed']}\nuntil: 2m\nchecks: full\n"
        f"cluster: {{minions: [{{name: m, count: {parts['minions']}, cpu: 4, memory: 8Gi, gpu: {{count: 2, model: T4}}}}]}}\n"
        "schedulers:\n"
        + "".join(map(row, NAMES, (0, 1)))
        + "workloads:\n"
        + "".join(map(work, NAMES, (0, 1)))
    )


@settings(max_examples=25, deadline=None)
@given(PARTS)
def test_checked_binds_never_exceed_what_there_is(parts: dict[str, object]) -> None:
    world = ran(scenario(parts))
    rows = records(world, "pod_bound", "pod_failed", "bind_refused", "decision_began", "pod_succeeded")
    assert not [row for row in rows if row["kind"] == "pod_failed"]
    # The record itself, counted anew: cpu of what is bound to each minion, after each bind.
    cpu = dict(zip(("workload/a", "workload/b"), (_millicores(c) for c in parts["cpu"]), strict=True))  # type: ignore[call-overload]
    used: dict[str, int] = {}
    decisions: dict[int, list[str]] = {}
    for row in rows:
        if row["kind"] == "pod_bound":
            used[row["minion"]] = used.get(row["minion"], 0) + cpu[row["owner"]]
            assert used[row["minion"]] <= 4000
        elif row["kind"] == "pod_succeeded":
            used[row["minion"]] -= cpu[row["owner"]]
        if row["kind"] in {"pod_bound", "bind_refused"}:
            decisions.setdefault(row["cause"], []).append(row["kind"])
    gangs = {f"scheduler/{name}" for name, jobs in zip(NAMES, parts["jobs"], strict=True) if jobs == "gang"}  # type: ignore[call-overload]
    for row in rows:
        if row["kind"] == "decision_began" and row["actor"] in gangs:
            assert len(set(decisions.get(row["seq"], ["none"]))) == 1, "all of a gang or none"


def _millicores(cpu: str) -> int:
    return int(cpu[:-1]) if cpu.endswith("m") else 1000 * int(cpu)


CONTENDED = {
    "minions": 2, "jobs": ("incremental", "gang"), "conflicts": ("fine", "coarse"), "policy": ("first-fit",) * 2,
    "per_job": ("10ms", "{exponential: {mean: 2s}}"), "size": 3, "cpu": ("1", "1"), "seed": 3,
}  # fmt: skip


def test_the_drawn_schedulers_do_conflict_and_unchecked_ones_overrun_the_kubelets() -> None:
    refused = [row["reason"] for row in records(ran(scenario(CONTENDED)), "bind_refused")]
    assert any(reason.startswith("conflict") for reason in refused)
    failed = [row["reason"] for row in records(ran(scenario(CONTENDED, "kubernetes")), "pod_failed")]
    assert failed
    assert all(reason.startswith("OutOf") for reason in failed)


def test_a_check_that_looks_at_nothing_is_found_out(monkeypatch: object) -> None:
    monkeypatch.setattr(CheckedBinds, "_conflict", lambda self, claim, seen, actor: None)  # type: ignore[attr-defined]
    assert records(ran(scenario(CONTENDED)), "pod_failed")
