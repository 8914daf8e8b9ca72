from __future__ import annotations

import json
import pickle

from sim.diagnostics import Diagnostic, nearest_word, render_diagnostics, to_json
from sim.errors import ScenarioError


def test_a_diagnostic_reads_as_one_line():
    assert str(Diagnostic("no such key 'memroy'", "web.yaml", 5, 7, "memory")) == (
        "web.yaml:5:7: no such key 'memroy'; did you mean 'memory'?"
    )
    assert str(Diagnostic("it cannot be read", "web.yaml")) == "web.yaml: it cannot be read"


def test_errors_sort_by_source_and_place():
    found = [
        Diagnostic("c", "b.yaml", 1, 1),
        Diagnostic("b", "a.yaml", 10, 1),
        Diagnostic("a", "a.yaml", 9, 30),
    ]
    error = ScenarioError(found)
    assert [d.message for d in error.diagnostics] == ["a", "b", "c"]
    assert pickle.loads(pickle.dumps(error)).diagnostics == error.diagnostics


def test_nearest_word():
    assert nearest_word("memroy", ["cpu", "memory"]) == "memory"
    assert nearest_word("best_fit", ["best-fit", "first-fit"]) == "best-fit"
    assert nearest_word("giveupafter", ["giveUpAfter"]) == "giveUpAfter"
    assert nearest_word("zzz", ["cpu", "memory"]) is None
    assert nearest_word("x", []) is None
    assert nearest_word("A_b", ["ab", "a-b"]) == "a-b"


def test_rendering_shows_the_line_with_a_caret():
    text = "name: x\ncluster:\n\tmemroy: 4Gi\n"
    shown = render_diagnostics(
        [Diagnostic("no such key", "s", 3, 2, "memory"), Diagnostic("odd", "--set 1", 1, 1)], {"s": text}
    )
    assert shown == (
        "s:3:2: no such key; did you mean 'memory'?\n"
        "    3 |  memroy: 4Gi\n"
        "      |  ^\n"
        "--set 1:1:1: odd\n"
        "2 problems"
    )


def test_long_lines_are_cut_around_the_caret():
    shown = render_diagnostics(
        [Diagnostic("odd", "s", 1, 300)], {"s": "x" * 299 + "!" + "x" * 299}
    ).splitlines()
    assert len(shown[1]) < 130
    assert shown[1][shown[2].index("^")] == "!"


def test_json_holds_every_field():
    (row,) = json.loads(to_json([Diagnostic("odd", "s", 3, 2, "even", "value")]))
    assert row == {"source": "s", "line": 3, "column": 2, "code": "value", "message": "odd", "hint": "even"}
