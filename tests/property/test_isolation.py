"""What must hold for all catalogues: more isolation is never worse unless it opens something; the fewest are fewest."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.isolation.closing import closes_all, fewest, remedies_of, stops
from models.isolation.graph import MIDDLE, SLOW, attack_graph, corner
from models.isolation.matrix import OPENS, matrix
from models.isolation.posture import Posture, addable, bare_posture, posture_of
from models.isolation.reading import read_catalogue_text, shipped_catalogue
from models.isolation.specs import Catalogue
from models.isolation.walks import TECHNIQUE_TIMES, racing_arrivals
from sim.streams import Streams
from tests.support.attackgraphs import random_catalogue

CATALOGUE = shipped_catalogue()
OPENING = [row.name for row in matrix(CATALOGUE) if OPENS in row.cells]
CLOSING = [each for each in CATALOGUE.mechanisms if each.name not in OPENING]


def arrivals(catalogue: Catalogue, posture: Posture, seed: int, walks: int = 60):
    graph = attack_graph(catalogue, posture, corner(catalogue, MIDDLE))
    return racing_arrivals(graph, Streams(seed).stream(TECHNIQUE_TIMES), walks)


@given(
    st.sampled_from([profile.name for profile in CATALOGUE.profiles]),
    st.sets(st.sampled_from([each.name for each in CATALOGUE.mechanisms]), max_size=4),
    st.sets(st.sampled_from([each.name for each in CATALOGUE.conditions]), max_size=6),
    st.sampled_from(CLOSING),
    st.integers(0, 10**6),
)
def test_a_mechanism_that_opens_nothing_lets_nobody_arrive_earlier(profile, off, conditions, mechanism, seed):
    posture = posture_of(CATALOGUE, profile).switched(off=[*off, mechanism.name])
    posture = Posture(
        posture.mechanisms,
        posture.added,
        posture.dropped,
        tuple(sorted({*posture.conditions, *conditions})),
    )
    without = arrivals(CATALOGUE, posture, seed)
    having = arrivals(CATALOGUE, posture.switched([mechanism.name]), seed)
    for privilege, before in without.items():
        # Walk by walk, so every chance by every time is at most what it was.
        assert (having[privilege] >= before).all(), (mechanism.name, privilege)


def test_some_mechanisms_open_and_are_shown_to():
    assert sorted(OPENING) == ["masked-paths", "network-public", "user-namespace", "vm"]
    assert len(CLOSING) >= 25


@pytest.mark.parametrize("name", ["user-namespace", "masked-paths"])
def test_a_mechanism_that_opens_lets_somebody_arrive_earlier(name):
    """With nothing but what the mechanism itself provides, a way is there that was not."""
    opened = dict(zip((t.name for t in CATALOGUE.techniques), _row(name), strict=True))
    alone = tuple(t for t in CATALOGUE.techniques if opened[t.name] == OPENS)
    catalogue = CATALOGUE.model_copy(update={"techniques": alone})
    provided = next(each.provides for each in CATALOGUE.mechanisms if each.name == name)
    bare = bare_posture(catalogue)
    posture = Posture(conditions=tuple(each for each in bare.conditions if each not in provided))
    for privilege in ("host-root", "host-kernel"):
        assert np.isinf(arrivals(catalogue, posture, 1)[privilege]).all()
    having = arrivals(catalogue, posture.switched([name]), 1)
    assert any(np.isfinite(having[privilege]).any() for privilege in ("host-root", "host-kernel"))


def _row(name: str) -> tuple[str, ...]:
    return next(row.cells for row in matrix(CATALOGUE) if row.name == name)


def brute_force(catalogue, posture, goals, remedies, *, unknown=False):
    """All sets of the fewest remedies that close all, looked for one by one."""
    for size in range(len(remedies) + 1):
        found = [
            tuple(sorted(names))
            for names in combinations(remedies, size)
            if closes_all(catalogue, posture, goals, names, unknown=unknown)
        ]
        if found:
            return tuple(sorted(found))
    return ()


@given(st.integers(0, 10**6))
def test_the_fewest_mechanisms_are_those_of_a_search_one_by_one(number):
    catalogue = random_catalogue(number)
    posture = posture_of(catalogue, "none")
    remedies = remedies_of(catalogue)
    closing = fewest(catalogue, posture, ["p4"], remedies)
    assert closing.sets == brute_force(catalogue, posture, ["p4"], remedies)
    assert bool(closing.open_ways) == (not closing.sets)


def test_the_random_catalogues_are_worth_the_test():
    """Sets of several sizes, none at all, and mechanisms that open."""
    sizes = []
    for number in range(80):
        catalogue = random_catalogue(number)
        closing = fewest(catalogue, posture_of(catalogue, "none"), ["p4"], remedies_of(catalogue))
        sizes.append(len(closing.sets[0]) if closing.sets else None)
    assert {0, 1, 2, None} <= set(sizes)
    assert any(size is not None and size >= 3 for size in sizes)


@pytest.mark.parametrize("profile", [profile.name for profile in CATALOGUE.profiles])
@pytest.mark.parametrize("goals", [("host-root",), ("minion-starved",), ("host-settings", "host-kernel")])
def test_the_fewest_of_the_shipped_catalogue_are_those_of_a_search_one_by_one(profile, goals):
    posture = posture_of(CATALOGUE, profile)
    remedies = [
        name
        for name in remedies_of(CATALOGUE, updates=True)
        if name.startswith("update") or name in {"vm", "user-namespace", "selinux", "non-root", "pids-limit", "memory-limit"}
    ]  # fmt: skip
    assert fewest(CATALOGUE, posture, goals, remedies).sets == brute_force(
        CATALOGUE, posture, goals, remedies
    )


def test_a_mechanism_that_cannot_be_on_is_not_proposed():
    posture = posture_of(CATALOGUE, "docker")
    selinux = next(each for each in CATALOGUE.mechanisms if each.name == "selinux")
    assert not addable(CATALOGUE, posture, selinux)
    assert addable(CATALOGUE, posture.switched(off=["apparmor"]), selinux)
    found = fewest(CATALOGUE, posture, ["minion-starved"], remedies_of(CATALOGUE))
    assert found.sets
    assert all("selinux" not in names for names in found.sets)


def test_slower_parameters_are_never_faster():
    posture = posture_of(CATALOGUE, "kubernetes")
    stream = Streams(3).stream(TECHNIQUE_TIMES)
    ends = [
        racing_arrivals(attack_graph(CATALOGUE, posture, corner(CATALOGUE, where)), stream, 200)
        for where in (MIDDLE, SLOW)
    ]
    slower = 0
    for privilege, middle in ends[0].items():
        assert (middle <= ends[1][privilege]).all()
        slower += int((middle < ends[1][privilege]).sum())
    assert slower > 200, "they are slower, and not merely the same"


def test_dropping_all_capabilities_leaves_those_that_are_added():
    technique = next(each for each in CATALOGUE.techniques if each.name == "packet-socket")
    mechanism = next(each for each in CATALOGUE.mechanisms if each.name == "drop-all-capabilities")
    docker = posture_of(CATALOGUE, "docker")
    assert stops(mechanism, technique, "root-in-container", "host-kernel", docker)
    assert not stops(
        mechanism, technique, "root-in-container", "host-kernel", replace(docker, added=("NET_RAW",))
    )


def test_mechanisms_that_exclude_one_another_close_nothing_together():
    text = """apiVersion: wavetank/v1
privileges: [{name: in, about: x, entry: true}, {name: out, about: x, out: true}]
surfaces: [{name: s, about: x, namespaced: never, leaks: x, reference: y}]
mechanisms:
  - {name: one, about: x, reference: y, excludes: [two]}
  - {name: two, about: x, reference: y}
  - {name: three, about: x, reference: y}
profiles: [{name: none, about: x}]
techniques:
  - {name: a, class: kernel, about: x, from: [in], to: out, surface: s, blockedBy: [one], time: 1h, standing: measured, reference: y}
  - {name: b, class: kernel, about: x, from: [in], to: out, surface: s, blockedBy: [two], time: 1h, standing: measured, reference: y}
"""
    catalogue = read_catalogue_text(text)
    posture = posture_of(catalogue, "none")
    closing = fewest(catalogue, posture, ["out"], remedies_of(catalogue))
    assert closing.sets == ()
    assert closing.open_ways
    both = text.replace("blockedBy: [two]", "blockedBy: [two, three]")
    catalogue = read_catalogue_text(both)
    assert fewest(catalogue, posture, ["out"], remedies_of(catalogue)).sets == (("one", "three"),)
