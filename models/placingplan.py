"""From a scenario to what a scheduler with plug-ins knows of minions, and of what selects pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from models.api.manifests_fields import Fields
from models.api.scheduling import HOSTNAME, MinionAsScheduled, Owner
from models.api.scheduling_minions import read_minion_scheduling
from models.api.scheduling_templates import POOL_LABEL
from models.api.specs import Scenario
from models.api.specs_taints import UNSCHEDULABLE, parse_taint
from models.api.taints import Taint
from models.api.types import MinionAsk
from models.cluster.placedbelief import Placing
from models.control.imagestate import ImagePlan
from models.control.nodeimages import largest
from models.kernel.images import Image
from sim.yamlnodes import Mark, Places
from sim.yamlnodes import Path as Within

__all__ = ["minion_as_scheduled", "placing_of"]


class _Nowhere(Places):
    """What was read before and found right has no need of places."""

    source = ""

    def mark(self, path: Within) -> Mark:
        """Nowhere."""
        return Mark("", 0, 0)

    def key_mark(self, path: Within) -> Mark:
        """Nowhere."""
        return Mark("", 0, 0)


def _fields(value: Any) -> Fields:
    return Fields(_Nowhere(), [], (), value if isinstance(value, dict) else {}, "")


def placing_of(scenario: Scenario, minions: Sequence[MinionAsk], images: ImagePlan | None = None) -> Placing:
    """Return what is known of a scenario's minions, services and controllers.

    Images and the controllers that a minion asks to be spared are those of its manifest; images that are preloaded too.

    Args:
        scenario: Read with its surroundings.
        minions: Those of the run.
        images: Where they are; nothing where nothing is said of any.
    """
    written = {
        each.name: read_minion_scheduling(_fields(each.raw), each.name)
        for each in scenario.manifests
        if each.kind == "Node"
    }
    services = [Owner("Service", each.namespace, each.selector) for each in scenario.all_services]
    controllers = [Owner(each.kind, each.namespace, each.selector) for each in scenario.all_controllers]
    made = [minion_as_scheduled(ask, written.get(ask.name)) for ask in minions]
    if images is not None:
        most = int(scenario.constant_values["node_status_images_count"])
        made = [_with(each, images.there(index), most) for index, each in enumerate(made)]
    return Placing(made, [*services, *controllers])


def _with(minion: MinionAsScheduled, there: Sequence[Image], most: int) -> MinionAsScheduled:
    """Return a minion whose status has the images that are on its disk."""
    on_disk = largest({image.name: image.disk_bytes for image in there}, most)
    return replace(minion, images={**on_disk, **minion.images}) if on_disk else minion


def minion_as_scheduled(ask: MinionAsk, written: MinionAsScheduled | None = None) -> MinionAsScheduled:
    """Return a minion as the scheduler looks at it; images and whom it avoids are as written in its manifest."""
    taints = tuple(parse_taint(text) for text in ask.taints)
    return MinionAsScheduled(
        name=ask.name,
        labels={HOSTNAME: ask.name, POOL_LABEL: ask.pool, **ask.labels},
        allocatable={
            "cpu": ask.cpu_millicores - ask.reserved_cpu_millicores,
            "memory": ask.memory_bytes - ask.reserved_memory_bytes,
            "ephemeral-storage": ask.ephemeral_bytes - ask.reserved_ephemeral_bytes,
            "pods": ask.pods,
            **ask.extended,
        },
        taints=tuple(Taint(each.key, each.effect, each.value) for each in taints),  # type: ignore[arg-type]
        unschedulable=any(each.key == UNSCHEDULABLE for each in taints),
        images={} if written is None else written.images,
        avoids=() if written is None else written.avoids,
    )
