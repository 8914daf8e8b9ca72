"""The index of labels, against asking every selector about every set."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.selectors import EVERYTHING, Selector, parse_selector
from models.cluster.labels import LabelIndex


def test_who_is_interested_in_whom() -> None:
    index = LabelIndex()
    web = index.add_selector(parse_selector("app=web"))
    both = index.intern({"tier": "front", "app": "web"})
    assert index.intern({"app": "web", "tier": "front"}) == both
    database = index.intern({"app": "db"})
    front = index.add_selector(parse_selector("tier=front"))
    several = index.add_selector(parse_selector("app in (web, db)"))
    without = index.add_selector(parse_selector("!tier"))
    assert index.interested(both) == (web, front, several)
    assert index.interested(database) == (several, without)
    assert index.matching(several) == (both, database)
    assert index.matches(web, both)
    assert not index.matches(web, database)
    index.remove_selector(several)
    assert index.interested(both) == (web, front)
    assert index.interested(index.intern({"app": "db", "x": "y"})) == (without,)
    with pytest.raises(KeyError):
        index.remove_selector(several)
    with pytest.raises(KeyError):
        index.matching(several)
    assert index.add_selector(parse_selector("app=web")) not in {web, front, several, without}


def test_a_set_that_comes_after_the_selectors_finds_them_in_order() -> None:
    index = LabelIndex()
    words = ["tier=front", "all", "app in (db, web)", "app=web", "!tier", "app in (a, db)", "app exists"]
    numbers = [index.add_selector(parse_selector(word)) for word in words]
    web = index.intern({"app": "web", "tier": "front"})
    assert index.interested(web) == tuple(numbers[n] for n in (0, 1, 2, 3, 6))
    assert index.interested(index.intern({"app": "db"})) == tuple(numbers[n] for n in (1, 2, 4, 5, 6))


def test_namespaces_do_not_meet() -> None:
    index = LabelIndex()
    here, there = index.add_selector(EVERYTHING, "a"), index.add_selector(EVERYTHING, "b")
    one, other = index.intern({"app": "web"}, "a"), index.intern({"app": "web"}, "b")
    assert one != other
    assert (index.interested(one), index.interested(other)) == ((here,), (there,))
    assert (index.namespace(one), index.namespace(other)) == ("a", "b")
    assert index.matching(index.add_selector(parse_selector("app=web"), "b")) == (other,)


def test_labels_put_on_and_taken_off() -> None:
    index = LabelIndex()
    web = index.intern({"app": "web"}, "a")
    changed = index.relabelled(web, {"app": None, "tier": "x"})
    assert index.labels(changed) == {"tier": "x"}
    assert index.namespace(changed) == "a"
    assert index.relabelled(changed, {"app": "web", "tier": None, "absent": None}) == web
    assert len(index) == 2
    with pytest.raises(TypeError):
        index.labels(web)["app"] = "other"  # type: ignore[index]


LABELS = st.dictionaries(st.sampled_from("kml"), st.sampled_from("xyz"), max_size=3)
WORDS = ["k=x", "k!=x", "k in (x, y)", "k notin (x, z)", "k exists", "!k", "m=y", "l in (y, z)", "l exists"]
SELECTORS = st.lists(st.sampled_from(WORDS), max_size=3).map(
    lambda words: parse_selector(", ".join(words) or "all")
)
NAMESPACES = st.sampled_from("ab")
STEPS = st.one_of(
    st.tuples(st.just("intern"), LABELS, NAMESPACES),
    st.tuples(st.just("add"), SELECTORS, NAMESPACES),
    st.tuples(st.just("remove"), st.integers(0, 20), NAMESPACES),
)


@given(st.lists(STEPS, max_size=40))
def test_the_index_is_what_asking_all_would_find(steps: list[tuple[str, Any, str]]) -> None:
    index = LabelIndex()
    sets: dict[int, tuple[str, dict[str, str]]] = {}
    selectors: dict[int, tuple[str, Selector]] = {}
    for step, what, namespace in steps:
        if step == "intern":
            sets[index.intern(what, namespace)] = (namespace, what)
        elif step == "add":
            selectors[index.add_selector(what, namespace)] = (namespace, what)
        elif selectors:
            number = list(selectors)[what % len(selectors)]
            del selectors[number]
            index.remove_selector(number)
        for number, (space, labels) in sets.items():
            interested = [
                s for s, (at, selector) in selectors.items() if at == space and selector.matches(labels)
            ]
            assert list(index.interested(number)) == sorted(interested)
        for number, (space, selector) in selectors.items():
            matching = [s for s, (at, labels) in sets.items() if at == space and selector.matches(labels)]
            assert list(index.matching(number)) == sorted(matching)
