"""The options of ``wavetank isolation paths``: what they mean, and what is wrong with them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from experiments.isolation.asked import Asked, question
from experiments.isolation.comparison import print_comparison
from experiments.isolation.matrixtable import matrix_csv, print_matrix
from experiments.isolation.pathstable import chances, closing_lines, graphs_of, print_paths
from models.isolation.graph import FAST, MIDDLE, SLOW
from models.isolation.posture import conditions_of
from models.isolation.reading import shipped_catalogue
from sim.errors import ScenarioError


def printed(limit=20, **words):
    out = io.StringIO()
    print_paths(question(Asked(**words)), limit, Console(file=out, width=160))
    return out.getvalue()


def test_options_change_the_posture():
    asked = question(
        Asked(
            "docker",
            on=("selinux",),
            off=("apparmor", "seccomp"),
            given=("cgroup-v1",),
            lacking=("hostile-image",),
            versions=("kernel=5.10",),
        )
    )
    assert "selinux" in asked.posture.mechanisms
    assert "seccomp" not in asked.posture.mechanisms
    held = conditions_of(asked.catalogue, asked.posture)
    assert "cgroup-v1" in held
    assert "hostile-image" not in held
    assert [(program, str(version)) for program, version in asked.posture.versions] == [("kernel", "5.10")]
    assert question(Asked("docker", updated=True)).posture.updated == (
        "containerd", "docker", "host-kernel", "kernel", "qemu", "runc", "vmware",
    )  # fmt: skip


def test_parameters_are_set_at_both_ends():
    asked = question(Asked("docker", sets=("public-exploit=1h..4h", "race=0.1..0.4", "partly=3")))
    assert {where: asked.values[where]["public-exploit"] for where in asked.values} == {
        FAST: 3600.0,
        MIDDLE: 7200.0,
        SLOW: 14400.0,
    }
    assert {where: asked.values[where]["race"] for where in asked.values} == pytest.approx(
        {FAST: 0.4, MIDDLE: 0.2, SLOW: 0.1}
    )
    assert {asked.values[where]["partly"] for where in asked.values} == {3.0}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"profile": "dokcer"}, "--profile: there is no profile 'dokcer'; did you mean 'docker'?"),
        ({"goals": ("hostroot",)}, "--goal: there is no privilege 'hostroot'; did you mean 'host-root'?"),
        ({"on": ("secomp",)}, "--on: there is no mechanism 'secomp'; did you mean 'seccomp'?"),
        ({"on": ("selinux",)}, "--on: 'selinux' cannot be on with 'apparmor'"),
        ({"on": ("svirt",)}, "--on: 'svirt' means nothing without 'vm'"),
        ({"on": ("vm",), "off": ("vm",)}, "--off: 'vm' is asked for both ways"),
        ({"given": ("cgroupv1",)}, "--with: there is no condition 'cgroupv1'; did you mean 'cgroup-v1'?"),
        (
            {"versions": ("kernel=five",)},
            '--version kernel=five: expected a version in quotes, as "5.10" or "1.0-rc6", not \'five\'',
        ),
        (
            {"versions": ("kernal=5.10",)},
            "--version kernal=5.10: no technique asks for a version of 'kernal'; did you mean 'kernel'?",
        ),
        ({"versions": ("kernel",)}, "--version kernel: expected PROGRAM=VERSION, as kernel=5.10"),
        ({"sets": ("race=1.2",)}, "--set race=1.2: expected a chance between 0 and 1, but the value is 1.2"),
        ({"sets": ("race=many",)}, "--set race=many: expected a chance between 0 and 1, not 'many'"),
        ({"sets": ("races=1",)}, "--set races=1: there is no parameter 'races'; did you mean 'race'?"),
        (
            {"sets": ("open-door=2h..1h",)},
            "--set open-door=2h..1h: expected one value or a range, as 1h..7d",
        ),
        ({"sets": ("open-door",)}, "--set open-door: expected PARAMETER=VALUE, as public-exploit=2h"),
        (
            {"by": "3"},
            "--by: expected a time with a unit, as 30s, 15m, 2h or 300d, not the bare number '3'; did you mean '3s'?",
        ),
        ({"attacker": "rasing"}, "--attacker: there is no attacker 'rasing'; did you mean 'racing'?"),
    ],
)
def test_what_is_wrong_is_one_sentence(words, sentence):
    with pytest.raises(ScenarioError) as caught:
        question(Asked(**{"profile": "docker", **words}))
    assert [str(each) for each in caught.value.diagnostics] == [sentence]


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(ScenarioError) as caught:
        question(Asked("dokcer", by="3", sets=("x=1",), versions=("y=1",)))
    assert len(caught.value.diagnostics) == 4


def test_ways_are_printed_most_likely_first():
    text = printed(profile="docker")
    ways = [line for line in text.splitlines() if "%" in line and "out by" not in line]
    chances = [float(line.split("%")[0].strip(" >")) for line in ways]
    assert len(chances) >= 10
    assert chances == sorted(chances, reverse=True)
    assert "the fewest mechanisms and updates: update kernel and update runc; or update qemu and vm" in text


def test_what_has_no_way_out_says_so():
    assert "no way out" in printed(profile="hardened", goals=("master",))


def test_more_ways_than_asked_for_are_counted():
    every = printed(5000, profile="privileged").count("%)")
    assert f"and {every - 1 - 3} more" in printed(3, profile="privileged")


def test_values_without_a_range_give_one_number():
    catalogue = shipped_catalogue()
    sets = tuple(
        f"{row.name}={'1h' if row.time is not None else '1'}" for row in catalogue.parameters
    )  # fmt: skip
    text = printed(profile="docker", sets=sets, by="10m")
    assert "(" not in text
    # One hour each: the chance of one way alone is 1 - exp(-1/6).
    assert "15.4%" in text


def test_the_greedy_attacker_is_not_faster_than_the_racing_one():
    def out(attacker):
        text = printed(profile="docker", by="1h", attacker=attacker)
        return float(text.split("out by 1h: ")[1].split("%")[0])

    assert 0 < out("greedy") < out("racing")


def test_mechanisms_that_close_all_are_named():
    lines = closing_lines(question(Asked("docker", goals=("minion-starved",))))
    assert lines == ["the fewest mechanisms that close all known ways: vm"]
    lines = closing_lines(
        question(Asked("docker", goals=("another-minion",), given=("kubernetes-api", "kubelet-open")))
    )
    assert lines[0].startswith("no mechanisms close all known ways: nothing stops ")


def test_the_matrix_has_every_cell():
    catalogue = shipped_catalogue()
    lines = matrix_csv(catalogue).splitlines()
    assert len(lines) == 1 + len(catalogue.mechanisms) + len(catalogue.surfaces)
    assert {line.count(",") for line in lines} == {1 + len(catalogue.techniques)}
    out = io.StringIO()
    print_matrix(catalogue, Console(file=out, width=200))
    for row in (*catalogue.mechanisms, *catalogue.surfaces):
        assert row.name in out.getvalue()


def test_profiles_are_compared_by_the_same_chances():
    out = io.StringIO()
    names, times = ("docker", "kubernetes", "vm"), ("1d", "30d")
    found = [[question(Asked(name, updated=True, by=time)) for time in times] for name in names]
    print_comparison(found, Console(file=out, width=160))
    rows = {line.split()[0]: line for line in out.getvalue().splitlines() if line.strip()}
    for row, name in zip(found, names, strict=True):
        for asked in row:
            assert chances(asked, graphs_of(asked)) in rows[name]
    middle = [float(rows[name].split(")")[1].split("%")[0].strip(" >")) for name in names]
    assert middle[1] > middle[0] > middle[2], "without seccomp more, in a machine of its own less"


def test_nobody_works_for_what_he_has_from_the_beginning():
    """Root of the container is his where the application runs as root: then no way leads over a setuid program."""
    assert "setuid-program" not in printed(profile="docker")
    assert "setuid-program > packet-socket" in printed(5000, profile="docker", on=("non-root",))
