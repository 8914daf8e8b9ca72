from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import sim.yamlsource
from sim.errors import ScenarioError
from sim.yamlnodes import path_text
from sim.yamlsource import load_yaml, parse_yaml, parse_yaml_all
from sim.yamltext import Limits

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__)
def both_parsers(request, monkeypatch):
    monkeypatch.setattr(sim.yamlsource, "_Loader", request.param)


def problems(text):
    return [str(problem) for problem in parse_yaml(text, "f")[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0), ("010", 10), ("0o10", 8), ("0x1F", 31), ("-7", -7), ("+7", 7), (".5", 0.5),
        ("1.", 1.0),
        ("on", "on"), ("yes", "yes"), ("No", "No"), ("12:30:00", "12:30:00"), ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("2024-01-01", "2024-01-01"), ("true", True), ("False", False), ("null", None), ("~", None),
        (".inf", math.inf), ("-.INF", -math.inf), ("'5'", "5"), ('"true"', "true"), ("=", "="), ("<<", "<<"),
        ("0o8", "0o8"), ("0x", "0x"), ("-", [None]), ("1e", "1e"), ("e3", "e3"), (".", "."), ("+", "+"),
        ("!!str 5", "5"), ("!!int '5'", 5), ("!!float 5", 5.0), ("! 5", "5"), ("|\n  a\n  b\n", "a\nb\n"),
        ("[1, {a: b}, [c]]", [1, {"a": "b"}, ["c"]]), ("{a: , b}", {"a": None, "b": None}),
        ("404: x\non: y\nnull: z", {"404": "x", "on": "y", "null": "z"}),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("both_parsers")
def test_the_core_schema_of_yaml_1_2(text, value):
    found = load_yaml(text, "f").value
    assert found == value
    assert type(found) is type(value)


@pytest.mark.usefixtures("both_parsers")
def test_nan():
    assert math.isnan(load_yaml("a: .nan", "f").value["a"])


@pytest.mark.usefixtures("both_parsers")
def test_positions_of_keys_and_values():
    document = load_yaml("a:\n  - {x: 1,\n     y: [2, 3]}\nb:\n  c: d\n  e:\n", "f")

    def at(mark):
        return mark.line, mark.column

    assert at(document.mark(("a",))) == (2, 3)
    assert at(document.key_mark(("a",))) == (1, 1)
    assert at(document.mark(("a", 0, "y", 1))) == (3, 13)
    assert at(document.key_mark(("a", 0, "y"))) == (3, 6)
    assert at(document.key_mark(("a", 0))) == (2, 5)
    assert at(document.mark(("b", "c"))) == (5, 6)
    assert at(document.mark(("b", "e"))) == (6, 3), "a value that is not there is shown at its key"
    assert at(document.mark(("b", "nothing", "below"))) == (5, 3), "the nearest ancestor"
    assert [path_text(path) for path, _ in document.walk()] == [
        "", "a", "a.0", "a.0.x", "a.0.y", "a.0.y.0", "a.0.y.1", "b", "b.c", "b.e",
    ]  # fmt: skip
    assert path_text(("labels", "example.com/x", 0)) == 'labels."example.com/x".0'


@pytest.mark.usefixtures("both_parsers")
def test_duplicate_keys_are_told_all_at_once_and_the_first_counts():
    document, found = parse_yaml("a: 1\nb: {c: 1, c: 2}\na: {a: 3}\n", "f")
    assert [str(each) for each in found] == [
        "f:2:11: the key 'c' is given twice, first at line 2, column 5",
        "f:3:1: the key 'a' is given twice, first at line 1, column 1",
    ]
    assert document.value == {"a": 1, "b": {"c": 1}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "a: {b: 1\nc: 2\n",
            "f:1:4: the '{' opened here is not closed: expected ',' or '}' before line 2, column 2",
        ),
        (
            "a: {b: [\nc:\n  - d: 1\n",
            "f:1:8: the '[' opened here is not closed: expected ',' or ']' before line 3, column 3",
        ),
        (
            "a: [1, 2",
            "f:1:4: the '[' opened here is not closed: expected ',' or ']' before the end of the text",
        ),
        (
            "a: 'b\nc: 2\n",
            "f:1:4: the quoted text that begins here is broken or not closed: see the end of the text",
        ),
        ("a: 1\nbc\nd: 2", "f:2:1: expected 'key: value', but there is no ':' after this"),
        (
            "a:\n  bc\n    - 1\n    - 2\n  d: 2",
            "f:2:3: expected 'key: value', but there is no ':' after this",
        ),
        (
            "a:\n  - x y\nb: c: d",
            "f:3:5: a ':' cannot stand here: quote the text, or begin the key on a line of its own",
        ),
        ("a: b: c", "f:1:5: a ':' cannot stand here: quote the text, or begin the key on a line of its own"),
        (
            "a:\n\t- b",
            "f:2:1: this character cannot begin a value: use blanks for indentation, and quote special signs",
        ),
        ("a:\n  b: 1\n c: 2", "f:3:2: expected another 'key:' or '- item' at the same indentation here"),
        ("- a\nb: 1", "f:2:1: expected another 'key:' or '- item' at the same indentation here"),
        ("a: !foo 1", "f:1:4: the tag '!foo' is not known here, expected plain YAML"),
        ("a: !!set {b}", "f:1:4: the tag 'tag:yaml.org,2002:set' is not known here, expected plain YAML"),
        ("a: !!int x", "f:1:4: 'x' is not of the type that its tag 'int' says"),
        ("- *b", "f:1:3: the alias '*b' refers to nothing before it"),
        ("- &a [*a]", "f:1:7: the alias '*a' refers to itself"),
        ("? [a]\n: b", "f:1:3: a key must be plain text, not a list, a mapping or an alias"),
        ("- &a [1]\n- {*a : 2}", "f:2:4: a key must be plain text that is new here, not this alias"),
        ("--- a\n--- b", "f:2:5: expected one document, but a second one begins here"),
        ("", "f:1:1: expected a document, but the file is empty"),
        ("# nothing\n", "f:1:1: expected a document, but the file is empty"),
        ("a: \0", "f:1:4: expected text, but a NUL character stands here"),
        ("a\n\x07", "f:2:1: expected text, but the control character U+0007 stands here"),
        ("a: \udc80", "f:1:4: expected text, but the control character U+DC80 stands here"),
        (b"a: b\nc: \xff", "f:2:4: the file is not UTF-8 text: byte 0xff cannot stand here"),
        ("a: b\n".encode("utf-16"), "f:1:1: the file is not UTF-8 text: byte 0xff cannot stand here"),
        ("a: " + "9" * 5000, "f:1:4: a number of 5000 characters is too long, expected at most 100"),
    ],
)
@pytest.mark.usefixtures("both_parsers")
def test_what_is_not_yaml_is_told_in_one_sentence(text, sentence):
    assert problems(text) == [sentence]
    with pytest.raises(ScenarioError):
        load_yaml(text, "f")


@pytest.mark.usefixtures("both_parsers")
def test_aliases_are_written_out_and_shown_where_they_stand():
    document = load_yaml("a: &x {b: 1}\nc: *x\n", "f")
    assert document.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.mark(("c",)).line == 2
    document.value["a"]["b"] = 2
    assert document.value["c"] == {"b": 1}, "aliases do not share what they hold"
    assert load_yaml("- &k a\n- {*k : 1}", "f").value == ["a", {"a": 1}]


@pytest.mark.usefixtures("both_parsers")
def test_an_alias_bomb_is_one_sentence():
    lines = ["a0: &a0 [" + ", ".join(["x"] * 9) + "]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]" for i in range(1, 10)]
    assert problems("\n".join(lines)) == [
        "f:6:15: with its aliases written out, the file has more than 200,000 values, expected at most that"
    ]


@pytest.mark.usefixtures("both_parsers")
@pytest.mark.parametrize(
    "text", ["[" * 10_000, "{a: " * 10_000, "a:\n" + "".join(" " * i + "-\n" for i in range(1, 500))]
)
def test_depth_is_one_sentence(text):
    (found,) = problems(text)
    assert found.endswith("the nesting is deeper than 64 levels, expected at most that")


@pytest.mark.usefixtures("both_parsers")
def test_aliases_cannot_nest_deeper_than_brackets():
    lines = ["- &a0 [x]", *(f"- &a{i} [*a{i - 1}]" for i in range(1, 100))]
    (found,) = problems("\n".join(lines))
    assert "deeper than 64 levels" in found


def test_size_is_one_sentence():
    _, found = parse_yaml("a: " + "b" * 100, "f", Limits(max_bytes=50))
    assert [str(each) for each in found] == ["f: the file has 103 bytes, expected at most 50"]
    _, found = parse_yaml("[a, b, c]", "f", Limits(max_nodes=3))
    assert [str(each) for each in found] == ["f:1:8: the file has more than 3 values, expected at most that"]


def test_several_documents_where_they_are_asked_for():
    documents, found = parse_yaml_all("a: 1\n---\nb: 2\n", "f")
    assert [document.value for document in documents] == [{"a": 1}, {"b": 2}]
    assert found == []


def test_a_byte_order_mark_is_no_character():
    assert load_yaml("\ufeffa: 1".encode(), "f").value == {"a": 1}


trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(trees, st.sampled_from([None, False, True]))
def test_what_is_dumped_is_read_the_same(tree, flow):
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=False)
    # YAML 1.1, which the dumper speaks, and 1.2 differ in a few plain scalars: write them all in quotes.
    text = yaml.dump(tree, Dumper=_Quoting, default_flow_style=flow)
    document, found = parse_yaml(text, "f")
    if any("control character" in str(each) for each in found):
        return
    assert found == []
    assert document.value == tree


class _Quoting(yaml.SafeDumper):
    def represent_str(self, data):
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"')

    def represent_float(self, data):
        text = repr(data).replace("inf", ".inf")
        return self.represent_scalar("tag:yaml.org,2002:float", text)

    def ignore_aliases(self, data):
        return True


_Quoting.add_representer(str, _Quoting.represent_str)
_Quoting.add_representer(float, _Quoting.represent_float)


@given(st.text("ab:-[]{},&*!|>'\"%@` \n\t#?0", max_size=30) | st.binary(max_size=30) | st.text(max_size=20))
def test_any_text_is_a_document_or_problems_with_both_parsers(text):
    seen = []
    for loader in LOADERS:
        before, sim.yamlsource._Loader = sim.yamlsource._Loader, loader
        try:
            document, found = parse_yaml(text, "f")
        finally:
            sim.yamlsource._Loader = before
        assert (document is None) <= bool(found)
        seen.append((repr(document.value) if document else None, bool(found)))
    if all(not bad for _, bad in seen):
        assert seen[0] == seen[-1]


def test_what_is_not_closed_is_the_bracket_not_a_pair_that_stands_alone_in_its_list():
    text = "a:\n  - b: [{c: 1},\nworkloads:\n  - x: 1\n"
    _, problems = parse_yaml(text, "s.yaml")
    said = "s.yaml:2:8: the '[' opened here is not closed: expected ',' or ']' before line 4, column 3"
    assert [str(each) for each in problems] == [said]
