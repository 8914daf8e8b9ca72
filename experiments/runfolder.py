"""Where runs lie: ``runs/NAME/0001`` and so on, ``latest`` beside them; files appear whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError

__all__ = ["given_folder", "new_folder", "write_json"]


def new_folder(root: Path, name: str) -> Path:
    """Make the next free number below ``root/name`` and point ``latest`` at it."""
    parent = root / name
    parent.mkdir(parents=True, exist_ok=True)
    number = max((int(path.name) for path in parent.iterdir() if path.name.isdigit()), default=0)
    while True:
        number += 1
        folder = parent / f"{number:04d}"
        with contextlib.suppress(FileExistsError):  # another run may have taken it meanwhile
            folder.mkdir()
            break
    link = parent / f".latest-{os.getpid()}"
    with contextlib.suppress(OSError):  # a file system without links has no latest
        link.unlink(missing_ok=True)
        link.symlink_to(folder.name)
        link.replace(parent / "latest")
    return folder


def given_folder(folder: Path) -> Path:
    """Take a folder that the user named: it must be absent or empty.

    Raises:
        ScenarioError: It is there and not empty, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise ScenarioError(
            [Diagnostic(f"the folder cannot be made: {error.strerror}", str(folder), 0, 0)]
        ) from error
    if taken:
        message = "the folder exists and is not empty; name another, or leave out --out"
        raise ScenarioError([Diagnostic(message, str(folder), 0, 0)])
    return folder


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write, sync and rename, so that whoever reads it reads all of it."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("w", encoding="utf-8") as out:
        json.dump(content, out, indent=1, sort_keys=True, allow_nan=False)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(path)
