"""The cgroup in which those of all containers of a run lie, with the cap on all of them together."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from experiments.replay.engine import Facts
from experiments.replay.problems import HostError
from experiments.replay.work import Caps
from models.api.kernels import CgroupVersion
from models.kernel.cgroups import Cgroup, words

__all__ = ["Fence", "began", "hierarchies", "is_this_host", "sweep_fences"]

PREFIX: Final = "wavetank-"
_TRIES: Final = 50
_WAIT_S: Final = 0.1


def is_this_host(url: str, facts: Facts) -> bool:
    """Return whether the engine runs on this very host, on the kernel that this process sees."""
    here = os.uname()
    return url.startswith("unix://") and (facts.kernel, facts.name) == (here.release, here.nodename)


class Fence:
    """A cgroup of its own for a run, in every hierarchy.

    Args:
        run: The run's name.
        caps: On all together.
        cpus: The cores that all together may run on, in the kernel's form.
        root: Where cgroups are mounted.

    Raises:
        HostError: The kernel refuses a cap.
    """

    def __init__(self, run: str, caps: Caps, cpus: str, root: Path = Path("/sys/fs/cgroup")) -> None:
        self.name = f"/{PREFIX}{run}.{os.getpid()}.{began(os.getpid())}"
        self._folders = [folder / self.name[1:] for folder in hierarchies(root)]
        self._unified = (root / "cgroup.controllers").is_file()
        try:
            if self._unified:
                _enable(root)
            for folder in self._folders:
                folder.mkdir()
                self._cap(folder, caps, cpus)
        except OSError as error:
            self.close()
            raise HostError(
                f"cannot cap all containers together at {error.filename}: {error.strerror or error}"
            ) from error

    def _cap(self, folder: Path, caps: Caps, cpus: str) -> None:
        if self._unified:
            values = {"memory.max": caps.memory_bytes, "pids.max": caps.pids, "cpuset.cpus": cpus}
            _enable(folder)
        else:
            mems = folder.parent / "cpuset.mems"
            values = {
                "memory.limit_in_bytes": caps.memory_bytes,
                "pids.max": caps.pids,
                "cpuset.mems": mems.read_text().strip() if mems.is_file() else "",
                "cpuset.cpus": cpus,
            }
        for name, value in values.items():
            if (folder / name).is_file() or self._unified:
                (folder / name).write_text(str(value))

    def shape(self, tree: Cgroup) -> None:
        """Make the cgroups of a tree inside, those of containers left to the engine, and write what each is held to.

        Args:
            tree: Whose root stands for this cgroup, which keeps its own caps.

        Raises:
            HostError: The kernel refuses something.
        """
        version: CgroupVersion = "v2" if self._unified else "v1"
        for path, cgroup in tree.walk():
            inside = path.partition("/")[2]
            if not inside or cgroup.is_container:
                continue
            try:
                for root in self._folders:
                    self._put(root / inside, words(cgroup, version))
            except OSError as error:
                raise HostError(f"cannot make the cgroup {inside}: {error.strerror or error}") from error

    def _put(self, folder: Path, written: Mapping[str, str]) -> None:
        if not folder.is_dir():
            folder.mkdir()
            if self._unified:
                _enable(folder)
            for name in ("cpuset.mems", "cpuset.cpus"):  # v1: empty in a new one, which nothing can join then
                if not self._unified and (folder / name).is_file():
                    (folder / name).write_text((folder.parent / name).read_text())
        for name, value in written.items():
            if (folder / name).is_file() and (folder / name).read_text().strip() != value:
                (folder / name).write_text(value)

    def folders(self, inside: str) -> dict[str, Path]:
        """Return where the cgroup of a path inside is counted, by controller, for ``read_counted``."""
        if self._unified:
            return {"": self._folders[0] / inside}
        marks = {
            "cpu": "cpu.shares",
            "cpuacct": "cpuacct.usage",
            "memory": "memory.limit_in_bytes",
            "pids": "pids.max",
        }
        return {
            name: root / inside
            for name, mark in marks.items()
            for root in self._folders
            if (root / inside / mark).is_file()
        }

    def close(self) -> None:
        """Remove it, with what the engine left in it; the containers are gone by then."""
        for folder in self._folders:
            _remove(folder)


def hierarchies(root: Path) -> list[Path]:
    """Return the root of each hierarchy that limits or counts, once each."""
    if (root / "cgroup.controllers").is_file():
        return [root]
    found = [folder for folder in sorted(root.iterdir()) if (folder / "cgroup.procs").is_file()]
    return [folder for folder in found if not folder.is_symlink()]


def began(pid: int | str) -> str:
    """Return when a process began, in the kernel's own unit; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def sweep_fences(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Remove those whose run's process is gone, whatever engine it used, and end what is left in them.

    An engine that ended while it started a container leaves a process that waits for it for ever.

    Args:
        root: Where cgroups are mounted.

    Returns:
        Of how many runs.
    """
    gone = set()
    for folder in hierarchies(root) if root.is_dir() else ():
        for fence in sorted(folder.glob(f"{PREFIX}*")):
            run, _, owner = fence.name.removeprefix(PREFIX).partition(".")
            pid, _, since = owner.partition(".")
            if (since and began(pid) == since) or not os.access(folder, os.W_OK):
                continue
            for procs in fence.rglob("cgroup.procs"):
                for left in procs.read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(left), signal.SIGKILL)
            _remove(fence)
            gone.add(run)
    return len(gone)


def _enable(folder: Path) -> None:
    """Let the cgroups below a folder be limited (v2)."""
    (folder / "cgroup.subtree_control").write_text("+cpu +cpuset +memory +pids")


def _remove(folder: Path) -> None:
    """Remove a cgroup and those below it; what has ended may be seen in it for a moment."""
    for below in sorted(folder.rglob("cgroup.procs"), key=lambda path: len(path.parts), reverse=True):
        for _ in range(_TRIES):
            with contextlib.suppress(FileNotFoundError):
                try:
                    below.parent.rmdir()
                except FileNotFoundError:
                    raise
                except OSError:
                    time.sleep(_WAIT_S)
                    continue
            break
