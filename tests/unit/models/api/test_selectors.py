# Cases stand in one line each.

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.selectors import EVERYTHING, Requirement, SelectorError, parse_selector

WEB = {"tier": "web", "zone": "a"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("all", True),
        (" all ", True),
        ("web-3", True),
        ("web", True),
        ("db", False),
        ("web, tier=web", True),
        ("web, tier=db", False),
        ("tier=web", True),
        ("tier==web", True),
        ("tier = web", True),
        ("tier!=web", False),
        ("tier!=db", True),
        ("missing!=x", True),
        ("missing=x", False),
        ("zone in (a, b)", True),
        ("zone in (b,c)", False),
        ("zone notin (b, c)", True),
        ("zone notin (a)", False),
        ("missing notin (a)", True),
        ("missing in (a)", False),
        ("!missing", True),
        ("!zone", False),
        ("zone exists", True),
        ("missing exists", False),
        ("zone in (a, b), tier!=db, !missing", True),
        ("tier=", False),
        ("missing=", False),
    ],
)
def test_texts(text, selected):
    assert parse_selector(text).matches(WEB, ("web-3", "web")) is selected


@pytest.mark.parametrize(
    ("mapping", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"tier": "web"}}, True),
        ({"matchLabels": {"tier": "web", "zone": "b"}}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "missing", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "missing", "operator": "DoesNotExist", "values": []}]}, True),
        (
            {"matchLabels": {"tier": "web"}, "matchExpressions": [{"key": "missing", "operator": "Exists"}]},
            False,
        ),
    ],
)
def test_label_selectors_of_v1(mapping, selected):
    selector = parse_selector(mapping)
    assert selector.matches(WEB) is selected
    assert parse_selector(str(selector)) == selector


def test_names_are_known_for_checks():
    assert parse_selector("web, tier=db, db-3").names == ("web", "db-3")
    assert parse_selector("all") == EVERYTHING == parse_selector({})


@pytest.mark.parametrize(
    ("value", "path", "hint", "words"),
    [
        ("", (), "all", "expected a selector, not an empty text"),
        ("web,", (), None, "not nothing"),
        ("a in (b", (), None, "a ')' is missing"),
        ("a in b)", (), None, "do not match"),
        ("a in ((b))", (), None, "do not match"),
        ("a inn (b)", (), "in", "expected 'in' or 'notin'"),
        ("a in ()", (), None, "at least one value"),
        ("a in (b c)", (), None, "expected a label's value"),
        ("a=b=c", (), None, "expected a label's value"),
        ("=b", (), None, "the name of a label"),
        ("a b", (), None, "between the commas"),
        ("-a", (), None, "between the commas"),
        ("all, web", (), None, "stands alone"),
        ("x" * 20_000, (), None, "at most 10,000"),
        (7, (), None, "expected a selector"),
        (None, (), None, "expected a selector"),
        ({"matchLabel": {}}, ("matchLabel",), "matchLabels", "is not a key of a selector"),
        ({"matchLabels": []}, ("matchLabels",), None, "a mapping of labels"),
        ({"matchLabels": {"a": 1}}, ("matchLabels", "a"), '"1"', "expected a text"),
        ({"matchLabels": {"a": True}}, ("matchLabels", "a"), '"true"', "expected a text"),
        ({"matchLabels": {"-": "x"}}, ("matchLabels", "-"), None, "the name of a label"),
        ({"matchExpressions": {}}, ("matchExpressions",), None, "a list of"),
        ({"matchExpressions": [1]}, ("matchExpressions", 0), None, "a mapping {key, operator, values}"),
        ({"matchExpressions": [{"key": "a"}]}, ("matchExpressions", 0), None, "'operator'"),
        (
            {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]},
            ("matchExpressions", 0, "operator"),
            "In",
            "expected In, NotIn",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "In"}]},
            ("matchExpressions", 0),
            None,
            "at least one value for In",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
            ("matchExpressions", 0, "values"),
            None,
            "takes no values",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "Exists", "value": ["b"]}]},
            ("matchExpressions", 0, "value"),
            "values",
            "is not a key here",
        ),
    ],
)
def test_what_is_no_selector_is_told_with_its_place(value, path, hint, words):
    with pytest.raises(SelectorError) as caught:
        parse_selector(value)
    assert caught.value.path == path
    assert caught.value.suggestion == hint
    assert words in str(caught.value)


keys = st.from_regex(r"([a-z]{1,5}\.[a-z]{1,3}/)?[A-Za-z][A-Za-z0-9]{0,5}", fullmatch=True)
values = st.from_regex(r"([A-Za-z0-9]([-_.A-Za-z0-9]{0,5}[A-Za-z0-9])?)?", fullmatch=True)
names = st.from_regex(r"[a-z][a-z0-9]{0,4}(-[0-9]{1,2})?", fullmatch=True).filter(lambda name: name != "all")
labelled = st.builds(
    lambda operator, key, some: Requirement(operator, key, tuple(sorted(some))),
    st.sampled_from(["In", "NotIn"]),
    keys,
    st.sets(values, min_size=1, max_size=3),
)
requirements = st.one_of(
    labelled,
    st.builds(Requirement, st.sampled_from(["Exists", "DoesNotExist"]), keys),
    st.builds(Requirement, st.just("Name"), names),
)


@given(st.lists(requirements, max_size=4), st.dictionaries(keys, values, max_size=3))
def test_a_selector_reads_back_from_its_text_and_is_the_and_of_its_parts(parts, labels):
    text = ", ".join(str(part) for part in parts) or "all"
    selector = parse_selector(text)
    assert selector.requirements == tuple(parts)
    assert str(selector) == text
    assert selector.matches(labels, ()) == all(part.holds(labels, ()) for part in parts)


@given(labelled, st.dictionaries(keys, values, max_size=3))
def test_notin_is_the_opposite_of_in_also_where_the_label_is_missing(part, labels):
    opposite = Requirement("NotIn" if part.operator == "In" else "In", part.key, part.values)
    assert part.holds(labels, ()) != opposite.holds(labels, ())


@given(st.text(max_size=30) | st.text("ab=!(), innot", max_size=25))
def test_any_text_is_a_selector_or_one_sentence(text):
    with contextlib.suppress(SelectorError):
        selector = parse_selector(text)
        assert parse_selector(str(selector)) == selector
