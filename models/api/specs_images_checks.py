"""Checks across the images of a scenario: names given twice, layers without a size or with two, images preloaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from models.api.specs_images import Image, tagged
from models.api.specs_references import CrossProblem, mappings
from sim.diagnostics import nearest_word
from sim.units import UnitError, parse_bytes

__all__ = ["image_problems"]

_KEYS: Final = {spec.alias or name for name, spec in Image.model_fields.items()}


def image_problems(
    data: Mapping[str, Any], pools: list[tuple[int, Mapping[str, Any]]]
) -> Iterator[CrossProblem]:
    """Yield the problems of a scenario's images, as plain data, and of what its minions have of them."""
    images = [(i, image) for i, image in mappings(data.get("images")) if isinstance(image.get("name"), str)]
    yield from _given_twice(images)
    if _is_clear(data.get("images")):
        yield from _sizes(list(mappings(data.get("images"))))
    there = {tagged(image["name"]): image for _, image in images}
    for index, pool in pools:
        preloaded = pool.get("preloaded")
        for place, name in enumerate(preloaded if isinstance(preloaded, list) else ()):
            if not isinstance(name, str):
                continue
            path = ("cluster", "minions", index, "preloaded", place)
            if tagged(name) not in there:
                near = nearest_word(name, [image["name"] for _, image in images])
                sentence = f"there is no image '{name}' in 'images'"
                yield CrossProblem(path, sentence, near, code="dangling-reference")
            elif there[tagged(name)].get("missing") is True:
                yield CrossProblem(path, f"the image '{name}' is missing: no minion can have it")


def _is_clear(images: object) -> bool:
    """Whether every image and layer has its form, so that none is missed."""
    if not isinstance(images, list):
        return False
    return all(
        isinstance(image, Mapping)
        and not set(image) - _KEYS  # a misspelt 'layers' hides some
        and isinstance(layers := image.get("layers", []), list)
        and all(isinstance(layer, Mapping) and isinstance(layer.get("name"), str) for layer in layers)
        for image in images
    )


def _given_twice(images: list[tuple[int, Mapping[str, Any]]]) -> Iterator[CrossProblem]:
    first: dict[str, int] = {}
    for index, image in images:
        name = tagged(image["name"])
        if name in first:
            sentence = f"the image '{name}' is given twice: element {first[name]} of images is it too"
            yield CrossProblem(("images", index, "name"), sentence, code="duplicate-name")
        first.setdefault(name, index)


def _sizes(images: list[tuple[int, Mapping[str, Any]]]) -> Iterator[CrossProblem]:
    """Each layer needs a size somewhere, and only one."""
    said: dict[tuple[str, str], tuple[int, str]] = {}
    unsaid: dict[str, tuple[str | int, ...]] = {}
    for index, image in images:
        for place, layer in mappings(image.get("layers")):
            name = layer.get("name")
            if not isinstance(name, str):
                continue
            path: tuple[str | int, ...] = ("images", index, "layers", place)
            if "size" not in layer:
                unsaid.setdefault(name, path)
            for key in ("size", "disk"):
                size = _bytes(layer.get(key))
                if size is None:
                    continue
                before = said.setdefault((name, key), (size, str(layer[key])))
                if before[0] != size:
                    sentence = f"the layer '{name}' has another {key} elsewhere: {before[1]}"
                    yield CrossProblem((*path, key), sentence, before[1], code="value")
    sized = {name for name, key in said if key == "size"}
    # A wrong size and a misspelt key are told by themselves.
    told = {
        name
        for _, image in images
        for _, layer in mappings(image.get("layers"))
        if isinstance(name := layer.get("name"), str) and set(layer) - {"name", "disk"}
    }
    for name, path in unsaid.items():
        if name not in sized and name not in told:
            sentence = f"the layer '{name}' has no size: expected 'size' here or in another image that has it"
            near = nearest_word(name, sorted(sized))
            yield CrossProblem(path, sentence, near, on_key=True, code="missing-key")


def _bytes(value: object) -> int | None:
    try:
        return None if value is None else parse_bytes(value)
    except UnitError:
        return None
