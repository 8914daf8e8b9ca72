"""House rules that neither ruff nor mypy knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.arch.tidy import findings, unsorted_exports

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
DRAWS = "sim/streams.py"


def _files(*packages: str) -> list[str]:
    return sorted(
        str(path.relative_to(ROOT)) for package in packages for path in (ROOT / package).rglob("*.py")
    )


def test_simulated_code_repeats_itself() -> None:
    files = _files("sim", "models")
    assert DRAWS in files
    found = [
        f"{name}:{finding}"
        for name in files
        for finding in findings((ROOT / name).read_text(), draws_allowed=name == DRAWS)
    ]
    assert found == []


def test_files_can_be_held_in_the_head() -> None:
    lengths = {
        name: len((ROOT / name).read_text().splitlines()) for name in _files("sim", "models", "experiments")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_exports_are_sorted() -> None:
    wanted = {
        name: unsorted_exports((ROOT / name).read_text()) for name in _files("sim", "models", "experiments")
    }
    assert {name: names for name, names in wanted.items() if names} == {}


@pytest.mark.parametrize(
    "line",
    [
        "for x in {1, 2}: pass",
        "for x in set(a): pass",
        "s = set()\nfor x in s: pass",
        "s: set[int] = f()\nfor x in s: pass",
        "def f(s: frozenset[int]):\n    return [x for x in s]",
        "def f(s: set[int] | None):\n    return list(s)",
        "class A:\n    s: set[int]\n    def f(self):\n        return tuple(self.s)",
        "class A:\n    def __init__(me):\n        me.s = {1}\n    def f(me):\n        yield from me.s",
        "s = {x for x in a}\nt = s\nf(*t)",
        "s = set(a) - set(b)\nd = {x: 1 for x in s}",
        "for x in set(a) | b: pass",
        "for x in a.union(b): pass",
        "for i, x in enumerate(set(a)): pass",
        "','.join({str(x) for x in a})",
        "s = {1}\ns.pop()",
        "s = {1, 2}\na, b = s",
        "next(iter({1}))",
        "sum({0.1, 0.2})",
        "sum(x for x in {0.1, 0.2})",
        "min(set(a), key=len)",
        "sorted((x for x in set(a)), key=len)",
        "out.extend({1})",
        "if (s := set(a)):\n    for x in s: pass",
        "hash(x)",
        "id(x)",
        "print(x)",
        "import time",
        "from time import perf_counter",
        "from datetime import datetime",
        "import random",
        "import numpy.random",
        "from numpy import random",
        "np.random.default_rng(1)",
        "import os\nos.urandom(4)",
        "from uuid import uuid4",
        "import uuid\nuuid.uuid4()",
    ],
)
def test_what_is_untidy_is_found(line: str) -> None:
    assert findings(line) != []


@pytest.mark.parametrize(
    "line",
    [
        "for x in sorted({1, 2}): pass",
        "s = set()\ns.add(1)\n1 in s\nlen(s)\nmin(s)",
        "any(f(x) for x in set(a))",
        "sorted(f(x) for x in set(a))",
        "{f(x) for x in set(a)}",
        "for x in [1, 2]: pass",
        "for x in {1: 2}: pass",
        "a = [3]\na.pop()",
        "x - y",
        "def f(x: dict[str, set[int]]):\n    for k in x: pass",
        "import uuid\nuuid.uuid5(a, b)",
        "from sim.streams import Streams",
        "class A:\n    def __hash__(self): return 1",
        "time_s = 1.0",
    ],
)
def test_what_is_tidy_is_left_alone(line: str) -> None:
    assert findings(line) == []


def test_the_door_to_draws_may_use_numpy_random_and_no_other_chance() -> None:
    assert findings("from numpy.random import Philox\nnp.random.Generator", draws_allowed=True) == []
    assert findings("import random", draws_allowed=True) != []
    assert findings("import os\nos.urandom(8)", draws_allowed=True) != []


def test_exports_out_of_order_or_twice_are_found() -> None:
    assert unsorted_exports('__all__ = ["LIMIT", "Engine", "run"]') == []
    assert unsorted_exports('__all__ = ["run", "Engine"]') == ["Engine", "run"]
    assert unsorted_exports('__all__ = ["Engine", "Engine"]') != []
