"""What all tests share: Hypothesis profiles and the folder of reference data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() == "true"

# No deadline: tests share a machine with others, and time is measured in benchmarks only.
settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("nightly", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "dev"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data: ``WAVETANK_SHARED``, or ``../shared`` beside the repository's root.

    Where there is none (a clone of the repository alone) the test is skipped; under ``CI=true`` it fails.
    """
    folder = Path(os.environ.get("WAVETANK_SHARED") or ROOT.parent / "shared").absolute()
    if folder.is_dir():
        return folder
    sentence = f"the reference data is not at {folder}: set WAVETANK_SHARED to the folder that holds traces/"
    if IN_CI:
        pytest.fail(sentence)
    pytest.skip(sentence)
