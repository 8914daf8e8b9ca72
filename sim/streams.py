"""Random draws with names: each is a pure function of (seed, purpose, entity, n).

Counter-based (Philox 4x64-10, Salmon et al., SC '11, as shipped with numpy): the seed and the purpose make
the key, the entity's group and index and the number n of the draw make the counter. No draw depends on the
order of events, so a policy can change without changing the failures and pods that it meets.

One counter value yields four 64-bit words, so a draw has up to four independent uniforms (``word``).
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stream", "Streams"]

_BLOCK = 64
_CACHED_BLOCKS = 1024
_TWO_52 = 2.0**-52


def _words(text: str, count: int) -> list[int]:
    digest = hashlib.blake2b(text.encode(), digest_size=8 * count).digest()
    return [int.from_bytes(digest[8 * i : 8 * i + 8], "little") for i in range(count)]


class Stream:
    """All draws for one purpose.

    Args:
        seed: The run's seed.
        purpose: What the draws are for, such as ``minion.time_to_failure``.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        self.purpose = purpose
        self._key = _words(f"{seed}/{purpose}", 2)
        self._philox = np.random.Philox(key=np.array(self._key, dtype=np.uint64))
        self._groups: dict[str, list[int]] = {}
        self._cache: dict[tuple[str, int, int], list[list[float]]] = {}

    def block(self, group: str, start: int, count: int, n: int = 0, word: int = 0) -> NDArray[np.float64]:
        """Return the ``n``-th draws of ``count`` consecutive entities.

        Args:
            group: What the entities are counted in: a pool, an owner, a source.
            start: Index of the first entity, from 0.
            count: How many.
            n: Which draw of each entity.
            word: Which of the draw's four independent uniforms.

        Returns:
            float64 of shape (count,), uniform in the open interval (0, 1).
        """
        return self._uniforms(group, start, count, n)[:, word].copy()

    def at(self, group: str, index: int, n: int = 0, word: int = 0) -> float:
        """Return the ``n``-th draw of one entity, equal to ``block(group, index, 1, n, word)[0]``."""
        base = index // _BLOCK
        key = (group, base, n)
        rows = self._cache.get(key)
        if rows is None:
            if len(self._cache) >= _CACHED_BLOCKS:
                self._cache.clear()
            rows = self._cache[key] = self._uniforms(group, base * _BLOCK, _BLOCK, n).tolist()
        return rows[index - base * _BLOCK][word]

    def _uniforms(self, group: str, start: int, count: int, n: int) -> NDArray[np.float64]:
        words = self._groups.get(group)
        if words is None:
            words = self._groups[group] = _words(group, 2)
        # The generator increments the counter before each output, which wraps around correctly at 0.
        counter = (start + (n << 64) + (words[0] << 128) + (words[1] << 192) - 1) % (1 << 256)
        state: Any = {  # numpy's own type of it is private
            "bit_generator": "Philox",
            "state": {
                "counter": np.array([(counter >> (64 * i)) & (2**64 - 1) for i in range(4)], dtype=np.uint64),
                "key": np.array(self._key, dtype=np.uint64),
            },
            "buffer": np.zeros(4, dtype=np.uint64),
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }
        self._philox.state = state
        raw = self._philox.random_raw(4 * count).reshape(count, 4)
        # 52 bits and a half: with 53 the largest value would round to 1.
        return ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * _TWO_52


class Streams:
    """The named streams of one run.

    Args:
        seed: The run's seed, 0 to 2**63 - 1.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, Stream] = {}

    def stream(self, purpose: str) -> Stream:
        """Return the stream for a purpose; the same object for the same name."""
        found = self._streams.get(purpose)
        if found is None:
            found = self._streams[purpose] = Stream(self.seed, purpose)
        return found
