"""docs/scenarios.md says what the schema says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from experiments.expectationwords import METRICS
from experiments.scenarioreference import scenario_reference
from models.api.constants import CONSTANT_NAMES
from models.api.schema import nested
from models.api.specs import Scenario

ROOT = Path(__file__).parents[3]


def test_the_reference_is_current():
    written = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert written == scenario_reference(), "make it anew: wavetank schema --markdown > docs/scenarios.md"


def test_the_reference_has_every_key_metric_and_constant():
    text = scenario_reference()
    for model in nested(Scenario):
        for name, spec in model.model_fields.items():
            assert f"| `{spec.alias or name}` |" in text, (model, name)
    for word in (*METRICS, *CONSTANT_NAMES):
        assert f"| `{word}` |" in text
    assert "``" not in text
    assert ":class:" not in text


def test_the_command_prints_both(tmp_path):
    def printed(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "experiments.cli", "schema", *words],
            cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    assert json.loads(printed())["title"] == "wavetank scenario"
    assert printed("--markdown") == scenario_reference()
