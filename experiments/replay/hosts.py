"""Which Docker Engine is meant, how it is reached, and whether it will do."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from experiments.replay.problems import HostError

__all__ = ["PRIVATE_FOLDER", "SOCKET_NAME", "answers", "chosen_url", "connect", "socket_url"]

PRIVATE_FOLDER: Final = Path("/var/lib/wavetank-engine")
"""Where ``wavetank engine start`` keeps its engine."""
SOCKET_NAME: Final = "docker.sock"
_USUAL: Final = "unix:///var/run/docker.sock"
_LEAST_API: Final = (1, 41)
"""Docker 20.10, the first that knows cgroup v2 and says which version there is."""
_TIMEOUT_S: Final = 60


def socket_url(folder: Path) -> str:
    """Return where the private engine of a folder listens."""
    return f"unix://{folder / SOCKET_NAME}"


def chosen_url(given: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the engine that is meant: as given, else ``DOCKER_HOST``, else a private engine, else the usual socket.

    Args:
        given: ``--host``.
        environment: Of the process.
    """
    if given or environment.get("DOCKER_HOST"):
        return given or environment["DOCKER_HOST"]
    return socket_url(PRIVATE_FOLDER) if _is_socket(PRIVATE_FOLDER / SOCKET_NAME) else _USUAL


def answers(url: str) -> bool:
    """Return whether an engine answers there, new enough or not."""
    try:
        connect(url, insecure=True).close()
    except HostError as error:
        return "too old" in error.sentence or "no permission" in error.sentence
    return True


def connect(url: str, *, insecure: bool = False) -> Any:
    """Return a client of the SDK (``docker.APIClient``) whose engine answers and is new enough.

    Args:
        url: ``unix://PATH`` or ``tcp://HOST:PORT``.
        insecure: Speak ``tcp://`` without TLS.

    Raises:
        HostError: There is none, it may not be used, or it is too old; or the SDK is not installed.
    """
    try:
        import docker
        import docker.constants
        import docker.errors
        import docker.utils
        import requests
    except ImportError as error:
        raise HostError("the Docker SDK is not installed: pip install 'wavetank[docker]'") from error
    tls = _tls(url, docker.utils.kwargs_from_env, insecure=insecure)
    _check_socket(url)
    # Asked with a client of its own, since one that negotiates by itself leaves its socket open where it fails.
    least = ".".join(map(str, _LEAST_API))
    asking = docker.APIClient(base_url=url, version=least, timeout=_TIMEOUT_S, tls=tls)
    try:
        spoken = str(asking.version(api_version=False)["ApiVersion"])
        known = tuple(int(part) for part in spoken.split("."))
    except (docker.errors.DockerException, requests.RequestException, ValueError, KeyError, OSError) as error:
        raise HostError(_refused(url, error)) from error
    finally:
        asking.close()
    if known < _LEAST_API:
        raise HostError(
            f"the engine at {url} is too old: it speaks version {spoken} of the API, and"
            f" {least} (Docker 20.10) is the least that will do"
        )
    newest = docker.constants.DEFAULT_DOCKER_API_VERSION
    version = min(known, tuple(int(part) for part in newest.split(".")))
    return docker.APIClient(base_url=url, version=".".join(map(str, version)), timeout=_TIMEOUT_S, tls=tls)


def _tls(url: str, from_environment: Any, *, insecure: bool) -> Any:
    scheme = url.partition("://")[0]
    if scheme == "unix":
        return False
    if scheme not in ("tcp", "https"):
        raise HostError(f"'{url}' is no engine's address: expected unix://PATH or tcp://HOST:PORT")
    tls = from_environment().get("tls") or False
    if not tls and not insecure:
        raise HostError(
            f"{url} has no TLS, and who can reach it owns that host: set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH,"
            " or say --insecure"
        )
    return tls


def _check_socket(url: str) -> None:
    """Look whether a Unix socket answers at all: the SDK leaves a socket of its own open where it does not."""
    scheme, _, path = url.partition("://")
    if scheme != "unix":
        return
    with socket.socket(socket.AF_UNIX) as tried:
        tried.settimeout(_TIMEOUT_S)
        try:
            tried.connect(path)
        except OSError as error:
            raise HostError(_refused(url, error)) from error


def _refused(url: str, error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission to use {url}: run as root, or as a member of the group that owns the socket"
    return (
        f"no Docker Engine answers at {url}: start it, name another with --host, or, where Docker is installed"
        " and does not run, 'wavetank engine start'"
    )


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
