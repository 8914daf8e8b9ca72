"""Endpoints: what a pod is to a service, deltas against the full list, writes that lag and fail."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.services.endpoints import (
    NOT_READY,
    OUTSIDE,
    READY,
    EndpointSet,
    EndpointWrite,
    ServicePort,
    membership,
    service_ports,
)


def test_what_a_pod_is_to_a_service() -> None:
    for matched, addressed, ready, terminating, finished in itertools.product([True, False], repeat=5):
        code = membership(
            matched=matched, addressed=addressed, ready=ready, terminating=terminating, finished=finished
        )
        listed = matched and addressed and not terminating and not finished
        assert code == ((READY if ready else NOT_READY) if listed else OUTSIDE)


def test_a_write_carries_what_was_known_when_it_began() -> None:
    endpoints = EndpointSet()
    assert endpoints.take_write() is None
    assert endpoints.apply(1, READY)
    assert endpoints.apply(2, NOT_READY)
    assert not endpoints.apply(2, NOT_READY)
    assert endpoints.pending() == ([1], [])
    assert endpoints.take_write() == EndpointWrite((1,), (), 1, 2)
    assert endpoints.writing
    endpoints.apply(2, READY)
    endpoints.apply(1, OUTSIDE)
    endpoints.apply(3, READY)
    endpoints.apply(3, OUTSIDE)
    assert endpoints.ready == 1
    with pytest.raises(AssertionError):
        endpoints.take_write()
    endpoints.written()
    assert endpoints.take_write() == EndpointWrite((2,), (1,), 1, 1)
    endpoints.written()
    assert not endpoints.dirty
    assert endpoints.take_write() is None
    with pytest.raises(AssertionError):
        endpoints.written()
    with pytest.raises(AssertionError):
        endpoints.failed()


def test_an_address_that_is_not_ready_is_written_and_changes_no_ready_set() -> None:
    endpoints = EndpointSet()
    endpoints.apply(1, NOT_READY)
    assert endpoints.take_write() == EndpointWrite((), (), 0, 1)


def test_a_restart_begins_with_what_the_object_holds() -> None:
    endpoints = EndpointSet({1: READY, 2: READY, 3: NOT_READY})
    assert endpoints.ready == 2
    endpoints.relist({1: READY, 3: READY, 4: NOT_READY})
    assert endpoints.ready == 2
    assert endpoints.take_write() == EndpointWrite((3,), (2,), 2, 3)
    assert endpoints.members() == {1: READY, 3: READY, 4: NOT_READY}


class EndpointMachine(RuleBasedStateMachine):
    """Beside the set: the pods themselves, and the object as a server would hold it."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoints = EndpointSet()
        self.pods: dict[int, int] = {}
        self.server: set[int] = set()
        self.listed = 0
        self.carried: tuple[EndpointWrite, dict[int, int]] | None = None

    @rule(pod=st.integers(0, 5), code=st.sampled_from([OUTSIDE, NOT_READY, READY]))
    def change(self, pod: int, code: int) -> None:
        assert self.endpoints.apply(pod, code) == (self.pods.get(pod, OUTSIDE) != code)
        self.pods[pod] = code

    @rule(codes=st.lists(st.sampled_from([OUTSIDE, NOT_READY, READY]), max_size=6))
    def relist(self, codes: list[int]) -> None:
        self.pods = dict(enumerate(codes))
        self.endpoints.relist(EndpointSet.fresh(self.pods.items()))

    @precondition(lambda self: self.carried is None)
    @rule()
    def begin(self) -> None:
        known = EndpointSet.fresh(self.pods.items())
        write = self.endpoints.take_write()
        if write is None:
            assert {pod for pod, code in known.items() if code == READY} == self.server
            assert len(known) == self.listed
        else:
            self.carried = (write, known)

    @precondition(lambda self: self.carried is not None)
    @rule()
    def answer(self) -> None:
        assert self.carried is not None
        write, known = self.carried
        assert not set(write.added) & self.server
        assert set(write.removed) <= self.server
        self.server = (self.server | set(write.added)) - set(write.removed)
        assert self.server == {pod for pod, code in known.items() if code == READY}
        assert (write.ready, write.listed) == (len(self.server), len(known))
        self.listed = write.listed
        self.endpoints.written()
        self.carried = None

    @precondition(lambda self: self.carried is not None)
    @rule()
    def fail(self) -> None:
        self.endpoints.failed()
        self.carried = None

    @invariant()
    def it_is_the_one_of_the_full_list(self) -> None:
        fresh = EndpointSet.fresh(self.pods.items())
        assert self.endpoints.members() == fresh
        assert self.endpoints.ready == sum(code == READY for code in fresh.values())
        assert self.endpoints.writing == (self.carried is not None)
        if self.carried is None:
            ready = {pod for pod, code in fresh.items() if code == READY}
            added, removed = self.endpoints.pending()
            assert (set(added), set(removed)) == (ready - self.server, self.server - ready)


TestEndpoints = EndpointMachine.TestCase


def test_target_ports_stay_as_the_manifest_names_them() -> None:
    spec = {"ports": [{"port": 80, "targetPort": "http", "name": "web"}, {"port": 53, "protocol": "UDP"}]}
    assert service_ports(spec) == (ServicePort(80, "http", "web"), ServicePort(53, 53, "", "UDP"))
    assert service_ports({}) == ()
