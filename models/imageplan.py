"""From what a scenario says of its images and their registry to a plan of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from models.api.specs import Scenario
from models.api.specs_images import Registry, tagged
from models.api.specs_manifests import ManifestMinion
from models.api.types import MinionAsk
from models.control.imagestate import ImagePlan
from models.kernel.images import CollectionPolicy, Image, ImageTable, Layer
from sim.distributions import Constant

__all__ = ["image_plan"]


def image_plan(scenario: Scenario, minions: Sequence[MinionAsk]) -> ImagePlan | None:
    """Return the plan of a scenario's images; nothing where it says nothing of any, so that all are there."""
    if not scenario.has_images:
        return None
    constants = scenario.constant_values
    registry = Registry() if scenario.registry is None else scenario.registry
    find = _table(scenario, constants)
    disks = {pool.name: pool.image_disk_bytes for pool in scenario.all_minions}
    there = {
        pool.name: [image for name in pool.preloaded if (image := find(name)) is not None]
        for pool in scenario.all_minions
    }
    link_per_s = float(registry.per_minion_bytes_per_s or constants["minion_link_bytes_per_s"])

    def disk_bytes(minion: int) -> int:
        ask = minions[minion]
        own = disks.get(ask.pool)
        return ask.ephemeral_bytes if own is None else own

    return ImagePlan(
        image=find,
        disk_bytes=disk_bytes,
        link_bytes_per_s=lambda minion: link_per_s,
        there=lambda minion: there.get(minions[minion].pool, []),
        bandwidth_bytes_per_s=float(
            registry.bandwidth_bytes_per_s or constants["registry_bandwidth_bytes_per_s"]
        ),
        latency=registry.latency or Constant(constants["registry_latency_s"]),
        serial=registry.serial_pulls,
        layers_at_once=registry.layers_at_once or int(constants["layer_download_count"]),
        # 0 is no limit, as the kubelet's registryPullQPS has it.
        limits=(
            constants["registry_pull_rate_per_s"] or math.inf,
            max(1.0, constants["registry_pull_burst_count"]),
        ),
        collection=CollectionPolicy(
            constants["image_gc_high_ratio"],
            constants["image_gc_low_ratio"],
            constants["image_gc_min_age_s"],
            constants["image_gc_period_s"],
        ),
    )


def _table(scenario: Scenario, constants: Mapping[str, float]) -> Callable[[str], Image | None]:
    """Return what finds an image by the name that a container has for it.

    One that is not described is one layer: of the size on disk that a Node tells, or else of a default size.
    """
    table = ImageTable()
    ratio = constants["image_disk_ratio"]
    given = [layer for image in scenario.images for layer in image.layers]
    size = {layer.name: layer.size_bytes for layer in given if layer.size_bytes is not None}
    disk = {layer.name: layer.disk_bytes for layer in given if layer.disk_bytes is not None}

    def enter(name: str, size_bytes: int, disk_bytes: int) -> Image:
        return table.add(name, [Layer(f"{name} alone", size_bytes, disk_bytes)])

    found: dict[str, Image | None] = {}
    for image in scenario.images:
        name = tagged(image.name)
        if image.missing:
            found[name] = None
        elif image.size_bytes is not None:
            found[name] = enter(name, image.size_bytes, round(image.size_bytes * ratio))
        else:
            layers = [
                Layer(each.name, size[each.name], disk.get(each.name, round(size[each.name] * ratio)))
                for each in image.layers
            ]
            found[name] = table.add(name, layers)

    told = {
        tagged(name): size_bytes
        for pool in scenario.all_minions
        if isinstance(pool, ManifestMinion)
        for name, size_bytes in pool.image_bytes
        if size_bytes
    }

    def find(name: str) -> Image | None:
        if name not in found:  # names as written are remembered too
            whole = tagged(name)
            if whole not in found:
                size_bytes = round(constants["image_default_bytes"])
                disk_bytes = round(size_bytes * ratio)
                if whole in told and ratio:
                    size_bytes, disk_bytes = round(told[whole] / ratio), told[whole]
                found[whole] = enter(whole, size_bytes, disk_bytes)
            found[name] = found[whole]
        return found[name]

    return find
