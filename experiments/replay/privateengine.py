"""A private Docker Engine, for a host where Docker's packages are installed and no engine runs.

Everything that it makes lies in one folder: data root, exec root, socket, pid file and log. It makes no bridge and no
rule of the firewall, so that the host's network stays as it is; containers of the replay have no network anyway.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from experiments.replay.hosts import SOCKET_NAME, answers, chosen_url, connect, socket_url
from experiments.replay.problems import HostError

__all__ = ["start_engine", "stop_engine"]

_START_S: Final = 40.0
_STOP_S: Final = 30.0
_LOOK_S: Final = 0.1
_LONGEST_SOCKET: Final = 107
"""Bytes in the address of a Unix socket (unix(7): ``sun_path`` has 108 with the closing zero)."""


def start_engine(folder: Path) -> str:
    """Start an engine that goes on after this process.

    Args:
        folder: Of the engine; made where it is absent.

    Returns:
        Where it listens.

    Raises:
        HostError: Not root, not installed, an engine answers already, or it does not come up.
    """
    folder = folder.absolute()
    program = _checked_program()
    url = socket_url(folder)
    for known in dict.fromkeys((chosen_url(None), url)):
        if answers(known):
            raise HostError(f"an engine answers at {known} already: use that one, with --host {known}")
    if len(os.fsencode(folder / SOCKET_NAME)) > _LONGEST_SOCKET:
        raise HostError(f"the path {folder} is too long for a socket in it: choose a shorter --folder")
    _make(folder)
    process = _launch(program, folder)
    until = time.monotonic() + _START_S
    while not answers(url):
        if process.poll() is not None:
            raise HostError(f"the engine ended with status {process.returncode}: {_last_words(folder)}")
        if time.monotonic() > until:
            _end(process.pid)
            raise HostError(f"the engine did not answer within {_START_S:g} s: see {folder / 'dockerd.log'}")
        time.sleep(_LOOK_S)
    process.returncode = 0  # it is meant to outlive this process
    return url


def stop_engine(folder: Path) -> None:
    """Stop the engine of a folder with all its containers, and remove the folder.

    Args:
        folder: Of the engine.

    Raises:
        HostError: None was started there, not root, or it does not end.
    """
    folder = folder.absolute()
    pid = _running(folder)
    if pid is None and not (folder / "dockerd.log").is_file():
        raise HostError(f"no engine was started in {folder}: name its folder with --folder")
    _check_root()
    if pid is not None:
        _remove_containers(socket_url(folder))
        _end(pid)
    for left in _orphans(folder):  # of an engine that did not end in order
        with contextlib.suppress(ProcessLookupError):
            os.kill(left, signal.SIGKILL)
    for path in _mounts_below(folder):
        subprocess.run(["umount", "--lazy", path], check=False, capture_output=True)
    if _mounts_below(folder):
        raise HostError(f"something is still mounted below {folder}: unmount it, then remove the folder")
    shutil.rmtree(folder, ignore_errors=True)


def _checked_program() -> str:
    _check_root()
    program = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise HostError(
            "dockerd is not installed: install Docker's packages (Debian's is docker.io), then try again"
        )
    return program


def _check_root() -> None:
    if os.geteuid() != 0:
        raise HostError(
            "a private engine needs root: run this with sudo, or use an engine that runs, with --host"
        )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if any(folder.iterdir()) and not (folder / "dockerd.log").is_file():
            raise HostError(f"{folder} holds something else: choose an empty --folder")
    except OSError as error:
        raise HostError(f"cannot make {folder}: {error.strerror or error}") from error


def _launch(program: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [
        program,
        *("--host", socket_url(folder), "--data-root", str(folder / "data")),
        *("--exec-root", str(folder / "exec"), "--pidfile", str(folder / "dockerd.pid")),
        *(
            "--bridge",
            "none",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-forward=false",
            "--ip-masq=false",
        ),
        *("--userland-proxy=false", "--group", "root"),
    ]
    log = folder / "dockerd.log"
    with log.open("wb") as out:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/"
        )


def _running(folder: Path) -> int | None:
    """The engine's process, if the one in the pid file is still that engine and not another of the same number."""
    file = folder / "dockerd.pid"
    try:
        pid = int(file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(file) in words else None


def _orphans(folder: Path) -> list[int]:
    """Processes that belong to the engine of a folder, by the paths in their command lines, and their children."""
    mark = os.fsencode(f"{folder}/exec/")
    parents: dict[int, int] = {}
    own: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stat = (process / "stat").read_text().rpartition(")")[2].split()
            if mark in (process / "cmdline").read_bytes():
                own.add(int(process.name))
        except OSError:
            continue
        parents[int(process.name)] = int(stat[1])
    before = -1
    while before < len(own):
        before = len(own)
        own |= {pid for pid, parent in parents.items() if parent in own}
    return sorted(own)


def _remove_containers(url: str) -> None:
    try:
        client = connect(url)
    except HostError:
        return
    try:
        for each in client.containers(all=True):
            client.remove_container(each["Id"], force=True)
    finally:
        client.close()


def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + _STOP_S
        while time.monotonic() < until:
            if _is_gone(pid):
                return
            time.sleep(_LOOK_S)
    raise HostError(f"the engine, process {pid}, does not end: end it by hand")


def _is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in ("Z", "X")


def _mounts_below(folder: Path) -> Sequence[str]:
    """Mounts below a folder, the deepest first."""
    places = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((place for place in places if place.startswith(f"{folder}/")), key=len, reverse=True)


def _last_words(folder: Path) -> str:
    lines = (folder / "dockerd.log").read_text(errors="replace").splitlines()
    return lines[-1][:300] if lines else "it said nothing"
