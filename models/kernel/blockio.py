"""Who gets what of a block device: ceilings first, the rest by weight, nothing idle while somebody waits.

Flows of a cgroup have its weight and ceiling (FACTS L46 to L48: io.weight 1 to 10,000, default 100; io.max is hard).
For a device of capacity B, flow i with weight w_i may use at most c_i, the least of its demand and ceiling, and gets

    x_i = min(c_i, w_i L),   sum of x_i = min(B, sum of c_i)

which is weighted max-min (Bertsekas and Gallager, Data Networks, 6.5.2): the level L rises until the device is full.
Sorting by c_i / w_i finds it in n log n. Operations a second are turned into bytes by the size of the flow's requests.
Flows of equal weight that come and go without a ceiling of their own are models/kernel/fairshare.py, in virtual time.

Not modelled: seeks, queue depth, merging, reads against writes. Buffered writes are nobody's until they are written
back, where the file system does not tell (L49). Needs a scheduler that knows weights (iocost or BFQ); with none of them
every weight is the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["IoFlow", "bfq_weight", "share_device"]


@dataclass(frozen=True, slots=True)
class IoFlow:
    """What one cgroup wants of a device.

    Attributes:
        weight: io.weight, or as ``bfq_weight`` says.
        demand_bytes_per_s: What it would move alone; ``inf`` for all it can.
        ceiling_bytes_per_s: Of io.max; ``inf`` for none.
        ceiling_ops_per_s: Of io.max; ``inf`` for none.
        request_bytes: Mean size of its operations.
    """

    weight: float = 100.0
    demand_bytes_per_s: float = math.inf
    ceiling_bytes_per_s: float = math.inf
    ceiling_ops_per_s: float = math.inf
    request_bytes: float = 4096.0

    @property
    def most_bytes_per_s(self) -> float:
        """What it can use at most."""
        by_ops = self.ceiling_ops_per_s * self.request_bytes
        return min(self.demand_bytes_per_s, self.ceiling_bytes_per_s, by_ops)


def bfq_weight(blkio_weight: int) -> float:
    """Return the io.weight of a blkio.weight of 10 to 1,000 (FACTS L47)."""
    return 1.0 + (blkio_weight - 10) * 9999.0 / 990.0


def share_device(flows: Sequence[IoFlow], capacity_bytes_per_s: float) -> list[float]:
    """Return the rate of each flow in bytes a second.

    Raises:
        ValueError: A weight that is not above 0, or a negative capacity.
    """
    if not capacity_bytes_per_s >= 0.0:
        raise ValueError(f"expected a device of at least 0 bytes a second, not {capacity_bytes_per_s}")
    if wrong := [each.weight for each in flows if not each.weight > 0.0]:
        raise ValueError(f"expected weights above 0, not {wrong[0]}")
    rates = [0.0] * len(flows)
    order = sorted(range(len(flows)), key=lambda n: flows[n].most_bytes_per_s / flows[n].weight)
    # Weights are added from the end, so that none is lost when a large one is taken away.
    above = [0.0] * (len(flows) + 1)
    for place in range(len(flows) - 1, -1, -1):
        above[place] = above[place + 1] + flows[order[place]].weight
    left = capacity_bytes_per_s
    for place, n in enumerate(order):
        rates[n] = min(flows[n].most_bytes_per_s, left * (flows[n].weight / above[place]))
        left = max(0.0, left - rates[n])
    return rates
