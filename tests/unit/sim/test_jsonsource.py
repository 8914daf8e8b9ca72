# Sentences stand whole, as a user sees them.

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.jsonsource import looks_like_json, parse_json_all
from sim.yamlsource import Limits, parse_yaml_all

scalars = (
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text('ab{}[]",:\\ \té\n', max_size=8)
)
values = st.recursive(
    scalars, lambda some: st.lists(some, max_size=4) | st.dictionaries(st.text("ab\"\\{é", max_size=4), some, max_size=4)
)  # fmt: skip
trees = st.dictionaries(st.text("abc", min_size=1, max_size=3), values, min_size=1, max_size=4)


def told(text: str, limits: Limits | None = None) -> list[str]:
    _, problems = parse_json_all(text, "f", limits or Limits())
    return [str(each) for each in problems]


def paths(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(below, (*path, key))


@given(trees, st.sampled_from([None, 1, 4, "\t"]), st.sampled_from(["", " ", "\r\n \n"]))
def test_values_and_all_places_are_those_that_yaml_gives(tree, indent, before):
    text = before + json.dumps(tree, indent=indent, ensure_ascii=False) + "\n"
    (document,), problems = parse_json_all(text, "f")
    assert (document.value, problems) == (tree, [])
    ((other,), problems) = parse_yaml_all(text, "f")
    if problems == [] and other.value == tree:  # YAML reads a few texts in quotes otherwise
        for path in paths(tree):
            assert document.mark(path) == other.mark(path), path
            assert document.key_mark(path) == other.key_mark(path), path
            for beyond in ((*path, "nothing"), (*path, 99)):
                assert document.mark(beyond) == other.mark(beyond)
                assert document.key_mark(beyond) == other.key_mark(beyond)


def test_places_are_not_taken_from_numbers_that_yaml_reads_as_such():
    (document,), _ = parse_json_all('{"a": [1.5, "x"],\n  "b": {"c": null}}', "f")
    assert (document.mark(("b", "c")).line, document.mark(("b", "c")).column) == (2, 14)
    assert (document.key_mark(("b", "c")).line, document.key_mark(("b", "c")).column) == (2, 9)
    assert document.mark(("a", 1)).column == 13
    said = document.diagnostic(("a", 0), "wrong", hint="right", on_key=True)
    assert str(said) == "f:1:8: wrong; did you mean 'right'?"


def test_several_values_stand_one_after_the_other():
    documents, problems = parse_json_all('{"a": 1}\n[2] {"b":\n3}', "f")
    assert [each.value for each in documents] == [{"a": 1}, [2], {"b": 3}]
    assert problems == []
    assert (documents[2].mark(("b",)).line, documents[2].mark(("b",)).column) == (3, 1)


# A '~' stands before the place that is told.
MISTAKES = {
    '~{"a": [1, 2], "b": "x"': "the '{' opened here is not closed: the text ends at line 1, column 22",
    '{"a": ~[1,\n  {"c": 2},\n  "x': "the '[' opened here is not closed: the text ends at line 3, column 4",
    '{"a": ~[1, 2': "the '[' opened here is not closed: the text ends at line 1, column 11",
    '~{"a":': "the '{' opened here is not closed: the text ends at line 1, column 5",
    '~{': "the '{' opened here is not closed: the text ends at line 1, column 1",
    '{"a": ~x}': "expected a value here: text in double quotes, a number, true, false, null, a list or a mapping",
    '{"a": 1,~}': "expected a key in double quotes",
    '{"a": 1~ "b": 2}': "expected ',' or '}' here",
    '[1~ 2]': "expected ',' or ']' here",
    '{"a"~ 1}': "expected ':' after the key",
    '[{"a": 1}~\n  {"b": 2}]': "expected ',' or ']' here",
    "{~a: 1}": "expected a key in double quotes here",
    '{"a": "~\n"}': "a line break or tab cannot stand in quoted text: write \\n or \\t",
    '{"a": "~\\x"}': "the escape here is not one of JSON",
    '{"a": "~\\ud800"}': "the escape '\\ud800' is half a character",
    '{"a": 1, "b": {"c": "}", "d": 0}, "e": [{"f": 1,\n~"f": 2}]}': "the key 'f' is given twice, first at line 1, "
    "column 42",
    '{"a": ~NaN}': "'NaN' is no number here, expected one of at most 100 characters that is finite",
    '{"a": ~1e999}': "'1e999' is no number here, expected one of at most 100 characters that is finite",
    '{"a": ~' + "1" * 101 + "}": "a number of 101 characters is no number here, expected one of at most 100 characters "
    "that is finite",
    '{"a": 1} ~x': "expected a value here: text in double quotes, a number, true, false, null, a list or a mapping",
    "[" * 64 + "~" + "[" * 900: "the nesting is deeper than 64 levels, expected at most that",
    "[" * 64 + "~[" + "]" * 65: "the nesting is deeper than 64 levels, expected at most that",
}  # fmt: skip


@pytest.mark.parametrize(("marked", "sentence"), MISTAKES.items())
def test_mistakes_are_told_where_they_are(marked, sentence):
    text = marked.replace("~", "")
    line = marked[: marked.index("~")].count("\n") + 1
    column = marked.index("~") - (marked.rfind("\n", 0, marked.index("~")) + 1) + 1
    if "deeper" in sentence and "]" not in text:
        text += "]" * text.count("[")
    (found,) = told(text)
    assert found.startswith(f"f:{line}:{column}: {sentence}")


def test_characters_beyond_the_first_plane_are_whole():
    (document,), problems = parse_json_all(r'{"a": "\ud83d\ude00 \\ud800"}', "f")
    assert (document.value, problems) == ({"a": "\U0001f600 \\ud800"}, [])


def test_what_begins_with_a_bracket_looks_like_json():
    assert looks_like_json(' \n{"a": 1}')
    assert looks_like_json("[1]")
    assert not looks_like_json("a: {}")
    assert not looks_like_json("")


@given(trees, st.data())
def test_texts_cut_or_spoilt_anywhere_are_read_or_told_with_their_place(tree, data):
    text = json.dumps(tree, indent=data.draw(st.sampled_from([None, 2])))
    at = data.draw(st.integers(0, len(text)))
    spoilt = data.draw(
        st.sampled_from(["", "{", "]", "}", '"', "\\", ",", ":", "\n", "1", "\\ud800", "NaN", '"a":'])
    )
    text = text[:at] + spoilt + (text[at:] if data.draw(st.booleans()) else "")
    documents, problems = parse_json_all(text, "f")
    try:
        rest, end = text.strip(), 0
        while rest:
            _, end = json.JSONDecoder().raw_decode(rest)
            rest = rest[end:].strip()
        fine = True
    except ValueError:
        fine = False
    assert not (documents and problems)
    if not fine:
        assert len(problems) == 1
    for each in problems:
        assert "\n" not in each.message
        assert 1 <= each.line <= text.count("\n") + 1
        assert 1 <= each.column <= len(text) + 1
