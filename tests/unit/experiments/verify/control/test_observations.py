"""Each observation on logs that are small enough to be read."""

from __future__ import annotations

import math
from typing import Any

import pytest

from experiments.verify.control.observation import Frame
from experiments.verify.control.observations import observe


def _log(text: str) -> list[dict[str, Any]]:
    """Rows from lines: time, kind, then the fields in the order of their kind."""
    forms: dict[str, tuple[str, ...]] = {
        "do_create_rc": ("rc", "replicas"),
        "do_scale": ("rc", "replicas"),
        "do_delete": ("kind_", "name", "policy"),
        "do_create_pod": ("pod",),
        "do_label": ("pod",),
        "do_add_minion": ("minion",),
        "pod_created": ("pod", "owner"),
        "endpoints": ("service", "ready", "added", "removed"),
        "minion_dies": ("minion",),
        "minion_back": ("minion",),
        "minion_ready": ("minion", "value"),
        "minion_taints": ("minion", "value"),
        "pod_gone": ("pod",),
    }
    rows = []
    for line in text.strip().splitlines():
        time, kind, *words = line.split()
        row: dict[str, Any] = {"t": float(time), "kind": kind}
        for name, word in zip(forms.get(kind, ("pod", "value")), words, strict=True):
            value: Any = {"yes": True, "no": False, "-": None}.get(word, word)
            if name in {"added", "removed"} or (kind == "minion_taints" and name == "value"):
                value = [] if word == "-" else word.split(",")
            row[name] = int(word) if name in {"replicas", "ready"} else value
        rows.append(row)
    return rows


def _seen(text: str, end_s: float = 100.0, **fields: Any) -> dict[str, Any]:
    frame = Frame(
        end_s,
        fields.get("controllers", ("web",)),
        fields.get("services", ()),
        fields.get("zones", (("m0", "a"), ("m1", "a"), ("m2", "b"))),
    )
    return {found.what: found.value for found in observe(_log(text), frame)}


_SCALED = """
    1.0   do_create_rc web 3
    1.01  pod_created a web
    1.02  pod_created b web
    1.03  pod_node a m0
    1.05  pod_created c web
    1.06  pod_node b m1
    1.5   pod_ready a yes
    1.7   pod_ready b yes
    5.0   do_scale web 1
    5.02  pod_terminating c yes
    5.04  pod_terminating b yes
    5.2   pod_gone c
"""


def test_counts_are_by_owner() -> None:
    seen = _seen(_SCALED)
    assert seen["web: created"] == "3"
    assert seen["web: terminating"] == "2"
    assert seen["web: gone"] == "1"
    assert seen["web: live at the end"] == "1"


def test_counts_look_no_further_than_the_recording() -> None:
    seen = _seen(_SCALED, end_s=5.03)
    assert (seen["web: terminating"], seen["web: live at the end"]) == ("1", "2")


def test_pace_is_from_what_was_asked() -> None:
    seen = _seen(_SCALED)
    assert seen["do_create_rc web to first created"] == 0.01
    assert seen["do_create_rc web to middle created"] == 0.02
    assert seen["do_create_rc web to last created"] == 0.05
    assert seen["do_scale web to first terminating"] == 0.02
    assert seen["do_scale web to last terminating"] == 0.04
    assert "do_create_rc web to 25th created" not in seen


def test_pace_has_the_25th_and_50th_where_there_are_so_many() -> None:
    pods = "\n".join(f"{1 + n / 100:.2f} pod_created p{n} web" for n in range(1, 61))
    seen = _seen(f"1.0 do_create_rc web 60\n{pods}")
    assert seen["do_create_rc web to 25th created"] == 0.25
    assert seen["do_create_rc web to middle created"] == 0.3
    assert seen["do_create_rc web to 50th created"] == 0.5
    assert seen["do_create_rc web to last created"] == 0.6


def test_replacements_do_not_belong_to_the_pace_of_a_creation() -> None:
    seen = _seen(_SCALED.replace("5.0   do_scale web 1", "5.0 do_add_minion m2") + "5.3 pod_created d web")
    assert seen["do_create_rc web to last created"] == 0.05
    assert seen["web: pod_terminating to next pod_created, median"] == pytest.approx(0.27)


def test_a_scale_down_is_not_replaced() -> None:
    assert "web: pod_terminating to next pod_created, median" not in _seen(_SCALED)


def test_scale_down_has_victims_and_how_many_were_not_ready() -> None:
    seen = _seen(_SCALED)
    assert seen["do_scale web: victims"] == "2"
    assert seen["do_scale web: victims that were not ready"] == "1"
    assert seen["do_scale web: pods left per minion"] == "1"


def test_created_to_bound_to_ready() -> None:
    seen = _seen(_SCALED)
    assert seen["web: pod_created to pod_node, median"] == 0.03
    assert seen["web: pod_created to pod_node, greatest"] == 0.04
    assert seen["web: pod_node to pod_ready, median"] == pytest.approx((0.47 + 0.64) / 2)


def test_backoff_is_from_the_row_that_made_room() -> None:
    text = """
        1.0 do_create_rc web 2
        1.1 pod_created a web
        1.2 pod_unschedulable a yes
        2.0 minion_taints m2 x:NoSchedule
        2.5 minion_taints m2 -
        2.7 do_add_minion m2
        4.7 pod_node a m2
    """
    frame = Frame(9.0, ("web",), (), ())
    found = {o.what: o for o in observe(_log(text), frame)}
    backoff = found["web: row that made room to pod_node, greatest"]
    assert backoff.value == 2.0
    assert "web: pod_created to pod_node, median" not in found


_DEATH = """
    1.0   do_create_rc web 2
    1.1   pod_created a web
    1.1   pod_created b web
    1.2   pod_node a m0
    1.2   pod_node b m0
    1.5   pod_ready a yes
    1.5   pod_ready b yes
    1.6   endpoints web 2 a,b -
    10.0  minion_dies m0
    50.0  minion_ready m0 Unknown
    50.01 minion_taints m0 unreachable:NoSchedule
    50.05 endpoints web 1 - a
    50.09 endpoints web 0 - b
    55.1  minion_taints m0 unreachable:NoExecute,unreachable:NoSchedule
    65.2  pod_terminating a yes
    65.25 pod_terminating b yes
    65.3  pod_created c web
    65.4  pod_created d web
    70.0  minion_back m0
    70.02 minion_ready m0 True
    70.03 minion_taints m0 unreachable:NoExecute
    70.1  pod_gone a
    70.2  pod_gone b
    73.0  minion_taints m0 -
"""


def test_the_death_of_a_minion_step_by_step() -> None:
    seen = _seen(_DEATH, services=("web",))
    assert seen["m0: minion_dies to Unknown"] == 40.0
    assert seen["m0: Unknown to NoExecute taint"] == pytest.approx(5.1)
    assert seen["m0: Unknown to no endpoint there"] == pytest.approx(0.09)
    assert seen["m0: NoExecute taint to first pod_terminating"] == pytest.approx(10.1)
    assert seen["m0: first to last pod_terminating"] == pytest.approx(0.05)
    assert seen["m0: any pod evicted"] == "yes"
    assert seen["web: pod_terminating to next pod_created, median"] == pytest.approx(0.075)


def test_the_return_of_a_minion_step_by_step() -> None:
    seen = _seen(_DEATH)
    assert seen["m0: minion_back to Ready"] == 0.02
    assert seen["m0: minion_back to no taint"] == 3.0
    assert seen["m0: minion_back to last pod_gone"] == pytest.approx(0.2)
    assert seen["m0: pods that stay"] == "none"


def test_a_taint_of_another_kind_evicts_nobody() -> None:
    seen = _seen(_DEATH.replace("unreachable:NoExecute,", "k:NoExecute,"))
    assert seen["m0: Unknown to NoExecute taint"] == math.inf
    assert seen["m0: any pod evicted"] == "no"


def test_pods_that_were_not_evicted_stay() -> None:
    kept = "\n".join(line for line in _DEATH.splitlines() if "terminating" not in line and "gone" not in line)
    seen = _seen(kept)
    assert seen["m0: pods that stay"] == "all"
    assert seen["m0: NoExecute taint to first pod_terminating"] == math.inf


def test_a_minion_dies_twice_and_each_time_is_its_own() -> None:
    again = "80.0 minion_dies m0\n119.0 minion_ready m0 Unknown\n"
    seen = _seen(_DEATH + again, end_s=130.0)
    assert seen["m0: minion_dies to Unknown"] == 40.0
    assert seen["m0 #2: minion_dies to Unknown"] == 39.0
    assert seen["m0 #2: Unknown to NoExecute taint"] == math.inf


def test_gaps_between_taints_are_of_one_zone_and_sorted() -> None:
    lines = []
    for minion, time in (("m0", 60.0), ("m1", 90.0), ("m3", 70.0), ("m2", 61.0)):
        lines += [f"10.0 minion_dies {minion}", f"50.0 minion_ready {minion} Unknown"]
        lines.append(f"{time} minion_taints {minion} unreachable:NoExecute")
    text = "\n".join(sorted(lines, key=lambda line: float(line.split()[0])))
    seen = _seen(text, zones=(("m0", "a"), ("m1", "a"), ("m2", "b"), ("m3", "a")))
    gaps = {what: value for what, value in seen.items() if what.startswith("gaps")}
    assert gaps == {
        "gaps between NoExecute taints in a, no. 1 from the greatest": 20.0,
        "gaps between NoExecute taints in a, no. 2 from the greatest": 10.0,
    }


def test_minions_of_one_zone_that_die_together_share_the_draw_of_their_order() -> None:
    text = "\n".join(
        f"{10.0 + step} {kind}"
        for step, kinds in ((0, "minion_dies"), (40, "minion_ready"))
        for m in ("m0", "m1", "m2")
        for kind in [f"{kinds} {m}" + (" Unknown" if step else "")]
    )
    frame = Frame(99.0, (), (), (("m0", "a"), ("m1", "a"), ("m2", "b")))
    found = {o.what: o.draw for o in observe(_log(text), frame)}
    taint = {m: found[f"{m}: Unknown to NoExecute taint"] for m in ("m0", "m1", "m2")}
    assert taint["m0"] == taint["m1"] != taint["m2"]
    notice = {found[f"{m}: minion_dies to Unknown"] for m in ("m0", "m1", "m2")}
    assert len(notice) == 3


def test_the_curve_is_sampled_from_the_creation_to_the_end() -> None:
    curve = _seen(_DEATH, end_s=4.0, services=("web", "other"))["web: ready endpoints over time"]
    assert curve == (0, 0, 2, 2, 2, 2)
    assert set(_seen(_DEATH, services=("other",))["other: ready endpoints over time"]) == {0}


_OWNERS = """
    1.0  do_create_pod s
    1.0  do_create_pod u
    1.1  pod_created s -
    1.1  pod_created u -
    2.0  do_create_rc web 2
    2.01 pod_owner u web
    2.02 pod_owner s web
    3.1  do_label s
    3.11 pod_owner s -
    3.12 pod_created w web
    4.0  do_delete replicationcontrollers web Orphan
    4.01 pod_owner u -
    4.03 pod_owner w -
    5.0  do_create_rc web2 1
    5.01 pod_owner w web2
    5.02 pod_owner u web2
    5.03 pod_terminating u yes
    6.0  do_delete replicationcontrollers web2 Background
    6.4  pod_terminating w yes
"""


def test_who_adopts_releases_and_orphans_in_order() -> None:
    seen = _seen(_OWNERS, controllers=("web", "web2"))
    said = {what: value for what, value in seen.items() if what.endswith(": then")}
    assert said == {
        "do_create_rc web: then": "2 adopted by web",
        "do_label: then": "1 released by web (the labelled pod)",
        "do_delete web: then": "2 released by web",
        "do_create_rc web2: then": "2 adopted by web2",
    }
    assert seen["do_create_rc web to adopted no. 2"] == 0.02
    assert seen["do_delete web to released no. 1"] == pytest.approx(0.01)


def test_adoption_that_is_too_much_is_paced_by_what_was_asked() -> None:
    seen = _seen(_OWNERS, controllers=("web", "web2"))
    assert seen["do_create_rc web2 to first terminating"] == pytest.approx(0.03)
    assert seen["do_delete web2 to first terminating"] == pytest.approx(0.4)
    assert "do_create_rc web to first created" not in seen
    assert seen["no controller: created"] == "2"
    assert seen["web2: terminating"] == "2"
    assert seen["no controller: live at the end"] == "1"


def test_names_of_pods_do_not_matter() -> None:
    log = _log(_OWNERS)
    renamed = [{**row, "pod": f"x{row['pod']}"} if "pod" in row else row for row in log]
    frame = Frame(100.0, ("web", "web2"), (), ())
    assert observe(renamed, frame) == observe(log, frame)
