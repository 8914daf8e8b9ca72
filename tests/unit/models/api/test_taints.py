from __future__ import annotations

import pytest

from models.api.specs_taints import (
    NOT_READY,
    UNREACHABLE,
    Taint,
    Toleration,
    for_scheduling,
    keeps_off,
    parse_taint,
    with_defaults,
)

GPU = Taint(key="dedicated", value="gpu", effect="NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "holds"),
    [
        ({"key": "dedicated", "value": "gpu"}, True),
        ({"key": "dedicated", "value": "db"}, False),
        ({"key": "dedicated"}, False),
        ({"key": "other", "value": "gpu"}, False),
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "dedicated", "value": "gpu", "effect": "PreferNoSchedule"}, False),
    ],
)
def test_tolerating(toleration, holds):
    assert Toleration(**toleration).tolerates(GPU) is holds


def test_the_two_default_tolerations_are_added_where_there_are_none():
    added = with_defaults((), 300.0)
    assert [(each.key, each.operator, each.effect, each.toleration_s) for each in added] == [
        (NOT_READY, "Exists", "NoExecute", 300.0),
        (UNREACHABLE, "Exists", "NoExecute", 300.0),
    ]
    everything = Toleration(operator="Exists")
    assert with_defaults((everything,), 300.0) == (everything,)
    for_ever = Toleration(key=UNREACHABLE, operator="Exists", effect="NoExecute")
    assert [each.key for each in with_defaults((for_ever,), 5.0)] == [UNREACHABLE, NOT_READY]
    other_effect = Toleration(key=UNREACHABLE, operator="Exists", effect="NoSchedule")
    assert len(with_defaults((other_effect,), 5.0)) == 3


def test_texts_are_those_of_kubectl():
    assert str(GPU) == "dedicated=gpu:NoSchedule"
    assert str(Taint(key="dedicated", effect="NoExecute")) == "dedicated:NoExecute"
    assert len({GPU, Taint(key="dedicated", value="gpu", effect="NoSchedule")}) == 1


def test_what_keeps_off_is_what_is_not_tolerated_and_not_mild():
    own = (Toleration(key="a", value="b", effect="NoSchedule"),)
    assert not keeps_off((), ())
    assert not keeps_off(("a:PreferNoSchedule",), ())
    assert keeps_off(("a=b:NoSchedule",), ())
    assert not keeps_off(("a=b:NoSchedule",), own)
    assert keeps_off(("a=b:NoExecute",), own)
    assert keeps_off(("a=b:NoSchedule", "c:NoSchedule"), own)
    assert not keeps_off(("a=b:NoSchedule", "c:NoExecute"), (Toleration(operator="Exists"),))


def test_tolerations_of_silence_open_nothing_to_the_scheduler():
    assert for_scheduling(with_defaults((), 300.0)) == ()
    mild = Toleration(key="a", operator="Exists", effect="PreferNoSchedule")
    own = Toleration(key="a", operator="Exists")
    assert for_scheduling(with_defaults((mild, own), 300.0)) == (own,)


def test_a_taint_is_read_as_it_is_written():
    for text in ("a=b:NoSchedule", "example.com/x:NoExecute"):
        assert str(parse_taint(text)) == text
