"""``wavetank engine``: a private Docker Engine that leaves the host as it was."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from tests.adapter.conftest import wavetank

pytestmark = pytest.mark.adapter


def _network() -> tuple[str, str]:
    links = sorted(line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:])
    return " ".join(links), Path("/proc/sys/net/ipv4/ip_forward").read_text()


def _runs(pid: int) -> bool:
    """Whether it is there, and no dead process that its new parent has not looked at yet."""
    status = Path(f"/proc/{pid}/status")
    return status.is_file() and "State:\tZ" not in status.read_text()


def test_it_answers_and_touches_no_network(engine_url: str) -> None:
    client = docker.APIClient(base_url=engine_url, version="auto")
    try:
        info = client.info()
    finally:
        client.close()
    folder = engine_url.removeprefix("unix://").removesuffix("/docker.sock")
    assert info["DockerRootDir"] == f"{folder}/data"
    links, _ = _network()
    assert "docker0" not in links


def test_a_second_one_is_refused(engine_url: str, tmp_path: Path) -> None:
    folder = engine_url.removeprefix("unix://").removesuffix("/docker.sock")
    again = wavetank("engine", "start", "--yes", "--folder", folder)
    assert again.returncode == 2
    assert f"an engine answers at {engine_url} already" in again.stderr
    assert "Traceback" not in again.stderr


def test_it_comes_and_goes(no_engine_missing: None, tmp_path: Path) -> None:
    folder = tmp_path / "e"
    before = _network()
    started = wavetank("engine", "start", "--yes", "--folder", str(folder))
    assert started.returncode == 0, started.stderr
    pid = int((folder / "dockerd.pid").read_text())
    assert _runs(pid)
    stopped = wavetank("engine", "stop", "--yes", "--folder", str(folder))
    assert stopped.returncode == 0, stopped.stderr
    assert not _runs(pid)
    assert not folder.exists()
    assert str(folder) not in Path("/proc/mounts").read_text()
    assert _network() == before
    again = wavetank("engine", "stop", "--yes", "--folder", str(folder))
    assert again.returncode == 2
    assert "no engine was started in" in again.stderr


def test_without_a_yes_nothing_happens(no_engine_missing: None, tmp_path: Path) -> None:
    asked = wavetank("engine", "start", "--folder", str(tmp_path / "e"))
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    assert not (tmp_path / "e").exists()


def test_a_folder_of_something_else_is_left_alone(no_engine_missing: None, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("dear")
    refused = wavetank("engine", "start", "--yes", "--folder", str(tmp_path))
    assert refused.returncode == 2
    assert "holds something else" in refused.stderr
    assert wavetank("engine", "stop", "--yes", "--folder", str(tmp_path)).returncode == 2
    assert (tmp_path / "mine").read_text() == "dear"
