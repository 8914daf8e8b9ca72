"""Single mistakes in a cluster's dump: told where they are in one sentence each, or harmless to a run."""

from __future__ import annotations

import copy
import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.dumps.cluster import make_dump
from models.api.loading import load_scenario_text
from models.catalog import vocabulary
from models.plan import make_plan
from models.world import World
from sim.errors import ScenarioError
from sim.jsonsource import parse_json_all
from tests.support.worlds import sinks

SCENARIO = "apiVersion: wavetank/v1\nname: a\nuntil: 20s\nchecks: full\nworkloads: [{manifest: dump.json}]\n"
WRONG = (
    None,
    True,
    -1,
    0,
    3,
    1.5,
    10**30,
    "",
    "x",
    "1q",
    "Bad Name",
    [],
    {},
    [1],
    {"a": 1},
    ["x"],
    [{}],
    "é\n",
    2**63,
)
MANY_WORDS = ("pydantic", "Traceback", "type=", "input_", "NoneType", "<class", "object has no")
# What is right by itself and leads nowhere is told where it is referred to.
TWINS = {"dangling-reference", "priority", "duplicate-name"}


@cache
def dump():
    """A small cluster, the kinds one after the other."""
    made = make_dump(2, 24)
    kinds = {}
    for each in made["items"]:
        kinds.setdefault((each["kind"], bool(each["spec"].get("replicas"))), []).append(each)
    made["items"] = [each for some in kinds.values() for each in some]
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("dump")


def paths(value, path=()):
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            if key != "managedFields":
                yield from paths(below, (*path, key))


def at(tree, path):
    for step in path:
        tree = tree[step]
    return tree


def loaded(folder, text):
    (folder / "dump.json").write_text(text)
    return load_scenario_text(SCENARIO, "s", folder, vocabulary=vocabulary())


def told(folder, text):
    """The diagnostics of a dump; none if it is right, and then it runs."""
    try:
        spec = loaded(folder, text)
    except ScenarioError as error:
        return list(error.diagnostics)
    World(make_plan(spec), sinks()).run()
    return []


@settings(max_examples=settings.default.max_examples * 3)
@given(
    st.integers(0, 2**31), st.sampled_from(["value", "missing", "twice", "misspelt"]), st.sampled_from(WRONG)
)
def test_a_single_mistake_is_told_where_it_is_or_the_dump_runs(folder, place, how, wrong):
    tree = json.loads(json.dumps(dump()))
    every = list(paths(tree))
    path = every[place % len(every)]
    parent, key = at(tree, path[:-1]), path[-1]
    if how == "value":
        parent[key] = wrong
    elif how == "missing":
        del parent[key]
    elif how == "twice" and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif how == "misspelt" and isinstance(parent, dict):
        parent[key + "x"] = parent.pop(key)
    text = json.dumps(tree, indent=2)
    (document,), _ = parse_json_all(text, "dump.json")
    above = {document.mark(path[:n]).line for n in range(len(path) + 1)} | {document.key_mark(path).line}
    # Parts that go together (a request and its limit, a selector and labels) are told at one of them.
    item = range(document.mark(path[:2]).line, _after(document, path, text, 2 if len(path) == 2 else 1))
    for each in told(folder, text):
        assert "\n" not in each.message
        assert not any(word in each.message for word in MANY_WORDS), each
        assert len(path) == 1 or each.line in above or each.line in item or each.code in TWINS, (
            str(each),
            path,
            how,
        )


def _after(document, path, text, objects):
    """The line at which the object after that of a path begins, or the one after that where it stands twice."""
    if len(path) < 2 or not isinstance(path[1], int):
        return document.mark(path).line
    following = (path[0], path[1] + objects)
    beyond = document.mark(following) == document.mark(path[:1])
    return text.count("\n") + 1 if beyond else document.mark(following).line


@given(st.data())
def test_cut_anywhere_it_is_one_sentence_with_a_place(folder, data):
    text = json.dumps(dump(), indent=data.draw(st.sampled_from([None, 4])))
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    (problem,) = [each for each in told(folder, cut) if each.source.endswith("dump.json")]
    assert "\n" not in problem.message
    assert 1 <= problem.line <= cut.count("\n") + 1
