"""The image that all work runs from: one static program, and a file to read; made on the spot."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Final

from experiments.replay.problems import HostError

__all__ = ["DATA_FILE", "PROGRAM", "build_program", "image_tar"]

PROGRAM: Final = "/work"
DATA_FILE: Final = "/data"
_BLOCK: Final = 64 * 2**10
_COMPILE_S: Final = 120


def build_program() -> bytes:
    """Compile the program.

    Raises:
        HostError: There is no C compiler, or it cannot link statically.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise HostError(
            "there is no C compiler (cc) to build the work image with: install one (Debian's is gcc)"
        )
    source = files("experiments.replay") / "worker" / "work.c"
    with tempfile.TemporaryDirectory(prefix="wavetank-") as folder:
        code, out = Path(folder) / "work.c", Path(folder) / "work"
        code.write_bytes(source.read_bytes())
        command = [compiler, "-std=c11", "-O1", "-static", "-s", "-pthread", "-o", str(out), str(code)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_S, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise HostError(
                f"{compiler} cannot build the static program of the work image ({last[:200]}): install"
                " the C library's static half (Debian's is libc6-dev)"
            )
        return out.read_bytes()


def image_tar(program: bytes, file_bytes: int = 0) -> bytes:
    """Return an image's root as a tar: the program, and a file of bytes that do not compress.

    Args:
        program: The program.
        file_bytes: Of the file; 0: no file.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        _add(tar, PROGRAM, program, 0o755)
        if file_bytes:
            _add(tar, DATA_FILE, _noise(file_bytes), 0o644)
    return out.getvalue()


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _noise(size: int) -> bytes:
    blocks = (
        hashlib.shake_128(place.to_bytes(8, "little")).digest(_BLOCK) for place in range(-(-size // _BLOCK))
    )
    return b"".join(blocks)[:size]
