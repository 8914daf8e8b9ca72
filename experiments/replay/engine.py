"""A Docker Engine, as little of it as the replay uses. Whatever it refuses is one sentence."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from experiments.replay.gate import USER
from experiments.replay.hosts import connect
from experiments.replay.problems import HostError
from experiments.replay.work import PERIOD_US, Limits

__all__ = ["Attachment", "Container", "Engine", "Facts", "State", "seconds_of"]

_HEADER: Final = 8
"""Bytes before each piece of a stream that is no terminal's: which stream, three zeros, length (Engine API, attach)."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an engine says of itself and its host.

    Attributes:
        version: Of the engine.
        kernel: Its release.
        cgroup: ``v1`` or ``v2``.
        driver: Of cgroups: ``cgroupfs`` or ``systemd``.
        storage: Storage driver.
        cores: Of the host.
        memory_bytes: Of the host.
        name: Of the host.
        architecture: Of the host.
        lacks: What it cannot do that a replay needs, as sentences.
    """

    version: str
    kernel: str
    cgroup: str
    driver: str
    storage: str
    cores: int
    memory_bytes: int
    name: str
    architecture: str
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Of a container.

    Attributes:
        running: Whether it runs.
        pid: Of its process 1 on the host; 0 where it does not run.
        exit_code: Of its process 1.
        oom_killed: Whether the engine heard of an OOM kill in it.
        started_s: When it was started, by the engine's clock, seconds since 1970.
        finished_s: When it ended.
    """

    running: bool
    pid: int
    exit_code: int
    oom_killed: bool
    started_s: float
    finished_s: float


@dataclass(frozen=True, slots=True)
class Container:
    """One that an engine lists: its id, labels, and whether it runs."""

    identity: str
    labels: Mapping[str, str]
    running: bool


class Attachment:
    """Both ends of a container's standard streams; while it is open the container knows that somebody watches.

    Args:
        raw: What the SDK returns for an attached socket.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._socket: socket.socket = getattr(raw, "_sock", raw)
        self._bytes = b""
        self._lines = b""
        self._ended = False

    def fileno(self) -> int:
        """Return the socket's number, for waiting on many."""
        return self._socket.fileno()

    def send(self, text: str) -> None:
        """Write to the container's standard input."""
        self._socket.sendall(text.encode())

    def line(self, timeout_s: float) -> str | None:
        """Return the next line that the container wrote, or None where it has ended.

        Raises:
            TimeoutError: None came in time.
        """
        until = time.monotonic() + timeout_s
        while b"\n" not in self._lines:
            if self._ended:
                return None
            self._socket.settimeout(max(0.001, until - time.monotonic()))
            self._take(self._socket.recv(65536))
        line, _, self._lines = self._lines.partition(b"\n")
        return line.decode(errors="replace")

    def _take(self, piece: bytes) -> None:
        self._ended = not piece
        self._bytes += piece
        while len(self._bytes) >= _HEADER:
            size = int.from_bytes(self._bytes[4:_HEADER], "big")
            if len(self._bytes) < _HEADER + size:
                return
            self._lines += self._bytes[_HEADER : _HEADER + size]
            self._bytes = self._bytes[_HEADER + size :]

    def close(self) -> None:
        """Let go: the container's pipe closes, and its work ends."""
        response = getattr(self._raw, "_response", None)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if response is not None:
            response.close()
        self._raw.close()


class Engine:
    """A Docker Engine.

    Args:
        url: Where it listens.
        insecure: Speak ``tcp://`` without TLS.

    Raises:
        HostError: It does not answer, may not be used, or is too old.
    """

    def __init__(self, url: str, *, insecure: bool = False) -> None:
        self.url = url
        self.client = connect(url, insecure=insecure)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def facts(self) -> Facts:
        """Return what it says of itself."""
        with self._told("say what it is"):
            info = self.client.info()
        needed = {"MemoryLimit": "memory", "PidsLimit": "pids", "CpuCfsQuota": "CPU time", "CPUSet": "cores"}
        lacks = [f"it cannot limit {what}" for key, what in needed.items() if not info.get(key)]
        if "name=seccomp,profile=default" not in info.get("SecurityOptions", []) and not any(
            each.startswith("name=seccomp,profile=builtin") for each in info.get("SecurityOptions", [])
        ):
            lacks.append("it filters no system calls by default (seccomp)")
        return Facts(
            version=info["ServerVersion"],
            kernel=info["KernelVersion"],
            cgroup=f"v{info.get('CgroupVersion', '1')}",
            driver=info["CgroupDriver"],
            storage=info["Driver"],
            cores=info["NCPU"],
            memory_bytes=info["MemTotal"],
            name=info["Name"],
            architecture=info["Architecture"],
            lacks=tuple(lacks),
        )

    def import_image(self, tar: bytes, repository: str, tag: str, labels: Mapping[str, str]) -> None:
        """Make an image of a root folder."""
        changes = [f'LABEL "{key}"="{value}"' for key, value in labels.items()]
        with self._told("take the work image"):
            said = self.client.import_image_from_data(tar, repository, tag, changes=changes)
        if '"error"' in str(said):
            raise HostError(f"the engine at {self.url} did not take the work image: {str(said)[:200]}")

    def images(self, label: str) -> list[tuple[str, Mapping[str, str]]]:
        """Return name and labels of the images that have a label."""
        with self._told("list images"):
            found = self.client.images(filters={"label": label})
        return [((each["RepoTags"] or [each["Id"]])[0], each["Labels"] or {}) for each in found]

    def remove_image(self, name: str) -> None:
        """Remove an image, if it is there."""
        import docker.errors

        with self._told("remove the work image"), contextlib.suppress(docker.errors.NotFound):
            self.client.remove_image(name, force=True)

    def create(
        self,
        image: str,
        command: Sequence[str],
        limits: Limits,
        *,
        name: str,
        labels: Mapping[str, str],
        cpus: str,
        parent: str | None,
    ) -> tuple[str, list[str]]:
        """Make a container that is fenced in on all sides; it does not run yet.

        Args:
            image: Of it.
            command: Its process 1.
            limits: Of it.
            name: Of it.
            labels: Of it.
            cpus: The cores that it may run on.
            parent: The cgroup in which its own lies; None: the engine's choice.

        Returns:
            Its id, and what the engine warned of.
        """
        with self._told("make a container"):
            host = self.client.create_host_config(
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                read_only=True,
                network_mode="none",
                ipc_mode="none",
                privileged=False,
                init=False,
                oom_score_adj=1000,
                log_config={"Type": "none", "Config": {}},
                ulimits=[{"Name": "core", "Soft": 0, "Hard": 0}],
                restart_policy={"Name": "no"},
                pids_limit=-1 if limits.pids is None else limits.pids,
                mem_limit=limits.memory_bytes or 0,
                memswap_limit=limits.memory_bytes or 0,
                cpu_period=PERIOD_US,
                cpu_quota=-1 if limits.quota_us is None else limits.quota_us,
                cpu_shares=limits.shares,
                cpuset_cpus=cpus,
                **({} if parent is None else {"cgroup_parent": parent}),
            )
            made = self.client.create_container(
                image,
                list(command),
                name=name,
                labels=dict(labels),
                user=f"{USER}:{USER}",
                stdin_open=True,
                tty=False,
                network_disabled=True,
                host_config=self._once(host),
            )
        return made["Id"], list(made.get("Warnings") or [])

    def _once(self, host: Any) -> Any:
        """The configuration as it is sent; tests put engines that discard limits here."""
        return host

    def attach(self, identity: str) -> Attachment:
        """Hold a container's standard streams; made before it is started."""
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        with self._told("attach to a container"):
            return Attachment(self.client.attach_socket(identity, params=wanted))

    def start(self, identity: str) -> None:
        """Start a container."""
        with self._told("start a container"):
            self.client.start(identity)

    def kill(self, identity: str, signal: str = "SIGKILL") -> None:
        """Send a signal to a container's process 1, if it runs."""
        import docker.errors

        with self._told("end a container"), contextlib.suppress(docker.errors.APIError):
            self.client.kill(identity, signal)

    def remove(self, identity: str) -> None:
        """Remove a container, running or not, if it is there."""
        import docker.errors

        with self._told("remove a container"), contextlib.suppress(docker.errors.NotFound):
            self.client.remove_container(identity, force=True)

    def state(self, identity: str) -> State:
        """Return a container's state."""
        with self._told("say how a container is"):
            state = self.client.inspect_container(identity)["State"]
        return State(
            running=state["Running"],
            pid=state["Pid"],
            exit_code=state["ExitCode"],
            oom_killed=state["OOMKilled"],
            started_s=seconds_of(state["StartedAt"]),
            finished_s=seconds_of(state["FinishedAt"]),
        )

    def stats(self, identity: str) -> dict[str, Any]:
        """Return what the engine has counted of a container, as it says it."""
        with self._told("count what a container uses"):
            return dict(self.client.stats(identity, stream=False, one_shot=True))

    def containers(self, label: str | None = None) -> list[Container]:
        """Return all containers, or those that have a label."""
        with self._told("list containers"):
            found = self.client.containers(all=True, filters={} if label is None else {"label": label})
        return [Container(each["Id"], each["Labels"] or {}, each["State"] == "running") for each in found]

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Say in a sentence what the engine would not do."""
        import docker.errors
        import requests

        try:
            yield
        except docker.errors.APIError as error:
            raise HostError(
                f"the engine at {self.url} would not {what}: {error.explanation or error}"
            ) from error
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            raise HostError(
                f"the engine at {self.url} answers no more (asked to {what}): see whether it runs, and run this again"
                " to remove what was left"
            ) from error


def seconds_of(text: str) -> float:
    """Seconds since 1970 of a time as the engine writes it, to the nanosecond; 0 where there is none."""
    if text.startswith("0001-"):
        return 0.0
    whole, _, fraction = text.removesuffix("Z").partition(".")
    zone = ""
    for sign in "+-":
        if sign in fraction:
            fraction, _, zone = fraction.partition(sign)
            zone = sign + zone
    moment = datetime.fromisoformat(whole + (zone or "+00:00"))
    return moment.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)
