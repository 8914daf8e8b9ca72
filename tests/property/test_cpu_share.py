"""Sharing cores: what max-min means, over random trees; cpusets against linear programs."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from models.kernel.cpugroups import CpuGroup, CpuQuota
from models.kernel.cpushare import CpuShare, max_min
from models.kernel.cputree import CpuTree
from tests.support.cpugroups import trees

_TINY = 1e-9


@dataclass
class Node:
    """A group, what it can use and what it got, as the definition speaks of them."""

    group: CpuGroup
    rate: float
    cap: float
    usable: float
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)


def nodes_of(root: CpuGroup, cores: int, rates: tuple[float, ...]) -> list[Node]:
    """Return the nodes in order, with what each can use: by its own threads, caps below it and cores."""
    left = list(rates)
    found: list[Node] = []

    def build(group: CpuGroup, parent: Node | None) -> Node:
        cap = group.quota.quota_us / group.quota.period_us if group.quota else math.inf
        node = Node(group, left.pop(0), cap, 0.0, parent)
        found.append(node)
        node.children = [build(child, node) for child in group.children]
        can = sum(child.usable for child in node.children) if node.children else min(group.threads, cores)
        node.usable = min(can, cap)
        return node

    build(root, None)
    assert not left
    return found


def is_hungry(node: Node) -> bool:
    return node.rate < node.usable - _TINY * max(1.0, node.usable)


def is_worse(node: Node, than: Node) -> bool:
    return node.rate / node.group.weight <= than.rate / than.group.weight * (1 + _TINY) + 1e-15


def is_held(node: Node, cores: int) -> bool:
    """Whether a node that wants more is rightly refused."""
    g: Node | None = node
    while g is not None and g.parent is not None:
        if is_saturated(g.parent, cores) and all(is_worse(each, g) for each in g.parent.children):
            return True
        g = g.parent
    return node.parent is None and node.rate >= cores - _TINY * cores


def is_saturated(node: Node, cores: int) -> bool:
    if node.rate >= node.cap * (1 - _TINY):
        return True
    if node.parent is None:
        return node.rate >= cores * (1 - _TINY)
    return is_hungry(node) and is_held(node, cores)


def check_max_min(root: CpuGroup, cores: int) -> None:
    nodes = nodes_of(root, cores, max_min(root, cores))
    for node in nodes:
        assert -_TINY <= node.rate <= node.usable + _TINY * max(1.0, node.usable)
        if node.children:
            assert node.rate == pytest.approx(sum(child.rate for child in node.children), abs=_TINY)
        if is_hungry(node):
            assert is_held(node, cores), node
            # Stronger, as nothing but the parent and its children decides: no sibling is better off than who wants more.
            rivals = node.parent.children if node.parent is not None else []
            assert all(is_worse(each, node) for each in rivals), node
    assert nodes[0].rate == pytest.approx(min(cores, nodes[0].usable), abs=_TINY)


@given(trees(), st.integers(1, 16))
def test_who_gets_less_than_it_can_use_is_held_by_a_full_parent_and_its_weight(
    root: CpuGroup, cores: int
) -> None:
    check_max_min(root, cores)


def test_the_definition_finds_what_is_not_max_min(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = tuple(CpuGroup(str(weight), weight, 1.0) for weight in (1.0, 2.0, 3.0))
    root = CpuGroup("root", children=(CpuGroup("a", children=busy), CpuGroup("b", threads=1.0)))
    check_max_min(root, 2)
    real = CpuShare._divide

    def even(self: CpuShare, node: int, left: float) -> None:
        weights, self.tree.weights = self.tree.weights, [1.0] * len(self.tree.weights)
        real(self, node, left)
        self.tree.weights = weights

    monkeypatch.setattr(CpuShare, "_divide", even)
    with pytest.raises(AssertionError):
        check_max_min(root, 2)


# ------------------------------------------------------------------------------------------------ cpusets

_CORES = 4
_SETS = st.none() | st.sets(st.integers(0, _CORES - 1), min_size=1).map(frozenset)


class Program:
    """What the CPUs can carry, as a linear program over (container, CPU)."""

    def __init__(self, nodes: list[CpuGroup], parents: list[int]) -> None:
        self.leaves = [i for i, node in enumerate(nodes) if not node.children]
        self.cells = [
            (leaf, cpu)
            for leaf in self.leaves
            for cpu in sorted(nodes[leaf].cpus if nodes[leaf].cpus is not None else range(_CORES))
        ]
        self.rows, self.most = [], []
        for cpu in range(_CORES):
            self._bound(1.0, [c == cpu for _, c in self.cells])
        for leaf in self.leaves:
            self._bound(nodes[leaf].threads, [each == leaf for each, _ in self.cells])
        for i, node in enumerate(nodes):
            if node.quota is not None:
                self._bound(node.quota.cores, [_is_in(leaf, i, parents) for leaf, _ in self.cells])

    def _bound(self, most: float, row: list[bool]) -> None:
        self.rows.append([float(each) for each in row])
        self.most.append(most)

    def furthest(self, rates: dict[int, float], speeds: dict[int, float]) -> float:
        """How far rates can go on at some speeds."""
        rows = [[*row, 0.0] for row in self.rows]
        sums = [[*(float(each == leaf) for each, _ in self.cells), -speeds[leaf]] for leaf in self.leaves]
        cost = [0.0] * len(self.cells) + [-1.0]
        at = [rates[leaf] for leaf in self.leaves]
        found = linprog(cost, rows, self.most, sums, at, bounds=(0, None), method="highs")
        assert found.status == 0, found.message
        return float(found.x[-1])


def _is_in(leaf: int, group: int, parents: list[int]) -> bool:
    while leaf >= 0 and leaf != group:
        leaf = parents[leaf]
    return leaf == group


def filled(root: CpuGroup) -> dict[int, float]:
    """Rates of the containers by progressive filling, where linear programs say who can grow how far."""
    nodes = list(root.walk())
    parents, children = [-1] * len(nodes), [[] for _ in nodes]

    def link(i: int) -> int:
        following = i + 1
        for _ in nodes[i].children:
            parents[following] = i
            children[i].append(following)
            following = link(following)
        return following

    link(0)
    program = Program(nodes, parents)
    rates = dict.fromkeys(program.leaves, 0.0)
    growing = set(program.leaves)

    def grows(i: int) -> bool:
        return any(map(grows, children[i])) if children[i] else i in growing

    def divide(i: int, speed: float, speeds: dict[int, float]) -> None:
        if not children[i]:
            speeds[i] = speed
            return
        mine = [child for child in children[i] if grows(child)]
        total = sum(nodes[child].weight for child in mine)
        for child in mine:
            divide(child, speed * nodes[child].weight / total, speeds)

    while True:
        for leaf in sorted(growing):
            alone = program.furthest(rates, {each: float(each == leaf) for each in rates})
            if alone < 1e-7:
                growing.discard(leaf)
        if not growing:
            return rates
        speeds = dict.fromkeys(rates, 0.0)
        divide(0, 1.0, speeds)
        step = program.furthest(rates, speeds)
        rates = {leaf: rate + step * speeds[leaf] * (1 - 1e-10) for leaf, rate in rates.items()}


@given(trees(depth=2, width=3, cpus=_SETS))
def test_cpusets_are_shared_as_linear_programs_say(root: CpuGroup) -> None:
    rates = max_min(root, _CORES)
    for leaf, rate in filled(root).items():
        assert rates[leaf] == pytest.approx(rate, abs=2e-6)


@given(trees(depth=4, width=3), st.integers(1, 8))
def test_cpusets_of_all_cpus_change_nothing(root: CpuGroup, cores: int) -> None:
    tree = CpuTree(root, cores)
    tree.is_narrow = True
    share = CpuShare(tree)
    for index, group in enumerate(tree.groups):
        share.set_cap(index, group.quota.cores if group.quota else math.inf)
    assert share.rates() == pytest.approx(max_min(root, cores), abs=1e-9)


@given(trees(depth=4, width=4), st.integers(1, 6), st.data())
def test_rates_kept_up_to_date_are_those_from_scratch(
    root: CpuGroup, cores: int, data: st.DataObject
) -> None:
    share = CpuShare(CpuTree(root, cores))
    groups = list(share.tree.groups)
    quotas: dict[int, CpuQuota | None] = {}
    threads: dict[int, float] = {}
    for index, group in enumerate(groups):
        quotas[index], threads[index] = None, group.threads
    for _ in range(data.draw(st.integers(1, 12))):
        index = data.draw(st.integers(0, len(groups) - 1))
        if groups[index].children or data.draw(st.booleans()):
            quotas[index] = data.draw(
                st.none() | st.builds(CpuQuota, st.integers(1, 900).map(lambda ms: 1000 * ms))
            )
            share.set_cap(index, quotas[index].cores if quotas[index] else math.inf)  # type: ignore[union-attr]
        else:
            threads[index] = data.draw(st.sampled_from([0.0, 0.5, 1.0, 9.0]) | st.floats(0.0, 4.0))
            share.set_wanted(index, threads[index])
        if data.draw(st.booleans()):
            assert share.rates() == pytest.approx(max_min(changed(root, quotas, threads), cores), abs=1e-12)
    check_max_min(changed(root, quotas, threads), cores)
    assert share.rates() == pytest.approx(max_min(changed(root, quotas, threads), cores), abs=1e-12)


def changed(root: CpuGroup, quotas: dict[int, CpuQuota | None], threads: dict[int, float]) -> CpuGroup:
    counter = itertools.count()

    def of(group: CpuGroup) -> CpuGroup:
        index = next(counter)
        children = tuple(map(of, group.children))
        return replace(group, quota=quotas[index], threads=threads[index], children=children)

    return of(root)


def test_exclusive_cpus_beside_a_shared_pool() -> None:
    pinned = CpuGroup("pinned", 2.0, 3.0, cpus=frozenset({0, 1}))
    pool = tuple(CpuGroup(f"pool-{i}", 1024.0, 4.0, cpus=frozenset({2, 3})) for i in range(2))
    anywhere = CpuGroup("anywhere", 1024.0, 1.0)
    rates = max_min(CpuGroup("root", children=(pinned, *pool, anywhere)), 4)
    # The last can run on 0 and 1, where it outweighs the first; all others are bound to their CPUs.
    assert rates == pytest.approx((4.0, 1.0, 1.0, 1.0, 1.0), abs=1e-9)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: max_min(CpuGroup("r"), 0), "at least 1 core"),
        (lambda: max_min(CpuGroup("r", cpus=frozenset({0, 7})), 4), "'r': the machine has CPUs 0 to 3, not 7"),
        (
            lambda: max_min(
                CpuGroup("r", cpus=frozenset({0}), children=(CpuGroup("c", cpus=frozenset({1})),)), 4
            ),
            "'c': its cpuset has none of its parent's CPUs",
        ),
        (lambda: CpuGroup("r", cpus=frozenset()), "a cpuset needs at least one CPU"),
        (lambda: CpuGroup("r", weight=0.0), "a weight must be more than 0"),
        (lambda: CpuGroup("r", threads=-1.0), "at least 0 threads"),
        (lambda: CpuGroup("r", threads=1.0, children=(CpuGroup("c"),)), "threads stand in the groups"),
        (lambda: CpuQuota(999), "a CPU quota must be at least 1 ms, not 0.999 ms"),
        (lambda: CpuQuota(5000, 999), "a CPU period must be 1 ms to 1 s, not 0.999 ms"),
        (lambda: CpuQuota(5000, 1_000_001), "a CPU period must be 1 ms to 1 s, not 1000"),
    ],
)  # fmt: skip
def test_what_no_kernel_takes_is_refused(make: object, told: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=told):
        make()
