"""A private Docker Engine for the tests that need a real one.

Where none can be started (Docker's packages are absent, or this is not root) the tests are skipped and say so; under
``CI=true`` that is a failure: ``.ci/setup`` has installed what they need.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def wavetank(*words: str, folder: Path = ROOT, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run the command as a user types it."""
    environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "experiments.cli", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="session")
def no_engine_missing() -> None:
    """Skip where no engine can be started; fail under CI."""
    found = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    missing = "dockerd is not installed" if found is None else "this is not root" if os.geteuid() else ""
    if missing and os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{missing}: run .ci/setup, as root, before the tests")
    if missing:
        pytest.skip(f"{missing}: no real Docker Engine for this test")


@pytest.fixture(scope="session")
def engine_url(no_engine_missing: None) -> Iterator[str]:
    """Where a private engine listens, as long as the tests run."""
    folder = Path(tempfile.mkdtemp(prefix="wt-engine-"))
    started = wavetank("engine", "start", "--yes", "--folder", str(folder))
    assert started.returncode == 0, started.stderr
    try:
        yield f"unix://{folder}/docker.sock"
    finally:
        stopped = wavetank("engine", "stop", "--yes", "--folder", str(folder))
        assert stopped.returncode == 0, stopped.stderr
        assert not folder.exists()
