"""A document takes from the files that it includes what it does not say itself; problems keep their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.includes import with_includes
from sim.yamlsource import parse_yaml


def _with(tmp_path: Path, text: str, **files: str) -> tuple[object, list[str], object]:
    for name, content in files.items():
        (tmp_path / f"{name}.yaml").write_text(content)
    document, problems = parse_yaml(text, "own.yaml")
    assert document is not None
    assert problems == []
    merged, found = with_includes(document, tmp_path)
    return merged.value, [str(each).replace(f"{tmp_path}/", "") for each in found], merged


def test_what_it_says_holds_and_the_rest_is_taken(tmp_path: Path) -> None:
    value, problems, _ = _with(
        tmp_path,
        "include: a.yaml\nx: 1\nm: {p: 1, deep: {q: [1]}}",
        a="x: 2\ny: 3\nm: {p: 9, r: 4, deep: {q: [2, 3], s: 5}}",
    )
    assert problems == []
    assert value == {"x": 1, "m": {"p": 1, "deep": {"q": [1], "s": 5}, "r": 4}, "y": 3}


def test_of_two_files_the_first_holds(tmp_path: Path) -> None:
    value, problems, _ = _with(tmp_path, "include: [a.yaml, b.yaml]", a="x: 1", b="x: 2\ny: 3")
    assert problems == []
    assert value == {"x": 1, "y": 3}


def test_everything_keeps_its_place(tmp_path: Path) -> None:
    _, _, merged = _with(tmp_path, "m:\n  p: 1\ninclude: a.yaml", a="\n\nm:\n   q: 2")
    assert (merged.mark(("m", "p")).source, merged.mark(("m", "p")).line) == ("own.yaml", 2)
    place = merged.mark(("m", "q"))
    assert (Path(place.source).name, place.line, place.column) == ("a.yaml", 4, 7)


@pytest.mark.parametrize(
    ("text", "files", "told"),
    [
        (
            "x: 1\ninclude: no.yaml",
            {},
            "own.yaml:2:10: the included file cannot be read: No such file or directory",
        ),
        ("include: 3", {}, "own.yaml:1:10: expected the name of a file, as host.yaml"),
        ("include: [{}]", {}, "own.yaml:1:11: expected the name of a file, as host.yaml"),
        ("include: a.yaml", {"a": "[1]"}, "a.yaml:1:1: expected a mapping, of keys that a scenario has"),
        (
            "include: a.yaml",
            {"a": "x: 1\ninclude: a.yaml"},
            "a.yaml:2:10: an included file includes no other",
        ),
    ],
)
def test_problems(tmp_path: Path, text: str, files: dict[str, str], told: str) -> None:
    assert _with(tmp_path, text, **files)[1] == [told]


def test_a_document_that_includes_nothing_is_left_alone(tmp_path: Path) -> None:
    document, _ = parse_yaml("x: 1", "own.yaml")
    assert document is not None
    assert with_includes(document, tmp_path) == (document, [])
