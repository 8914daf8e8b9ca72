"""What a scenario says of images: their layers, the registry that has them, the minions that have them already."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from models.api.specs_distributions import DurationLaw
from models.api.specs_fields import Flag, SizeBytes, Spec, whole
from models.api.specs_problems import FieldError, FieldProblem, FieldType, fail, quoted
from sim.units import format_bytes, parse_bytes_per_s

__all__ = ["Image", "ImageLayer", "ImageName", "Registry", "is_image_name", "tagged"]

MAX_LAYERS: Final = 127
"""As many as overlay2 stacks at most (moby layer/layer_store.go, maxLayerDepth 125, and the two of a container)."""
_PATH: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(
    rf"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?{_PATH}(?:/{_PATH})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
    r"(?:@[a-z0-9]+:[0-9a-f]{32,})?"
)
"""A reference to an image: github.com/distribution/reference, reference.go."""


def tagged(image: str) -> str:
    """Return an image's name as all its spellings have it: without Docker Hub's, and ``latest`` where it has no tag.

    Source: github.com/distribution/reference, normalize.go (familiarizeName(), TagNameOnly()).
    """
    image = image.removeprefix("index.").removeprefix("docker.io/")
    if image.count("/") == 1:
        image = image.removeprefix("library/")
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"


def is_image_name(name: str) -> bool:
    """Whether a text is the name of an image, with or without a tag or digest."""
    return len(name) <= 4096 and _NAME.fullmatch(name) is not None


def _image_name(value: object) -> str:
    if isinstance(value, str) and is_image_name(value):
        return value
    hint = None
    if isinstance(value, str):
        near = re.sub(r"[^a-z0-9/:._-]", "-", value.lower()).strip("-")
        hint = near if near != value and _NAME.fullmatch(near) else None
    sentence = f"expected the name of an image, as shop/web:1.4, not {quoted(value)}"
    raise FieldError(FieldProblem(sentence, hint=hint))


ImageName = Annotated[str, FieldType(_image_name, None, {"type": "string", "examples": ["shop/web:1.4"]})]
BytesPerS = Annotated[
    int,
    FieldType(
        parse_bytes_per_s,
        lambda rate: f"{format_bytes(rate)}/s",
        {"type": "string", "pattern": r"^[0-9.]+([KMGTPE]i|[kMGTPE])/s$", "examples": ["125M/s", "100Mi/s"]},
    ),
]


def _layer_name(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,254}", value):
        return value
    sentence = f"expected the name of a layer, as debian or sha256:4f06b3e2, not {quoted(value)}"
    raise FieldError(FieldProblem(sentence, hint=f'"{value}"' if isinstance(value, int | float) else None))


class ImageLayer(Spec):
    """One layer; of the same name in several images it is the same layer, which says its sizes once or alike.

    Attributes:
        size_bytes: What moves, compressed; None: said where the layer stands in another image.
        disk_bytes: What it takes on disk; None: ``size_bytes`` times the constant ``image_disk_ratio``.
    """

    name: Annotated[str, FieldType(_layer_name, None, {"type": "string"})] = Field(
        description="the name of a layer, as debian"
    )
    size_bytes: SizeBytes | None = Field(None, alias="size", description="compressed, a size as 30Mi")
    disk_bytes: SizeBytes | None = Field(None, alias="disk", description="on disk, a size as 80Mi")


class Image(Spec):
    """An image that containers name; one that they name and that is not described has one layer of a default size.

    Attributes:
        layers: From the bottom up. Two images share the layers that they have in common from the bottom up.
        size_bytes: Of an image of one layer of its own.
        missing: The registry does not have it: each pull of it fails.
    """

    name: ImageName = Field(description="the name of an image, as shop/web:1.4")
    layers: Annotated[tuple[ImageLayer, ...], Field(max_length=MAX_LAYERS)] = Field(
        (), description="a list of layers, as [{name: debian, size: 30Mi}, {name: web, size: 60Mi}]"
    )
    size_bytes: SizeBytes | None = Field(None, alias="size", description="compressed, a size as 100Mi")
    missing: Flag = Field(False, description="true where the registry does not have it")

    @model_validator(mode="before")
    @classmethod
    def _not_too_many(cls, data: Any) -> Any:
        layers = data.get("layers") if isinstance(data, dict) else None
        if isinstance(layers, list) and len(layers) > MAX_LAYERS:
            sentence = f"expected at most {MAX_LAYERS} layers, not {len(layers)}"
            raise fail(FieldProblem(sentence, ("layers",), code="range"))
        return data

    @model_validator(mode="after")
    def _says_one_thing(self) -> Image:
        given = [
            key
            for key, there in (
                ("layers", bool(self.layers)),
                ("size", self.size_bytes is not None),
                ("missing", self.missing),
            )
            if there
        ]
        if len(given) != 1:
            which = f", not both {given[0]} and {given[1]}" if given else ""
            sentence = f"expected exactly one of layers, size and missing{which}"
            path = (given[1],) if given else ()
            code = "exclusive" if given else "missing-key"
            raise fail(FieldProblem(sentence, path, None, True, code))
        return self


class Registry(Spec):
    """Where images come from, and how: bandwidth is shared fairly by all layers on their way.

    Attributes:
        bandwidth_bytes_per_s: Of the registry in all; None: the constant ``registry_bandwidth_bytes_per_s``.
        per_minion_bytes_per_s: Of each minion's link to it; None: the constant ``minion_link_bytes_per_s``.
        latency: Seconds from asking to having the manifest; None: the constant ``registry_latency_s``.
        serial_pulls: A minion's pulls come one after the other (the kubelet's serializeImagePulls).
        layers_at_once: Layers on their way to one minion at most; None: the constant ``layer_download_count``.
    """

    bandwidth_bytes_per_s: BytesPerS | None = Field(
        None, alias="bandwidth", description="bytes a second in all, as 1.25G/s"
    )
    per_minion_bytes_per_s: BytesPerS | None = Field(
        None, alias="perMinion", description="bytes a second to one minion, as 125M/s"
    )
    latency: DurationLaw | None = Field(None, description="a time or distribution, as 200ms")
    serial_pulls: Flag = Field(True, alias="serialPulls", description="true or false")
    layers_at_once: Annotated[int, whole("a number of layers", 1, 1000)] | None = Field(
        None, alias="layersAtOnce", description="a number of layers, as 3"
    )
