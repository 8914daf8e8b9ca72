"""Attackers in a run: how soon they win, what they do, what is lost, and what it costs."""

from __future__ import annotations

import math
import tempfile
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from scipy import stats

from models.isolation.chances import chances_by
from models.isolation.graph import MIDDLE, attack_graph, corner
from models.isolation.matrix import BLOCKS, OPENS, matrix
from models.isolation.reading import shipped_catalogue
from models.isolation.rules import IsolationRules
from tests.support.worlds import ran, records

CATALOGUE = shipped_catalogue()
BARE = """apiVersion: wavetank/v1
extends: shipped
profiles:
  - {name: bare, about: nothing at all}
  - {name: bare-user, about: not as root, mechanisms: {add: [non-root]}}
  - {name: bare-guest, about: a machine of its own, mechanisms: {add: [vm]}}
"""


def scenario(
    minions=1,
    replicas=1,
    isolation="{default: kubernetes}",
    compromise="",
    until="30d",
    version="5.10",
    more="",
):
    return f"""until: {until}
cluster: {{minions: [{{name: web, count: {minions}, cpu: 64, memory: 512Gi, pods: 1000, kernel: {{version: "{version}", cgroup: v1}}}}]}}
controllers: [{{name: shop, replicas: {replicas}, pod: {{cpu: 10m, memory: 16Mi, labels: {{app: shop}}}}}}]
isolation: {isolation}
faults: [{{name: break-in, at: 1h, compromise: {{pods: shop{compromise}}}}}{more}]
"""


def won(world, privilege):
    return [row for row in records(world, "privilege_won") if row["reason"].startswith(f"{privilege} by ")]


def test_attackers_in_a_run_have_the_chances_of_the_chain():
    """600 break-ins at once, each with his own draws: the share that has the host's root an hour later."""
    world = ran(scenario(minions=6, replicas=600, until="2h"))
    rules = IsolationRules.of(CATALOGUE, _asked("kubernetes"))
    graph = attack_graph(
        CATALOGUE, rules.posture({"app": "shop"}, (), "5.10", "v1"), corner(CATALOGUE, MIDDLE)
    )
    (exact,) = chances_by(graph, ["host-root"], [3600.0])
    share = len(won(world, "host-root")) / 600
    assert len(records(world, "pod_compromised")) == 600
    assert 0.1 < exact < 0.9
    assert abs(share - exact) < stats.norm.ppf(0.995) * math.sqrt(exact * (1 - exact) / 600)


def _asked(profile):
    from models.api.specs_isolation import Isolation

    return Isolation(default=profile)


def test_what_is_won_follows_from_what_was_tried():
    world = ran(scenario())
    rows = {row["seq"]: row for row in records(world)}
    for row in records(world, "privilege_won"):
        cause = rows[row["cause"]]
        technique = row["reason"].split(" by ")[1]
        if cause["kind"] == "techniques_tried":
            assert technique in cause["reason"].split(", ")
            assert cause["time_s"] < row["time_s"]
        else:
            assert cause["kind"] in ("privilege_won", "pod_compromised")
            assert cause["time_s"] == row["time_s"], "what is given takes no time"
        assert row["value"] == pytest.approx(row["time_s"] - 3600)
    assert won(world, "host-root")


def test_the_greedy_attacker_tries_one_technique_at_a_time():
    world = ran(scenario(compromise=", attacker: greedy, goals: [host-root]"))
    tried = [row["reason"].split(", ") for row in records(world, "techniques_tried")]
    assert tried
    assert all(len(each) == 1 for each in tried)
    assert [row["reason"] for row in won(world, "host-root")] == [f"host-root by {tried[-1][0]}"]


def test_his_container_killed_he_wins_nothing_more():
    kill = ', {at: "3601s", kill: {pods: shop, mode: kill}}'
    for more, there in (("", True), (kill.replace('"', ""), False)):
        world = ran(scenario(isolation="{default: kubernetes, parameters: {overload: 10s}}", more=more))
        assert bool(won(world, "host-root")) is there
    (lost,) = records(world, "foothold_lost")
    assert lost["reason"] == "its processes have ended"


def test_a_deleted_pod_is_lost_at_once():
    world = ran(scenario(more=", {at: 3601s, kill: {pods: shop}}"))
    (lost,) = records(world, "foothold_lost")
    assert lost["reason"] == "its pod is gone"
    assert lost["time_s"] < 3610
    assert not won(world, "host-root")


def test_he_goes_from_minion_to_minion_each_once():
    world = ran(scenario(minions=5, replicas=5, compromise=", count: 1, does: [spread]"))
    taken = [row["object"] for row in records(world, "minion_taken")]
    assert len(taken) == len(set(taken)) == 5
    assert len(won(world, "another-minion")) == 4, "who has them all goes nowhere"
    times = [row["time_s"] for row in records(world, "minion_taken")]
    assert all(earlier < later for earlier, later in pairwise(times))
    alone = ran(scenario(minions=5, replicas=5, compromise=", count: 1"))
    assert len(records(alone, "minion_taken")) == 1


def test_he_kills_the_neighbours_of_a_minion_that_he_takes():
    world = ran(scenario(replicas=8, compromise=", count: 1, does: [kill]"))
    (taken,) = records(world, "minion_taken")
    stopped = [row for row in records(world, "pod_stopped") if row["time_s"] == taken["time_s"]]
    assert len(stopped) == 7
    (began,) = records(world, "pod_compromised")
    assert began["object"] not in [row["object"] for row in stopped]


def test_starved_neighbours_answer_no_probes_until_he_is_gone():
    probed = "containers: [{name: app, probes: {liveness: {period: 10s, failureThreshold: 1}}}]"
    text = scenario(
        replicas=3,
        until="3h",
        isolation="{default: kubernetes, parameters: {overload: 10s, public-exploit: 7d, operator-visit: 30d}}",
        compromise=", count: 1, does: [starve], detect: 10m, respond: [kill]",
    ).replace("cpu: 10m, memory: 16Mi", probed)
    world = ran(text)
    failed = [row["time_s"] for row in records(world, "probe_failed")]
    (starved,) = won(world, "minion-starved")
    answered = records(world, "intrusion_answered")[0]["time_s"]
    assert answered == pytest.approx(3600 + 600)
    assert failed
    assert min(failed) > starved["time_s"]
    assert max(failed) < answered + 11
    assert not [row for row in records(world, "probe_failed") if row["object"] == starved["actor"]]


def test_responses_are_given_in_order_and_free_the_minion():
    world = ran(
        scenario(
            minions=2,
            replicas=4,
            until="6h",
            isolation="{default: kubernetes, parameters: {public-exploit: 7d, operator-visit: 30d}}",
            compromise=", count: 1, detect: 5m, respond: [kill, cordon, drain, rebuild], rebuilt: 20m",
        )
    )
    answers = records(world, "intrusion_answered")
    assert [row["reason"] for row in answers] == ["kill", "cordon", "drain", "rebuild"]
    (detected,) = records(world, "intrusion_detected")
    assert detected["time_s"] == 3900
    (began,) = records(world, "pod_compromised")
    down = [row for row in records(world, "minion_crashed") if row["object"] == began["minion"]]
    up = [row for row in records(world, "minion_repaired") if row["object"] == began["minion"]]
    assert len(down) == len(up) == 1
    assert up[0]["time_s"] - down[0]["time_s"] == pytest.approx(1200)
    assert records(world, "minion_tainted")[-1]["reason"] in ("", None)


def test_a_minion_that_is_built_anew_is_no_longer_his():
    world = ran(
        scenario(
            minions=2,
            replicas=4,
            isolation="{default: kubernetes, parameters: {public-exploit: 10m}}",
            compromise=", count: 1, does: [spread], detect: 2h, respond: [rebuild], rebuilt: 20m",
        )
    )
    lost = [row["reason"] for row in records(world, "foothold_lost")]
    assert "the minion is built anew" in lost
    down = records(world, "minion_crashed")
    assert down
    for each in down:
        later = [
            row
            for row in records(world, "privilege_won")
            if row["minion"] == each["object"] and row["time_s"] > each["time_s"]
        ]
        assert not later or "credentials" in later[0]["reason"], "he came back from elsewhere"


def test_an_attack_costs_events_only_where_something_changes():
    texts = [
        scenario(minions=1000, replicas=1000, until="10d", compromise=f", count: {count}, detect: 5d")
        for count in (1, 3)
    ]
    quiet = texts[0].replace("at: 1h, compromise", "at: 1h, enabled: false, compromise")
    events = []
    for text in (quiet, *texts):
        world = ran(text)
        events.append(world.engine.dispatched)
    changes = len(records(world, "privilege_won", "intrusion_detected", "foothold_lost"))
    assert 0 < events[2] - events[0] <= changes
    assert events[1] - events[0] < events[2] - events[0]


def test_two_seeds_differ_and_one_repeats():
    digests = []
    for seed in (1, 1, 2):
        world = ran(scenario(), f"seed={seed}")
        digests.append(world.journal.digest())
    assert digests[0] == digests[1] != digests[2]


# Switches

PROVIDED = [name for mechanism in CATALOGUE.mechanisms for name in mechanism.provides]
GIVEN = [each.name for each in CATALOGUE.conditions if each.name not in PROVIDED and each.name != "cgroup-v1"]
ROWS = {row.name: row for row in matrix(CATALOGUE)}


@cache
def reference(on=(), closed=(), lacking=()):
    """What attackers try in the one reference scenario, and its digest.

    Into three pods that nothing isolates: one whose application runs as root, one that does not, one in a virtual
    machine. The kernel is of 2015, all that techniques ask of their surroundings is so but for what is lacking.
    """
    given = [name for name in (*GIVEN, *PROVIDED) if name not in lacking]
    isolation = (
        f"{{default: bare, catalogue: 'FOLDER/bare.yaml', mechanisms: {{add: [{', '.join(on)}]}}, closed: [{', '.join(closed)}], "
        f"conditions: {{add: [{', '.join(given)}], drop: [{', '.join(lacking)}]}}, "
        "pods: [{pods: user, profile: bare-user}, {pods: guest, profile: bare-guest}]}"
    )
    text = scenario(isolation=isolation, version="4.0", until="100d")
    pod = "pod: {cpu: 10m, memory: 16Mi, labels: {app: shop}}}"
    others = "".join(
        f", {{name: {name}, replicas: 1, {pod.replace('shop', name)}" for name in ("user", "guest")
    )
    text = text.replace(pod, pod + others).replace("{pods: shop}", "{pods: 'app in (shop, user, guest)'}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bare.yaml").write_text(BARE)
        world = ran(text.replace("FOLDER", folder))
    assert len(records(world, "pod_compromised")) == 3
    tried = [row["reason"].split(", ") for row in records(world, "techniques_tried")]
    return {name for each in tried for name in each}, world.journal.digest()


@pytest.mark.parametrize("mechanism", CATALOGUE.mechanisms, ids=lambda each: each.name)
def test_the_switch_of_a_mechanism_changes_the_run_as_the_matrix_says(mechanism):
    # What it provides is there through it alone, so that it is seen to open it.
    lacking = mechanism.provides
    before, digest = reference(lacking=lacking)
    after, other = reference((mechanism.name,), lacking=lacking)
    assert digest != other
    row = ROWS[mechanism.name]
    blocked, opened = (set(row.techniques(CATALOGUE, word)) for word in (BLOCKS, OPENS))
    if mechanism.moves is None:
        assert not opened & before
        assert after - before <= opened
        there = {t.name for t in CATALOGUE.techniques if not t.versions} & opened
        assert there - blocked <= after
    if (
        mechanism.moves is None and mechanism.name != "non-root"
    ):  # who has to win root first goes on from there
        assert not blocked & after
        assert before - after == blocked & before


@pytest.mark.parametrize("surface", CATALOGUE.surfaces, ids=lambda each: each.name)
def test_a_surface_that_is_taken_away_changes_the_run(surface):
    before, digest = reference()
    after, other = reference(closed=(surface.name,))
    assert digest != other
    carried = {t.name for t in CATALOGUE.techniques if t.surface == surface.name}
    assert carried & before
    assert not carried & after


# A real bomb


def bombed(caps="none", does="[fork]"):
    """Three pods on a minion of four CPUs; the attacker's first technique to succeed is the fork bomb."""
    return f"""until: 3h
cluster: {{minions: [{{name: web, cpu: 4, memory: 32Gi, kernel: {{version: "5.10", cgroup: v1}}}}]}}
caps: {caps}
controllers:
  - name: shop
    replicas: 3
    pod: {{labels: {{app: shop}}, containers: [{{name: app, cpu: 500m, memory: 64Mi, uses: {{cpu: 400m, processes: 8}},
      probes: {{liveness: {{period: 10s}}}}}}]}}
isolation: {{default: kubernetes, mechanisms: {{add: [memory-limit]}}, closed: [user-limits],
  parameters: {{overload: 30s, public-exploit: 7d, operator-visit: 30d}}}}
faults: [{{name: break-in, at: 1h, compromise: {{pods: shop, count: 1, does: {does}, detect: 10m, respond: [kill]}}}}]
"""


def test_an_attackers_fork_bomb_is_the_kernels_own():
    world = ran(bombed())
    (won_it,) = won(world, "minion-starved")
    assert won_it["reason"] == "minion-starved by fork-bomb"
    (began,) = records(world, "fork_bomb_began")
    assert (began["time_s"], began["cause"]) == (won_it["time_s"], won_it["seq"])
    assert began["object"] == won_it["actor"]
    assert records(world, "fork_bomb_grew")
    hurt = {row["object"] for row in records(world, "probe_failed") if row["time_s"] > began["time_s"]}
    assert hurt - {began["object"]}, "its neighbours feel it"
    (answered,) = records(world, "intrusion_answered")
    late = [row for row in records(world, "probe_failed") if row["time_s"] > answered["time_s"] + 600]
    assert not late, "with its container the bomb is gone"


def test_a_cap_on_processes_ends_the_bomb_and_weights_spare_the_neighbours():
    world = ran(bombed(caps="{default: quota-and-memory, pids: 64}"))
    (limited,) = records(world, "fork_bomb_limited")
    (began,) = records(world, "fork_bomb_began")
    assert limited["reason"] == "pids.max 64 of its pod"
    hurt = {row["object"] for row in records(world, "probe_failed")}
    assert hurt <= {began["object"]}


def test_his_bomb_is_as_large_as_one_of_a_scenarios_own():
    """Each meets the same memory limit with as many processes."""
    limited = bombed(caps="quota-and-memory").replace(
        "memory: 64Mi,", "memory: 64Mi, limits: {memory: 64Mi},"
    )
    ours = limited.replace("processes: 8", "processes: 8, forks: {at: 1h}").replace(
        "at: 1h, comp", "enabled: false, at: 1h, comp"
    )
    at_limit = [records(ran(text), "fork_bomb_limited")[0] for text in (limited, ours)]
    assert at_limit[0]["reason"] == at_limit[1]["reason"]
    assert at_limit[0]["value"] == at_limit[1]["value"] > 0


def test_without_his_will_nothing_forks():
    assert not records(ran(bombed(does="[]")), "fork_bomb_began")


def test_who_has_lost_everything_is_not_noticed():
    for more, there in (("", 1), (", {at: 3601s, kill: {pods: shop, mode: kill}}", 0)):
        slow = "{default: kubernetes, parameters: {public-exploit: 7d, operator-visit: 30d, overload: 10s}}"
        text = scenario(until="3h", isolation=slow, compromise=", detect: 1h, respond: [cordon]", more=more)
        world = ran(text)
        assert len(records(world, "intrusion_detected")) == there
        assert len(records(world, "intrusion_answered")) == there


def test_a_minion_that_was_built_anew_can_be_taken_again():
    world = ran(
        scenario(
            minions=12,
            replicas=12,
            until="1d",
            isolation="{default: kubernetes, parameters: {public-exploit: 10m, stolen-credentials: 20m}}",
            compromise=", count: 1, does: [spread], detect: 1h, respond: [rebuild], rebuilt: 5m",
        )
    )
    taken = [row["object"] for row in records(world, "minion_taken")]
    assert max(taken.count(minion) for minion in taken) > 1
