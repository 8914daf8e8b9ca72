"""The study of scheduling: what it says of numbers that are known, and that it says so from the sweep's files alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from scipy import stats

from experiments.studies.scheduling.__main__ import main, write_page
from experiments.studies.scheduling.answer import QUESTIONS, Answer, answer
from experiments.studies.scheduling.design import LOADS, OPENB, SYNTHETIC, design_of
from experiments.sweepmetrics import METRICS

_WAIT, _IDLE, _STRANDED, _ALLOCATED = QUESTIONS
_SLOW = {"slow": [3.0, 5.0, 4.0, 6.0], "quick": [1.0, 2.0, 2.5, 3.5], "alike": [1.1, 1.8, 2.6, 3.6]}


def swept(folder: Path, question: str, numbers: dict[str, list[float | None]]) -> Path:
    """A sweep's folder with these numbers by policy, one a seed; ratios and seconds as they stand in the file."""
    seeds = list(range(1, 1 + len(next(iter(numbers.values())))))
    axes = [["policy.scheduler", [json.dumps(policy) for policy in numbers]]]
    design = {"scenario": "a.yaml", "name": "a", "fixed": [], "axes": axes, "seeds": seeds}
    folder.mkdir(parents=True)
    (folder / "design.json").write_text(json.dumps(design))
    rows = [
        {"key": f"{policy}-{seed}", "policy.scheduler": json.dumps(policy), "seed": seed, "status": 0, "digest": "",
         **dict.fromkeys(METRICS, 0.0), question: number}
        for policy, found in numbers.items()
        for seed, number in zip(seeds, found, strict=True)
    ]  # fmt: skip
    pl.DataFrame(rows, schema_overrides={question: pl.Float64}).write_parquet(folder / "runs.parquet")
    return folder


def _minutes(numbers: dict[str, list[float]]) -> dict[str, list[float | None]]:
    return {policy: [60 * each for each in found] for policy, found in numbers.items()}


def test_the_first_is_the_one_with_least_and_only_who_is_surely_worse_is_left_out(tmp_path: Path) -> None:
    found = answer(swept(tmp_path / "s", _WAIT.metric, _minutes(_SLOW)), _WAIT)
    assert [each.policy for each in found.ranked] == ["quick", "alike", "slow"]
    assert found.first == ("quick", "alike")
    assert found.ranked[2].mean.mean == pytest.approx(4.5)


def test_an_interval_is_that_of_all_pairs_together(tmp_path: Path) -> None:
    found = answer(swept(tmp_path / "s", _WAIT.metric, _minutes(_SLOW)), _WAIT, level=0.9)
    behind = found.ranked[2].behind
    assert behind is not None
    assert behind.low is not None
    differences = [2.0, 3.0, 1.5, 2.5]
    # Three pairs of policies: each interval has a third of the tenth, and half of that on either side.
    half = stats.t.ppf(1 - 0.1 / 3 / 2, 3) * stats.sem(differences)
    assert behind.low == pytest.approx(2.25 - half)
    assert behind.high == pytest.approx(2.25 + half)


def test_where_most_is_asked_for_the_first_has_most(tmp_path: Path) -> None:
    numbers: dict[str, list[float | None]] = {"full": [0.5, 0.6, 0.55], "empty": [0.3, 0.41, 0.35]}
    found = answer(swept(tmp_path / "s", _ALLOCATED.metric, numbers), _ALLOCATED)
    assert [each.policy for each in found.ranked] == ["full", "empty"]
    behind = found.ranked[1].behind
    assert behind is not None
    assert behind.mean == pytest.approx((20 + 19 + 20) / 3)
    assert found.first == ("full",)


def test_a_run_without_a_number_is_not_left_out_in_silence(tmp_path: Path) -> None:
    numbers: dict[str, list[float | None]] = {"a": [0.1, 0.2], "b": [0.1, None]}
    with pytest.raises(
        ValueError, match="1 of 4 runs have no 'gpu stranded', the first with \"b\" and seed 2"
    ):
        answer(swept(tmp_path / "s", _STRANDED.metric, numbers), _STRANDED)


def test_every_question_is_of_a_figure_that_sweeps_compare() -> None:
    assert {each.metric for each in QUESTIONS} <= set(METRICS)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("studied")
    words = ["--workload", "synthetic", "--loads", "0.9", "--policies", "best-fit,worst-fit", "--seeds", "3"]
    assert main([*words, "--out", str(out)]) == 0
    return out


def test_a_small_twin_answers_from_the_files_of_its_sweep_alone(studied: Path, tmp_path: Path) -> None:
    sweep = studied / "sweeps" / "scheduling-synthetic-0.9" / "0001"
    kept = tmp_path / "kept"
    for path in (sweep / "design.json", sweep / "runs.parquet", *sweep.glob("runs/*/summary.json")):
        copy = kept / path.relative_to(sweep)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    again = write_page({"0.9": kept}, 3, "synthetic", tmp_path)
    assert again.read_text() == (studied / "results.md").read_text()
    assert (tmp_path / "figure.svg").read_bytes() == (studied / "figure.svg").read_bytes()


def test_what_the_page_says_is_in_the_runs(studied: Path) -> None:
    sweep = studied / "sweeps" / "scheduling-synthetic-0.9" / "0001"
    frame = pl.read_parquet(sweep / "runs.parquet")
    page = (studied / "results.md").read_text()
    for question in (_WAIT, _IDLE, _ALLOCATED):
        found: Answer = answer(sweep, question)
        for each in found.ranked:
            mine = frame.filter(pl.col("policy.scheduler") == json.dumps(each.policy))[question.metric]
            assert each.mean.mean == pytest.approx(question.factor * mine.mean())
        assert f"Who {question.asks}: at 0.9 {found.ranked[0].policy}" in page
    # The workload is compressed to the load that the page says.
    (ratio,) = {
        round(json.loads(path.read_text())["offered_load"]["synthetic"]["gpu"], 6)
        for path in sweep.glob("runs/*/summary.json")
    }
    assert f"(offered: {100 * ratio:.3g}% of the GPUs)" in page
    assert 0.7 < ratio < 1.0


def test_the_whole_design_is_checked_before_the_first_run(shared: Path) -> None:
    for workload in (OPENB, SYNTHETIC):
        for load in LOADS:
            design, runs = design_of(workload, load, 20)
            assert runs == 140
            assert f'until="{round(workload.window_s / workload.compress[load])}s"' in design.fixed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--loads", "0.8"], "expected some of 0.7, 0.9, 1.1, not '0.8'"),
        (["--policies", "best"], "not 'best'"),
        (["--seeds", "1"], "expected at least 2 seeds"),
    ],
)
def test_wrong_words_end_with_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
