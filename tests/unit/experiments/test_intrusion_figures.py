"""What a run's summary says of attackers, held against its journal record by record."""

from __future__ import annotations

import pytest

from experiments.checking import read_checked
from experiments.isolation.figures import intrusion_figures
from experiments.isolation.plots import draw_intrusions, intrusion_pictures
from experiments.journalfiles import open_run
from experiments.run import execute
from experiments.sweepmetrics import metrics_of
from experiments.tables import run_sections

TEXT = """apiVersion: wavetank/v1
name: figures
seed: 2
until: 12h
cluster: {minions: [{name: web, count: 4, cpu: 8, memory: 32Gi, kernel: {version: "5.10", cgroup: v2}}]}
policy: {scheduler: worst-fit}
controllers:
  - {name: shop, replicas: 6, pod: {cpu: 500m, memory: 512Mi}}
  - {name: bank, namespace: money, replicas: 6, pod: {cpu: 500m, memory: 512Mi}}
isolation: {default: kubernetes, parameters: {public-exploit: 30m, stolen-credentials: 3h}}
faults:
  - {name: break-in, at: 1h, compromise: {pods: shop, count: 1, does: [spread], detect: 4h, respond: [rebuild], rebuilt: 10m}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    path = folder / "figures.yaml"
    path.write_text(TEXT)
    (folder / "run").mkdir()
    outcome = execute(read_checked(path), folder / "run", interruptible=False)
    return folder / "run", outcome.summary


def test_figures_are_those_of_the_journal(run):
    folder, summary = run
    events = open_run(folder).events().collect().to_dicts()
    found = summary["intrusions"]
    taken = [row for row in events if row["kind"] == "minion_taken"]
    assert found["attacks"] == found["took_a_minion"] == found["took_a_minion_ratio"] == 1
    assert found["minions_taken"] == len({row["object"] for row in taken})
    assert found["first_taken_s"] == min(row["time_s"] for row in taken) - 3600
    assert found["detected"] == 1
    assert found["won"]["host-root"] == 1


def test_who_is_reached_was_there_while_the_attacker_was(run):
    """By hand: minutes in which he has what reaches others, and pods that were bound there meanwhile."""
    folder, summary = run
    events = open_run(folder).events().collect().to_dicts()
    where, gone = {}, {}
    for row in events:
        if row["kind"] == "pod_bound":
            where[row["object"]] = (row["minion"], row["time_s"])
        elif row["kind"] in ("pod_removed", "pod_failed", "pod_lost"):
            gone.setdefault(row["object"], row["time_s"])
    reached = set()
    for row in events:
        if row["kind"] != "privilege_won" or not row["privilege_won_reaches"]:
            continue
        lost = [e["time_s"] for e in events if e["kind"] == "foothold_lost" and e["minion"] == row["minion"]]
        until_s = max((t for t in lost if t >= row["time_s"]), default=1e9)
        for pod, (minion, bound_s) in where.items():
            if minion == row["minion"] and bound_s <= until_s and gone.get(pod, 1e9) >= row["time_s"]:
                reached.add(pod)
    (began,) = [row for row in events if row["kind"] == "pod_compromised"]
    reached.discard(began["object"])
    assert summary["intrusions"]["pods_reached"] == len(reached) > 3
    assert summary["intrusions"]["tenants_reached"] == 2


def test_tables_and_sweeps_have_them(run):
    _, summary = run
    (section,) = [each for each in run_sections(summary) if each.title == "Attackers"]
    assert ("minions taken", str(summary["intrusions"]["minions_taken"])) in section.rows
    assert metrics_of(summary)["attacks that took a minion"] == 1.0
    assert metrics_of(summary)["pods reached by attackers"] == summary["intrusions"]["pods_reached"]


def test_a_run_without_attackers_has_none(tmp_path):
    path = tmp_path / "quiet.yaml"
    path.write_text(TEXT.replace("{name: break-in, at", "{name: break-in, enabled: false, at"))
    (tmp_path / "run").mkdir()
    outcome = execute(read_checked(path), tmp_path / "run", interruptible=False)
    assert outcome.summary["intrusions"] is None
    assert intrusion_figures(open_run(tmp_path / "run")) is None
    assert metrics_of(outcome.summary)["minions taken"] is None


def test_the_picture_shows_how_many_minions_he_has(run):
    folder, summary = run
    files = open_run(folder)
    rows = [row for row in files.events().collect().to_dicts() if row["kind"] == "minion_taken"]
    figure = draw_intrusions(files, summary)
    lines = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    held = lines["minions in attackers' hands"].get_ydata()
    assert max(held) == max(
        1 + sum(other["time_s"] < row["time_s"] and not _lost(files, other, row) for other in rows)
        for row in rows
    )
    assert held[-1] < max(held), "what was built anew is not his"
    assert list(lines["noticed"].get_xdata())
    (told,) = intrusion_pictures(files, summary, "")
    assert told[0] == "Attackers over time"


def _lost(files, taken, until):
    lost = [
        row
        for row in files.events().collect().to_dicts()
        if row["kind"] == "foothold_lost" and row["reason"] == "the minion is built anew"
    ]
    return any(
        row["minion"] == taken["object"] and taken["time_s"] < row["time_s"] <= until["time_s"]
        for row in lost
    )
