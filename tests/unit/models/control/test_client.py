"""What a client knows when: nothing before its lag has passed, whatever else it does meanwhile."""

from __future__ import annotations

import math

from models.control.client import Client, Master, Timing
from models.control.log import Log, Op
from sim.distributions import Constant
from sim.engine import RECORD, Engine
from sim.streams import Streams


def test_a_client_that_acts_before_its_lag_has_passed_does_not_know_yet() -> None:
    engine = Engine()
    log = Log(engine)
    known: list[tuple[float, object]] = []
    client = Client(
        engine,
        Master(engine),
        log,
        Streams(1),
        "tested",
        timing=Timing(Constant(0.01), Constant(1.0)),
        limits=(math.inf, 1.0),
        apply=lambda change: known.append((engine.now_s, change[2])),
        act=lambda: None,
        ops=(Op.MINION_CHANGED,),
    )
    engine.at(5.0, RECORD, lambda: log.commit(Op.MINION_CHANGED, 7, -1))
    engine.at(5.5, RECORD, client.catch_up)
    engine.run(10.0)
    assert known == [(6.0, 7)]
