"""Read-only faces of what others decide on."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["ReadOnly", "frozen"]

Kind = TypeVar("Kind", bound=np.generic)


class ReadOnly:
    """Has attributes that nobody sets."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"'{name}' cannot be set: what a policy is given is read-only")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"'{name}' cannot be deleted: what a policy is given is read-only")


def frozen(array: NDArray[Kind]) -> NDArray[Kind]:
    """Return a view of an array that cannot be written."""
    view = array.view()
    view.flags.writeable = False
    return view
