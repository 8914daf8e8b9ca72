"""Simulations of a recording for many seeds, observed where they are run."""

from __future__ import annotations

import importlib
import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from experiments.verify.control.agreement import LEAST_SHARE, Verdict, hits, judge
from experiments.verify.control.observation import Frame, Observation
from experiments.verify.control.observations import observe
from experiments.verify.control.recording import Recording
from experiments.verify.control.samples import Sample, samples_of

__all__ = ["AFTER_S", "Replay", "Runner", "compare", "open_runner", "simulated_replay"]

Replay = Callable[[Recording, int], Sequence[Mapping[str, Any]]]
"""From a recording and a seed to a log: the inputs repeated (with the pods' new names) and what was then seen."""

AFTER_S = 30.0
"""How long a replay goes on after the end of the recording: delays that begin before it may end later."""

_CHUNK = 5


def simulated_replay(recording: Recording, seed: int) -> Sequence[Mapping[str, Any]]:
    """Replay a recording on the simulated master."""
    found: Sequence[Mapping[str, Any]] = importlib.import_module("experiments.verify.control.replay").replay(
        recording, seed
    )
    return found


def _observe_seeds(replay: Replay, recording: Recording, seeds: Sequence[int]) -> list[list[Observation]]:
    frame = Frame.of(recording)
    logs = (sorted(replay(recording, seed), key=lambda row: float(row["t"])) for seed in seeds)
    return [observe(log, frame) for log in logs]


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs seeds, here or in worker processes.

    Attributes:
        replay: What is run; it must be importable by name for workers.
        pool: The workers; None to run here.
        told: Called with the number of seeds done, as they are done.
    """

    replay: Replay
    pool: ProcessPoolExecutor | None = None
    told: Callable[[int], None] = lambda done: None

    def run(self, recording: Recording, seeds: Sequence[int]) -> list[list[Observation]]:
        """Return the observations of each seed, in order."""
        chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
        results: list[list[Observation]] = []
        for found in self._each(recording, chunks):
            results += found
            self.told(len(found))
        return results

    def _each(
        self, recording: Recording, chunks: Sequence[Sequence[int]]
    ) -> Iterator[list[list[Observation]]]:
        if self.pool is None:
            yield from (_observe_seeds(self.replay, recording, chunk) for chunk in chunks)
            return
        futures = [self.pool.submit(_observe_seeds, self.replay, recording, chunk) for chunk in chunks]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


@contextmanager
def open_runner(
    workers: int, replay: Replay = simulated_replay, told: Callable[[int], None] = lambda done: None
) -> Iterator[Runner]:
    """Run seeds in so many processes; with 1, in this one."""
    if workers <= 1:
        yield Runner(replay, None, told)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield Runner(replay, pool, told)


def compare(recording: Recording, runner: Runner, seeds: int, count_seeds: int) -> tuple[Verdict, ...]:
    """Judge all observations of a recording.

    Delays and curves are judged by the first ``seeds`` seeds. A count or set whose frequency these leave open is
    judged by ``count_seeds``.

    Args:
        recording: What a real control plane did.
        runner: Simulates it.
        seeds: Seeds 0 to this, at least 1.
        count_seeds: Seeds for counts and sets that are seldom as recorded; no fewer than ``seeds`` are used.
    """
    recorded = observe(recording.log, Frame.of(recording))
    logs = runner.run(recording, range(seeds))
    samples = samples_of(recorded, logs)
    verdicts = {sample.recorded.key: judge(sample, recording.scenario) for sample in samples}
    still_open = {sample.recorded.key for sample in samples if _is_open(sample, count_seeds)}
    if still_open:
        logs += runner.run(recording, range(seeds, count_seeds))
        for sample in samples_of(recorded, logs):
            if sample.recorded.key in still_open:
                verdicts[sample.recorded.key] = judge(sample, recording.scenario)
    return tuple(verdicts.values())


def _is_open(sample: Sample, count_seeds: int) -> bool:
    """Whether more seeds could still show that the recorded value is frequent enough, or is not."""
    if len(sample.simulated) >= count_seeds:
        return False
    return hits(sample) < math.ceil(LEAST_SHARE * count_seeds)
