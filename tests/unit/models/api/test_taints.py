from __future__ import annotations

import pytest

from models.api.specs_taints import NOT_READY, UNREACHABLE, Taint, Toleration, with_defaults

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
