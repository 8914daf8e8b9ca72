"""What all objects of a real cluster's dump have in common: metadata as the API fills it in, times, names."""

from __future__ import annotations

import datetime
import hashlib
import uuid
from typing import Any, Final

from sim.streams import Streams

__all__ = [
    "NOW",
    "Chance",
    "Json",
    "container",
    "digest",
    "managed",
    "metadata",
    "short_hash",
    "timestamp",
    "uid",
]

Json = dict[str, Any]
NOW: Final = datetime.datetime(2021, 3, 15, 12, 0, 0, tzinfo=datetime.UTC)
"""When the dump was made."""
_NAMESPACE: Final = uuid.UUID("7b1c9d58-4b1f-4b0e-9b5c-3f3c7c1d2a10")
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names (apimachinery util/rand)."""


class Chance:
    """Draws by name, so that a dump is a function of its seed and size alone."""

    def __init__(self, seed: int) -> None:
        self._stream = Streams(seed).stream("dump")

    def unit(self, what: str, n: int = 0) -> float:
        """Return a number in [0, 1)."""
        return self._stream.at(what, n)

    def between(self, what: str, n: int, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both among them."""
        return low + int(self.unit(what, n) * (high - low + 1))


def timestamp(age_s: float) -> str:
    """Return the time so many seconds before the dump, as the API writes it."""
    return (NOW - datetime.timedelta(seconds=round(age_s))).strftime("%Y-%m-%dT%H:%M:%SZ")


def uid(*words: str) -> str:
    """Return the uid of an object by its kind, namespace and name."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(words)))


def digest(*words: str) -> str:
    """Return 64 hexadecimal digits, as of an image or a container."""
    return hashlib.blake2b("/".join(words).encode(), digest_size=32).hexdigest()


def short_hash(text: str, length: int) -> str:
    """Return letters as in generated names, always the same of a text."""
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=12).digest(), "big")
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    return "".join(letters)


def metadata(kind: str, namespace: str, name: str, age_s: float, **more: Any) -> Json:
    """Return metadata as the API fills it in.

    Args:
        kind: For the uid.
        namespace: Empty for objects that have none.
        name: Of the object.
        age_s: Seconds since it was created.
        more: Other fields.
    """
    found: Json = {
        "creationTimestamp": timestamp(age_s),
        "name": name,
        "resourceVersion": str(10_000_000 - int(age_s) % 9_000_000),
        "uid": uid(kind, namespace, name),
        **more,
    }
    if namespace:
        found["namespace"] = namespace
    return found


def managed(manager: str, version: str, age_s: float, *fields: str) -> list[Json]:
    """Return ``managedFields`` with one entry: who set which fields.

    Args:
        manager: Who.
        version: The API's version of the object.
        age_s: Seconds since it last did.
        fields: Paths with dots; ``k:`` and ``f:`` are as in the API.
    """
    tree: Json = {}
    for path in fields:
        at = tree
        for step in path.split("."):
            at = at.setdefault(step if ":" in step else f"f:{step}", {})
    entry = {
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
        "manager": manager,
        "operation": "Update",
        "time": timestamp(age_s),
    }
    return [entry]


def container(name: str, image: str, **more: Any) -> Json:
    """Return a container with what the API defaults."""
    return {
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "name": name,
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        **more,
    }
