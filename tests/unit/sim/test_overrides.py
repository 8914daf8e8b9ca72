from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.overrides import apply_overrides, split_assignment, split_axis
from sim.yamlsource import load_yaml

TEXT = """\
seed: 1
cluster:
  minions:
    - {name: web, count: 40, labels: {tier: web}}
    - &db {name: db.a, count: 2}
    - *db
"""


def applied(*sets, text=TEXT):
    document, problems = apply_overrides(load_yaml(text, "f"), sets)
    assert problems == []
    return document


def refused(*sets, text=TEXT):
    _, problems = apply_overrides(load_yaml(text, "f"), sets)
    return [str(problem) for problem in problems]


def test_keys_indices_and_names():
    document = applied("seed=7", "cluster.minions.0.count=3", "cluster.minions.web.cpu=500m")
    assert document.value["seed"] == 7
    assert document.value["cluster"]["minions"][0] == {
        "name": "web", "count": 3, "labels": {"tier": "web"}, "cpu": "500m",
    }  # fmt: skip


def test_missing_mappings_are_made_and_null_counts_as_missing():
    document = applied("policy.scheduler=best-fit", "a.b.c=[1, 2]")
    assert document.value["policy"] == {"scheduler": "best-fit"}
    assert document.value["a"] == {"b": {"c": [1, 2]}}
    assert applied("a.b=1", text="a:").value == {"a": {"b": 1}}
    assert applied("a.b=1", text="~").value == {"a": {"b": 1}}


def test_quoted_steps_hold_dots():
    document = applied('cluster.minions."db.a".labels."example.com/team"=x')
    assert document.value["cluster"]["minions"][1]["labels"] == {"example.com/team": "x"}


def test_what_an_alias_shares_is_not_changed_with_it():
    minions = applied("cluster.minions.1.count=9").value["cluster"]["minions"]
    assert [minion["count"] for minion in minions] == [40, 9, 2]
    assert load_yaml(TEXT, "f").value["cluster"]["minions"][1]["count"] == 2


def test_the_original_document_stays_as_it_was():
    before = load_yaml(TEXT, "f")
    after, _ = apply_overrides(before, ["cluster.minions.web.count=3", "a.b=1"])
    assert before.root.plain() == before.value == load_yaml(TEXT, "f").value
    assert after.value != before.value


def test_the_last_override_wins():
    assert applied("seed=2", "seed=3").value["seed"] == 3


def test_positions_say_which_override():
    document = applied("seed=7", "cluster.minions.web.cpu={a: [b]}")
    assert document.mark(("seed",)).source == "--set 1"
    mark = document.mark(("cluster", "minions", 0, "cpu", "a", 0))
    assert (mark.source, mark.line, mark.column) == ("--set 2", 1, 30)
    key = document.key_mark(("cluster", "minions", 0, "cpu"))
    assert (key.source, key.line, key.column) == ("--set 2", 1, 21)
    assert document.key_mark(("cluster", "minions", 0, "count")).source == "f"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed", "1:1: expected path=value, as seed=2, but there is no '=' in 'seed'"),
        ("=3", "1:1: expected path=value, but there is no path before '='"),
        ("a..b=1", "1:3: expected a path as a.b.0.c, not 'a..b'"),
        ("a.=1", "1:3: expected a path as a.b.0.c, not 'a.'"),
        ('"a"b=1', """1:4: expected '.' between the steps of the path '"a"b'"""),
        ("seed=", "1:6: expected a value after 'seed='"),
        ("seed=[1", "1:6: the '[' opened here is not closed: expected ',' or ']' before the end of the text"),
        ("seed={a: 1, a: 2}", "1:13: the key 'a' is given twice, first at line 1, column 7"),
        ("seed.x=1", "1:6: 'seed' is a single value: expected a mapping or a list to set 'x' in"),
        ("cluster.minions.7.x=1", "1:17: there is no element 7 in a list of 3, counted from 0"),
        ("cluster.minions.3.x=1", "1:17: there is no element 3 in a list of 3, counted from 0"),
        ("cluster.minions.wbe.x=1", "1:17: no element of this list has the name 'wbe'; did you mean 'web'?"),
    ],
)
def test_what_cannot_be_applied(text, sentence):
    assert refused(text) == [f"--set 1:{sentence}"]


def test_all_problems_at_once():
    assert len(refused("seed", "a=1", "cluster.minions.9=1", "b=[")) == 3


def test_axes_are_yaml_values():
    assert split_axis("first-fit,best-fit") == ["first-fit", "best-fit"]
    assert split_axis("1, 2.5, {best-fit: {ties: random}}, [a, b]") == [
        1,
        2.5,
        {"best-fit": {"ties": "random"}},
        ["a", "b"],
    ]
    assert split_axis("10/h") == ["10/h"]
    for text in ("", "a,,b", "[", "a]", "~", "a]\n---\n[b"):
        with pytest.raises(ScenarioError):
            split_axis(text, "--set 1")


def test_the_first_equals_sign_outside_quotes_splits():
    assert split_assignment("a.b=c=d") == ("a.b", "c=d")
    assert split_assignment('"a=b".c=d') == ('"a=b".c', "d")


@given(st.text(max_size=30), st.text('ab."0=[]{},: \\', max_size=15))
def test_any_text_is_applied_or_told(first, second):
    document, problems = apply_overrides(load_yaml(TEXT, "f"), [first, second])
    assert all(problem.source in {"--set 1", "--set 2"} for problem in problems)
    assert document.value is not None
    with contextlib.suppress(ScenarioError):
        assert isinstance(split_axis(second), list)
