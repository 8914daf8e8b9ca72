"""The reference load: what the machine at hand gives right now.

CPU seconds of the same program differ between machines, and on a busy one between minutes. So every figure is
given as ``measured x 0.9 s / reference``, where the reference is a bare SimPy run of 150,000 processes that
each wait 1, then 2, then 3, measured just before and just after. 0.9 CPU-s is what it takes on the machine
the project's limits were set on, when that machine is quiet.

``python -m experiments.benchmarks.reference`` prints it.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import time
from collections.abc import Generator

import simpy

__all__ = ["NOMINAL_S", "PROCESSES", "REPEATS", "measure_fresh", "measure_here", "normalise"]

NOMINAL_S = 0.9
"""CPU seconds of the reference load on the machine that limits are stated for."""
PROCESSES = 150_000
REPEATS = 5


def measure_here(processes: int = PROCESSES, repeats: int = REPEATS) -> float:
    """Run the reference load in this process.

    Args:
        processes: How many SimPy processes.
        repeats: How many runs; the best counts, for whatever disturbs a run only ever adds.

    Returns:
        CPU seconds of ``env.run()``; building the processes is not counted.
    """
    if processes < 1 or repeats < 1:
        raise ValueError(f"at least one process and one repeat are needed, not {processes} and {repeats}")
    return min(_one_run_s(processes) for _ in range(repeats))


def measure_fresh(processes: int = PROCESSES, repeats: int = REPEATS) -> float:
    """Run the reference load in a fresh process, whose heap no earlier work has grown.

    Args:
        processes: How many SimPy processes.
        repeats: How many runs; the best counts.

    Returns:
        CPU seconds of ``env.run()``.

    Raises:
        subprocess.CalledProcessError: The process failed.
    """
    command = [sys.executable, "-m", __spec__.name, "--raw"]
    command += ["--processes", str(processes), "--repeats", str(repeats)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def normalise(measured_s: float, before_s: float, after_s: float) -> float:
    """Express CPU seconds as seconds of the machine that limits are stated for.

    Args:
        measured_s: CPU seconds of the work.
        before_s: The reference load, measured before the work.
        after_s: The reference load, measured after it.

    Returns:
        ``measured_s x 0.9 / mean of the two references``.

    Raises:
        ValueError: A number that is no time.
    """
    for name, value in (("measured_s", measured_s), ("before_s", before_s), ("after_s", after_s)):
        if not (math.isfinite(value) and value >= 0) or (value == 0 and name != "measured_s"):
            raise ValueError(f"{name} must be a positive number of seconds, not {value}")
    return measured_s * NOMINAL_S / ((before_s + after_s) / 2)


def _one_run_s(processes: int) -> float:
    env = simpy.Environment()
    for _ in range(processes):
        env.process(_wait_thrice(env))
    began = time.process_time()
    env.run()
    return time.process_time() - began


def _wait_thrice(env: simpy.Environment) -> Generator[simpy.Timeout, None, None]:
    yield env.timeout(1)
    yield env.timeout(2)
    yield env.timeout(3)


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.reference", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--processes", type=int, default=PROCESSES, help="SimPy processes (default %(default)s)"
    )
    parser.add_argument(
        "--repeats", type=int, default=REPEATS, help="the best of so many (default %(default)s)"
    )
    parser.add_argument(
        "--raw", action="store_true", help="measure in this process; print seconds and no words"
    )
    asked = parser.parse_args()
    if asked.raw:
        print(repr(measure_here(asked.processes, asked.repeats)))
        return
    took_s = measure_fresh(asked.processes, asked.repeats)
    print(
        f"reference: {took_s:.3f} CPU-s for {asked.processes:,} SimPy processes that wait 1, 2, 3 "
        f"(best of {asked.repeats}, fresh process); normalised = measured x {NOMINAL_S} / {took_s:.3f}"
    )


if __name__ == "__main__":
    _main()
