"""Images on one minion's disk: what is shared, what is held, what is removed to make room."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.images import CollectionPolicy, Image, ImageDisk, ImageTable, Layer

POLICY = CollectionPolicy(0.85, 0.80, 120.0, 300.0)


def table(**images: list[tuple[str, int]]) -> tuple[ImageTable, dict[str, Image]]:
    made = ImageTable()
    return made, {
        name: made.add(name, [Layer(digest, size, size) for digest, size in layers])
        for name, layers in images.items()
    }


def pull(disk: ImageDisk, image: Image, now_s: float = 0.0) -> list[str]:
    disk.hold(image)
    absent = disk.absent(image)
    for place in absent:
        disk.fetched(image.chain[place])
    disk.keep(image, now_s)
    return [image.layers[place].digest for place in absent]


def test_layers_are_shared_from_the_bottom_up_only() -> None:
    _, made = table(
        a=[("base", 10), ("lib", 5), ("a", 1)],
        b=[("base", 10), ("lib", 5), ("b", 1)],
        c=[("other", 3), ("lib", 5)],
    )
    disk = ImageDisk(1000, POLICY)
    assert pull(disk, made["a"]) == ["base", "lib", "a"]
    assert disk.needed_bytes(made["b"]) == 1
    assert pull(disk, made["b"]) == ["b"]
    assert pull(disk, made["c"]) == ["other", "lib"]
    assert disk.used_bytes == 17 + 8
    assert pull(disk, made["a"]) == []
    assert disk.used_bytes == 25
    assert disk.images() == ["a", "b", "c"]


def test_a_failed_pull_leaves_only_what_others_hold() -> None:
    _, made = table(a=[("base", 10), ("a", 1)], b=[("base", 10), ("b", 2)])
    disk = ImageDisk(1000, POLICY)
    disk.hold(made["a"])
    disk.fetched(made["a"].chain[0])
    disk.hold(made["b"])
    assert disk.absent(made["b"]) == [1]
    disk.let_go(made["a"])
    assert disk.used_bytes == 12
    assert disk.absent(made["b"]) == [1], "the base is held by the other pull"
    disk.let_go(made["b"])
    assert disk.used_bytes == 0
    assert disk.absent(made["b"]) == [0, 1]


def test_two_images_of_one_name_are_refused() -> None:
    made, _ = table(a=[("base", 10)])
    with pytest.raises(ValueError, match="already"):
        made.add("a", [])


@pytest.mark.parametrize(
    ("used", "full"), [(839, False), (840, False), (841, True), (850, True), (1000, True)]
)
def test_the_threshold_is_in_whole_percents_of_what_is_available(used: int, full: bool) -> None:
    """159 of 1,000 available are 15 %, so that 85 % are used: the kubelet divides whole numbers."""
    _, made = table(a=[("a", used)])
    disk = ImageDisk(1000, POLICY)
    pull(disk, made["a"])
    assert disk.is_full is full


def filled() -> tuple[ImageDisk, dict[str, Image]]:
    """Three images of 300, the first pass at 10 s; each was used for a while, b last."""
    _, made = table(a=[("a", 300)], b=[("b", 300)], c=[("c", 300)])
    disk = ImageDisk(1000, POLICY, phase_s=10.0)
    for name in "abc":
        pull(disk, made[name], 5.0)
        disk.use(made[name], 5.0)
    disk.leave(made["a"], 320.0)
    disk.leave(made["c"], 321.0)
    disk.leave(made["b"], 700.0)
    return disk, made


def test_the_least_recently_used_goes_first_and_one_is_enough() -> None:
    disk, _ = filled()
    found = disk.collect(910.0)
    assert ([image.name for image in found.removed], found.missing_bytes) == (["a"], 0)
    assert disk.used_bytes == 600
    assert disk.collect(1210.0) == ([], 0), "below the threshold nothing goes"


def test_what_is_in_use_or_too_young_stays() -> None:
    disk, made = filled()
    disk.use(made["a"], 705.0)
    disk.use(made["c"], 705.0)
    found = disk.collect(910.0)
    assert [image.name for image in found.removed] == ["b"]
    pull(disk, made["b"], 1000.0)
    found = disk.collect(1210.0)  # this pass is the first that sees it
    assert ([image.name for image in found.removed], found.missing_bytes) == ([], 100)
    assert [image.name for image in disk.collect(1510.0).removed] == ["b"]


def test_a_short_use_between_passes_is_not_seen() -> None:
    _, made = table(a=[("a", 450)], b=[("b", 450)])
    disk = ImageDisk(1000, POLICY, phase_s=0.0)
    for name in "ab":
        pull(disk, made[name], 1.0)
        disk.use(made[name], 1.0)
    disk.leave(made["a"], 650.0)  # seen at 600
    disk.leave(made["b"], 350.0)  # seen at 300
    disk.use(made["b"], 700.0)
    disk.leave(made["b"], 800.0)  # not seen
    assert [image.name for image in disk.collect(900.0).removed] == ["b"]


def test_last_use_comes_before_first_sight() -> None:
    _, made = table(a=[("a", 450)], b=[("b", 450)])
    disk = ImageDisk(1000, POLICY, phase_s=0.0)
    pull(disk, made["a"], 1.0)
    disk.use(made["a"], 1.0)
    pull(disk, made["b"], 301.0)
    disk.use(made["b"], 301.0)
    disk.leave(made["b"], 650.0)  # seen first at 600, in use last at 600
    disk.leave(made["a"], 950.0)  # seen first at 300, in use last at 900
    assert [image.name for image in disk.collect(1200.0).removed] == ["b"]


def test_what_was_in_use_at_this_very_pass_stays() -> None:
    _, made = table(a=[("a", 900)])
    disk = ImageDisk(1000, POLICY, phase_s=0.0)
    pull(disk, made["a"], 1.0)
    disk.use(made["a"], 1.0)
    disk.leave(made["a"], 900.0)
    assert disk.collect(900.0).removed == []
    assert disk.collect(1200.0).removed == [made["a"]]


def test_whole_sizes_are_counted_though_shared_layers_stay() -> None:
    _, made = table(a=[("base", 800), ("a", 50)], b=[("base", 800), ("b", 100)])
    disk = ImageDisk(1000, POLICY, phase_s=0.0)
    for name in "ab":
        pull(disk, made[name], 1.0)
    disk.use(made["b"], 1.0)
    found = disk.collect(600.0)
    assert ([image.name for image in found.removed], found.missing_bytes) == (["a"], 0)
    assert disk.used_bytes == 900


def test_a_restarted_kubelet_knows_no_ages() -> None:
    disk, made = filled()
    pull(disk, made["a"], 1000.0)
    disk.restart(1001.0)
    assert [image.name for image in disk.collect(1001.0).removed] == ["a"], (
        "no minimum age holds, in order of arrival"
    )


def test_passes_are_on_a_grid() -> None:
    disk = ImageDisk(1000, POLICY, phase_s=10.0)
    assert [disk.next_pass_s(t) for t in (0.0, 10.0, 10.1, 310.0, 311.0)] == [10.0, 10.0, 310.0, 310.0, 610.0]


actions = st.lists(
    st.tuples(st.sampled_from(["pull", "begin", "fail", "use", "leave", "pass"]), st.integers(0, 5)),
    max_size=60,
)


@given(
    st.lists(st.lists(st.sampled_from("pqrstu"), min_size=1, max_size=4), min_size=6, max_size=6),
    st.dictionaries(st.sampled_from("pqrstu"), st.integers(0, 300), min_size=6, max_size=6),
    actions,
)
def test_bytes_are_those_of_what_is_held_and_nothing_in_use_goes(
    stacks: list[list[str]], sizes: dict[str, int], plan: list[tuple[str, int]]
) -> None:
    made = ImageTable()
    images = [
        made.add(str(n), [Layer(digest, sizes[digest], sizes[digest]) for digest in stack])
        for n, stack in enumerate(stacks)
    ]
    disk = ImageDisk(1000, POLICY)
    pulling: list[Image] = []
    users = dict.fromkeys(range(6), 0)
    now_s = 0.0
    for word, n in plan:
        now_s += 150.0
        image = images[n]
        if word == "pull":
            pull(disk, image, now_s)
        elif word == "begin":
            disk.hold(image)
            pulling.append(image)
        elif word == "fail" and pulling:
            disk.let_go(pulling.pop())
        elif word == "use" and disk.has(image):
            disk.use(image, now_s)
            users[n] += 1
        elif word == "leave" and users[n]:
            disk.leave(image, now_s)
            users[n] -= 1
        elif word == "pass":
            was, now_s = disk.used_bytes, disk.next_pass_s(now_s)
            found = disk.collect(now_s)
            assert not any(users[int(gone.name)] for gone in found.removed)
            if was * 100 < 84 * 1000:
                assert found == ([], 0)
        held = {
            chain: layer for each in pulling for chain, layer in zip(each.chain, each.layers, strict=True)
        }
        for each in images:
            if disk.has(each):
                held |= dict(zip(each.chain, each.layers, strict=True))
                assert not disk.absent(each)
        assert disk.used_bytes == sum(layer.disk_bytes for layer in held.values())
        assert all(disk.has(images[k]) for k, count in users.items() if count)
        assert disk.needed_bytes(image) == sum(
            layer.disk_bytes
            for chain, layer in zip(image.chain, image.layers, strict=True)
            if chain not in held
        )
    assert math.isfinite(disk.used_bytes)
