"""The delays of kubelets as they are drawn: by pod and what is waited for, in blocks of an owner's pods."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from models.api.types import Pod
from models.control.client import Law
from models.control.kubeletdelays import KubeletDelays
from sim.distributions import Constant
from sim.identities import Identities
from sim.streams import Streams

__all__ = ["KubeletDraws"]

_BLOCK: Final = 256
_CACHED_BLOCKS: Final = 1024


class KubeletDraws:
    """The draws of all kubelets.

    Args:
        delays: By minion.

    Attributes:
        numbers: By minion, one that minions in a row with the same laws share.
    """

    def __init__(self, identities: Identities, streams: Streams, delays: Sequence[KubeletDelays]) -> None:
        self._name = identities.text
        self._draws = streams.stream("kubelet.delays")
        # A word means the same of the laws everywhere.
        alike = (each is before for before, each in pairwise(delays))
        self.numbers = [0, *accumulate(not same for same in alike)]
        # By number of the laws, word, owner and block of its pods.
        self._blocks: dict[tuple[int, int, int, int], list[float]] = {}
        self._groups: dict[int, str] = {-1: "orphan"}

    def delay_s(self, law: Law, pod: Pod, word: int) -> float:
        """Return one of a pod's delays; a law that is constant needs no draw."""
        if isinstance(law, Constant):
            return law.value
        index = pod.ask.index
        key = (self.numbers[pod.minion], word, pod.owner, index // _BLOCK)
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = self._drawn_s(law, pod, word)
        return block[index % _BLOCK]

    def _drawn_s(self, law: Law, pod: Pod, word: int) -> list[float]:
        """Return the delays of the block of an owner's pods that a pod is of."""
        if len(self._blocks) >= _CACHED_BLOCKS:
            self._blocks.clear()
        first = pod.ask.index // _BLOCK * _BLOCK
        drawn: list[float] = law.quantile(
            self._draws.block(self._group(pod), first, _BLOCK, 0, word)
        ).tolist()
        return drawn

    def uniform(self, pod: Pod, word: int) -> float:
        """Return the uniform draw behind one of a pod's delays."""
        return self._draws.at(self._group(pod), pod.ask.index, 0, word)

    def _group(self, pod: Pod) -> str:
        group = self._groups.get(pod.owner)
        if group is None:
            group = self._groups[pod.owner] = self._name(pod.owner)
        return group
