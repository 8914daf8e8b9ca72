"""Which engine is meant, and what is said of one that will not do."""

from __future__ import annotations

import http.server
import os
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.replay.hosts import answers, chosen_url, connect
from experiments.replay.problems import HostError


class _Old(http.server.BaseHTTPRequestHandler):
    """An engine that speaks an old version of the API."""

    api = "1.24"

    def do_GET(self) -> None:
        body = f'{{"ApiVersion": "{self.api}", "Version": "1.12"}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        return "unix"


@pytest.fixture
def old(tmp_path: Path) -> Iterator[str]:
    with socketserver.UnixStreamServer(str(tmp_path / "old.sock"), _Old) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"unix://{tmp_path}/old.sock"
        server.shutdown()
        thread.join()


def test_the_one_given_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("experiments.replay.hosts.PRIVATE_FOLDER", tmp_path)
    assert chosen_url("tcp://a:1", {"DOCKER_HOST": "unix:///b"}) == "tcp://a:1"
    assert chosen_url(None, {"DOCKER_HOST": "unix:///b"}) == "unix:///b"
    assert chosen_url(None, {}) == "unix:///var/run/docker.sock"
    with socketserver.UnixStreamServer(str(tmp_path / "docker.sock"), _Old):
        assert chosen_url(None, {}) == f"unix://{tmp_path}/docker.sock"


def test_no_engine(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"no Docker Engine answers at unix:///.*: start it, name another"):
        connect(f"unix://{tmp_path}/none.sock")
    assert not answers(f"unix://{tmp_path}/none.sock")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not")
def test_no_permission(old: str) -> None:
    os.chmod(old.removeprefix("unix://"), 0o600)
    for folder in Path(old.removeprefix("unix://")).parents:
        if folder.stat().st_uid == 0 and len(folder.parts) > 2:
            folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(HostError, match="no permission to use unix:"):
            connect(old)
        assert answers(old), "one that may not be used is there all the same"
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("version", ["1.24", "1.40"])
def test_too_old(old: str, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(_Old, "api", version)
    with pytest.raises(HostError, match="too old"):
        connect(old)
    assert answers(old)


def test_new_enough(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Old, "api", "1.41")
    client = connect(old)
    assert client.api_version == "1.41"
    client.close()


def test_tcp_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    monkeypatch.delenv("DOCKER_CERT_PATH", raising=False)
    with pytest.raises(HostError, match=r"has no TLS.*or say --insecure"):
        connect("tcp://127.0.0.1:1")
    with pytest.raises(HostError, match="no Docker Engine answers"):
        connect("tcp://127.0.0.1:1", insecure=True)


@pytest.mark.parametrize("url", ["http+unix://x", "nonsense", "ssh://me@there"])
def test_no_address(url: str) -> None:
    with pytest.raises(HostError, match="is no engine's address: expected unix://PATH or tcp://HOST:PORT"):
        connect(url)
