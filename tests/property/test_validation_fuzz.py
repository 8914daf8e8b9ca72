"""Single mistakes in scenarios that use every key: told where they are, and never by a traceback."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api import manifests
from models.api.loading import load_scenario_text
from models.api.manifests import read_manifest_text
from models.api.manifests_settling import settle
from models.api.specs import Vocabulary
from sim.errors import ScenarioError
from tests.property.mutants import (
    VALUES,
    Mutant,
    all_paths,
    fill_folder,
    manifest,
    misspelt,
    mutant,
    scenario,
    with_key,
    write,
)

VOCABULARY = Vocabulary(("best-fit", "first-fit", "random"), ("openb", "table"))
KINDS = ("key", "value", "missing", "twice", "tail")
FLOWS = (99, 2, 4)
MANY_WORDS = ("pydantic", "Traceback", "type=", "input_", "ctx=", "NoneType", "<class")


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trace")
    fill_folder(folder)
    return scenario(str(folder))


@pytest.fixture(autouse=True)
def _same_manifest_is_read_once(monkeypatch):
    """Most mutants name the same file, whose reading is as dear as all else: it is kept by what it holds."""
    monkeypatch.setattr(manifests, "_LARGE", 0)


def problems(text: str | bytes, sets: tuple[str, ...] = ()) -> list:
    """The diagnostics of a text; none if it is valid. Any other exception fails the test."""
    try:
        load_scenario_text(text, "s", sets=sets, vocabulary=VOCABULARY)
    except ScenarioError as error:
        return list(error.diagnostics) or [AssertionError("an error without a problem")]
    return []


def told_well(found: list, case: Mutant) -> bool:
    for each in found:
        assert "\n" not in each.message, each
        assert not any(word in each.message for word in MANY_WORDS), each
    return all(each.line in {case.line, *case.also} or names_a_lost_minion(each, case) for each in found)


def names_a_lost_minion(found, case: Mutant) -> bool:
    """Whether a manifest's pod is told to be on a minion that the mutation has taken away: its twin, in another file."""
    return (
        found.source != "s"
        and "spec.nodeName: there is no minion" in found.message
        and "'cluster'" in case.what
    )


@pytest.mark.parametrize("flow_below", FLOWS)
def test_the_scenarios_that_are_mutated_are_valid_and_use_every_key(tree, flow_below):
    assert problems(write(tree, flow_below).text) == []


def systematic(tree, step: int, flows: tuple[int, ...]) -> Iterator[Mutant]:
    """Every ``step``-th of all single mutations of the scenario in these layouts."""
    cases = itertools.chain.from_iterable(
        (("key", how) for how in range(4))
        if kind == "key"
        else ((kind, how) for how in range({"value": len(VALUES), "tail": 12}.get(kind, 1)))
        for kind in KINDS
    )
    written = {flow_below: write(tree, flow_below) for flow_below in flows}
    every = itertools.product(flows, all_paths(tree), list(cases))
    for flow_below, path, (kind, how) in itertools.islice(every, 0, None, step):
        times = how * (3 if kind == "tail" else 1)
        made = mutant(tree, path, kind, times, flow_below, before=written[flow_below])
        if made is not None:
            yield made


def check_share(tree, step: int, flows: tuple[int, ...]) -> None:
    told, badly = 0, []
    # What stands in one line of a layout is cut to the same few texts for each path there.
    known = functools.lru_cache(maxsize=128)(problems)
    for case in systematic(tree, step, flows):
        found = known(case.text)
        if found and not told_well(found, case):
            badly.append((case.what, [str(each) for each in found]))
        told += bool(found)
    assert told > 3_000 * len(flows) / step, "most mutations are mistakes"
    assert len(badly) <= 0.001 * told, badly


def test_at_least_999_in_1000_are_told_at_their_line_their_parents_or_their_twins(tree):
    check_share(tree, 61, FLOWS)


@pytest.mark.long
@pytest.mark.parametrize("flow_below", FLOWS)
def test_all_single_mutations(tree, flow_below):
    check_share(tree, 1, (flow_below,))


@given(st.data())
def test_any_single_mutation_is_valid_or_told(tree, data):
    path = data.draw(st.sampled_from(all_paths(tree)))
    kind = data.draw(st.sampled_from(KINDS))
    case = mutant(tree, path, kind, data.draw(st.integers(0, 200)), data.draw(st.sampled_from(FLOWS)))
    if case is not None:
        told_well(problems(case.text), case)


@given(st.data())
def test_a_misspelt_key_is_told_once_with_the_right_word_where_it_is_near(tree, data):
    schema_keys = [
        path
        for path in all_paths(tree)
        if isinstance(path[-1], str)
        and path[-1] not in {"default", "ties"}
        and not {"labels", "extended", "domains", "scheduler", "matchLabels", "pods", "selector"}
        & set(path[:-1])
    ]
    path = data.draw(st.sampled_from(schema_keys))
    wrong = misspelt(path[-1], data.draw(st.integers(0, 3)))
    found = problems(write(with_key(tree, path, wrong, keep=False)).text)
    # Two letters are too few to tell what was meant: that the key is missing is told too where it is needed.
    assert len(found) == 1 or (
        len(path[-1]) == 2 and {each.code for each in found} <= {"unknown-key", "missing-key"}
    ), [str(each) for each in found]
    if len(path[-1]) > 4:
        assert found[0].hint == path[-1]


@given(st.data())
def test_texts_cut_or_spoilt_anywhere_are_valid_or_told(tree, data):
    text = write(tree, data.draw(st.sampled_from(FLOWS))).text
    at = data.draw(st.integers(0, len(text)))
    spoilt = data.draw(
        st.sampled_from(["", "\0", "\t", "{", "]", "'", '"', ":", "- ", "&a", "*a", "\n", "%", "é", "\ud800"])
    )
    rest = text[at:] if data.draw(st.booleans()) else ""
    problems(text[:at] + spoilt + rest)
    problems((text[:at] + rest).encode()[: data.draw(st.integers(0, len(text)))])


@given(st.data())
def test_overrides_of_anything_by_anything_are_applied_or_told(tree, data):
    path = data.draw(st.sampled_from(all_paths(tree)))
    steps = ".".join(f'"{step}"' if "." in str(step) else str(step) for step in path)
    value = data.draw(st.sampled_from([raw.text for raw in VALUES]) | st.text(max_size=8))
    found = problems(write(tree).text, (f"{steps}={value}",))
    # What is wrong only together with something else may be told at its twin.
    twins = {
        "dangling-reference",
        "exclusive",
        "missing-key",
        "reserved",
        "duplicate-name",
        "range",
        "absent",
        "selector",  # of a controller: its pods' labels are the other half
        "reference",  # of a controller: so is its pods' namespace
        "limit-below-request",
        "kernel",  # of limits: what the minions have is the other half
        "does-not-fit",  # of virtual machines: so is what their hosts have
    }
    for each in found:
        assert each.source == "--set 1" or each.code in twins, str(each)


def manifest_problems(text: str) -> list:
    read, found = read_manifest_text(text, "m")
    _, more = settle({"m": read})
    return sorted(found or more, key=lambda each: each.sort_key)


def test_single_mistakes_in_manifests_are_told_where_they_are_and_what_is_right_is_read():
    check_share_of_manifests(5)


@pytest.mark.long
def test_all_single_mistakes_in_manifests():
    check_share_of_manifests(1)


def check_share_of_manifests(step: int) -> None:
    tree, told, badly = manifest(), 0, []
    written = write(tree)
    assert manifest_problems(written.text) == []
    for path in all_paths(tree)[::step]:
        for kind, how in (
            ("value", 0),
            ("value", 9),
            ("value", 10),
            ("value", 16),
            ("missing", 0),
            ("twice", 0),
        ):
            case = mutant(tree, path, kind, how)
            if case is None:
                continue
            found = manifest_problems(case.text)
            # A template stands twice, and what an object lacks is told at the object, at what was to hold it.
            near = {written.line_of[path[:n]] for n in range(1, len(path))} | {case.line, *case.also, 1}
            # What another object refers to is told there.
            twins = {"duplicate-name", "dangling-reference", "priority"}
            if any(each.line not in near and each.code not in twins for each in found):
                badly.append((case.what, [str(each) for each in found]))
            told += bool(found)
    assert told > 40
    assert len(badly) <= 0.05 * told, badly


@given(st.data())
def test_any_mutation_of_a_manifest_is_read_or_told_in_one_sentence(data):
    tree = manifest()
    path = data.draw(st.sampled_from(all_paths(tree)))
    case = mutant(tree, path, data.draw(st.sampled_from(KINDS)), data.draw(st.integers(0, 200)))
    for each in manifest_problems(case.text) if case is not None else []:
        assert "\n" not in each.message
        assert not any(word in each.message for word in MANY_WORDS), each
