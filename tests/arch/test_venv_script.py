"""`.ci/venv` says in one sentence what is wrong with the Python it was given."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _run(python: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".ci" / "venv"), str(python), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def _fake_python(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_no_python(tmp_path: Path) -> None:
    result = _run("no-such-python", tmp_path / "venv")
    assert result.returncode == 2
    assert result.stderr.startswith(
        "wavetank: there is no 'no-such-python' here: name a Python of at least 3.11"
    )


def test_a_python_too_old(tmp_path: Path) -> None:
    old = _fake_python(tmp_path / "old", 'case "$2" in *sys.exit*) exit 1;; *) echo 3.9.2;; esac')
    result = _run(old, tmp_path / "venv")
    assert result.returncode == 2
    assert "Python 3.11 or newer is needed" in result.stderr
    assert "is 3.9.2" in result.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_that_can_make_no_environment(tmp_path: Path) -> None:
    # New enough, but neither venv, pip nor virtualenv runs with it.
    bare = _fake_python(
        tmp_path / "bare", 'case "$1" in -c) exit 0;; --version) echo Python 3.11.0;; *) exit 1;; esac'
    )
    command = f'PATH="{tmp_path}/bin" exec "{ROOT}/.ci/venv" "{bare}" "{tmp_path}/venv"'
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "rm", "date", "tail"):
        found = subprocess.run(
            ["/bin/sh", "-c", f"command -v {tool}"], capture_output=True, text=True, check=True
        )
        (tmp_path / "bin" / tool).symlink_to(found.stdout.strip())
    result = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 2
    assert "has no ensurepip, and neither a pip of at least 22.3 nor virtualenv was found" in result.stderr
