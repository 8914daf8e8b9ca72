"""The sums over minions are those that one would get by adding up after each move."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.api.types import PodTemplate, ResourceTable
from models.machines.ledger import Ledger, minimal
from sim.engine import RECORD, Engine
from sim.journalchunks import ChunkMemory
from sim.series import SeriesBook

_NEEDS = st.tuples(st.integers(0, 4), st.integers(0, 4), st.just(1), st.just(0), st.just(0))
_MOVES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["comes", "goes", "rises", "falls", "new"]), st.integers(0, 2),
              st.integers(0, 9), _NEEDS, st.booleans()),
    max_size=40,
)  # fmt: skip
_ALLOCATABLE = [(6, 6, 9, 0, 0), (3, 9, 9, 0, 0), (0, 2, 9, 0, 0)]


def _stranded(free: list[int], up: bool, templates: list[PodTemplate]) -> list[int]:
    fits = any(all(f >= n for f, n in zip(free, t.need, strict=True)) for t in templates)
    return free if up and templates and not fits else [0] * 5


@settings(max_examples=150, deadline=None)
@given(moves=_MOVES, first=st.lists(_NEEDS, max_size=2), up=st.lists(st.booleans(), min_size=3, max_size=3))
def test_series_are_those_of_adding_up_after_each_move(moves: Any, first: Any, up: list[bool]) -> None:
    engine, sink = Engine(), ChunkMemory()
    book = SeriesBook(engine, sink)
    templates = [PodTemplate(i, need) for i, need in enumerate(first)]
    resources = ResourceTable()
    ledger = Ledger(
        engine=engine, series=book, resources=resources, allocatable=_ALLOCATABLE, up=up, templates=templates
    )
    free, is_up, placed = [list(row) for row in _ALLOCATABLE], list(up), defaultdict(list)
    asked = len(templates)  # templates that the ledger knows of: it looks when a pod comes
    expected: dict[str, list[tuple[float, int]]] = defaultdict(list)

    def enter() -> None:
        sums = {
            "requested": [sum(a[k] - f[k] for a, f, u in zip(_ALLOCATABLE, free, is_up, strict=True) if u) for k in range(5)],
            "allocatable": [sum(a[k] for a, u in zip(_ALLOCATABLE, is_up, strict=True) if u) for k in range(5)],
            "stranded": [sum(_stranded(f, u, templates[:asked])[k] for f, u in zip(free, is_up, strict=True)) for k in range(5)],
        }  # fmt: skip
        for word, values in sums.items():
            for name, value in zip(resources.names, values, strict=True):
                steps = expected[f"{word}_{name}"]
                if steps and steps[-1][0] == engine.now_s:
                    steps.pop()
                if not steps or steps[-1][1] != value:
                    steps.append((engine.now_s, value))

    def move(kind: str, minion: int, which: int, need: Any, spill: bool) -> None:
        nonlocal asked
        if kind == "new":
            templates.append(PodTemplate(len(templates), need))
        elif kind == "comes" and templates:
            template = templates[which % len(templates)]
            ledger.comes(minion, template)
            placed[minion].append(template)
            free[minion] = [f - n for f, n in zip(free[minion], template.need, strict=True)]
            asked = len(templates)
        elif kind == "goes" and placed[minion]:
            template = placed[minion].pop()
            ledger.goes(minion, template)
            free[minion] = [f + n for f, n in zip(free[minion], template.need, strict=True)]
        elif kind == "rises" and not is_up[minion]:
            ledger.rises(minion)
            is_up[minion] = True
        elif kind == "falls" and is_up[minion]:
            ledger.falls(minion)
            is_up[minion] = False
        enter()
        if spill:
            assert ledger.free().tolist() == free

    enter()
    time_s = 0.0
    for wait, kind, minion, which, need, spill in moves:
        time_s += wait
        engine.at(time_s, RECORD, lambda k=kind, m=minion, w=which, n=need, s=spill: move(k, m, w, n, s))  # type: ignore[misc]
    engine.run()
    book.spill()
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for row in sink.whole().to_pylist():
        found[row["series"]].append((row["time_s"], int(row["value"])))
    for name, steps in expected.items():
        assert found[name] == steps, name


def test_only_needs_that_no_other_is_below_are_kept() -> None:
    assert minimal([(3, 1), (1, 3), (2, 2), (3, 3), (1, 3)]) == [(1, 3), (2, 2), (3, 1)]
