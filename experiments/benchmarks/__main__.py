"""``make bench``: what a run costs, each figure beside what it must reach.

CPU seconds are normalised to a reference load that runs before and after (see ``reference``). Every measurement
is a fresh process.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from experiments.benchmarks.decisions import OWN_POLICY
from experiments.benchmarks.reference import measure_fresh, normalise
from experiments.benchmarks.sweepload import sweep_efficiency
from models.kernel.cpuclocks import has_compiled

__all__ = ["main"]

_KINDS_OF_CLOCK: Final = (
    (("plain", False, 90), ("with numba", True, 30)) if has_compiled() else (("plain", False, 90),)
)
_CHANGES: Final = {
    False: {"contended": "at most 150 us", "uncontended": "at most 5 us", "limited": ""},
    True: {"contended": "at most 15 us", "limited": ""},
}


def _work(*words: object, compiled: bool = False) -> dict[str, float]:
    """Measure in a fresh process; ``compiled``: with numba, else without it."""
    command = [sys.executable, "-m", "experiments.benchmarks.worker", *map(str, words)]
    environment = os.environ | {"WAVETANK_NUMBA": "1" if compiled else "0"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@dataclass(frozen=True)
class _Load:
    """What a load took, three times between two reference loads.

    Attributes:
        rows: Of each time.
        before: CPU seconds of the reference load.
        after: The same.
    """

    rows: list[dict[str, float]]
    before: float
    after: float

    @property
    def cpu_s(self) -> float:
        """The median."""
        return statistics.median(row["cpu_s"] for row in self.rows)

    def __str__(self) -> str:
        """Return the row's text."""
        normal = normalise(self.cpu_s, self.before, self.after)
        return f"{normal:.2f} CPU-s normalised ({self.cpu_s:.2f} measured)"


def _measured(*words: object) -> _Load:
    before = measure_fresh()
    rows = [_work(*words) for _ in range(3)]
    return _Load(rows, before, measure_fresh())


def _growth() -> float:
    ratios = []
    for _ in range(5):
        small, large = _work("machine", 500, 15_000), _work("machine", 5_000, 150_000)
        ratios.append((large["cpu_s"] / large["pods"]) / (small["cpu_s"] / small["pods"]))
    return statistics.median(ratios)


def _control_rows(table: Table) -> None:
    """Add the rows of the control plane."""
    load = _measured("control", 5_000, 150_000, "24h")
    full = load.rows
    table.add_row("control plane", str(load), "at most 7")
    table.add_row("control plane, events a pod", f"{full[0]['events'] / full[0]['pods']:.2f}", "at most 7")
    small = statistics.median(_work("control", 500, 15_000, "24h")["cpu_s"] for _ in range(5))
    growth = (load.cpu_s / full[0]["pods"]) / (small / 15_000)
    table.add_row("control plane, growth, 500 to 5,000 minions", f"{growth:.2f}", "at most 1.3")
    empty = _work("control", 5_000, 0, "24h", "quiet")
    bytes_a_pod = (full[0]["peak_bytes"] - empty["peak_bytes"]) / 150_000
    table.add_row("control plane, bytes a pod", f"{bytes_a_pod:,.0f}", "at most 3,072")
    hour, month = (_work("control", 1_000, 30_000, until, "quiet") for until in ("1h", "30d"))
    more = month["events"] - hour["events"]
    table.add_row("control plane, quiet, events of 30 d more than of 1 h", f"{more:.0f}", "at most 100")


def _decision_rows(table: Table) -> None:
    """Add the rows of the kube-scheduler's decisions; a hundredth is held against decisions from scratch."""
    rates: dict[tuple[str, int, int], float] = {}
    checked = mismatches = 0.0
    loads = {
        ("plain", 5_000, 20): (30_000, "at least 30,000"),
        ("plain", 5_000, 1_500): (6_000, "at least 3,000"),
        ("rich", 1_000, 20): (4_000, "at least 2,000"),
        ("rich", 5_000, 20): (4_000, "at least 600"),
        ("plain", 500, 20): (10_000, ""),
        ("rich", 500, 20): (2_000, ""),
    }
    before = measure_fresh()
    found = {load: [_work(*load, count) for _ in range(3)] for load, (count, _) in loads.items()}
    after = measure_fresh()
    for load, rows in found.items():
        rates[load] = statistics.median(row["decisions"] / row["cpu_s"] for row in rows)
        checked += sum(row["checked"] for row in rows)
        mismatches += sum(row["mismatches"] for row in rows)
        kind, minions, templates = load
        asked = loads[load][1]
        if asked:
            normal = 1 / normalise(1 / rates[load], before, after)
            table.add_row(
                f"decisions, {kind}, {templates:,} templates, {minions:,} minions",
                f"{normal:,.0f} a CPU-s normalised ({rates[load]:,.0f} measured)",
                asked,
            )
    before = measure_fresh()
    own = [_work("machine", 1_000, 15_000, OWN_POLICY) for _ in range(3)]
    cpu_s = normalise(statistics.median(row["cpu_s"] for row in own), before, measure_fresh())
    table.add_row(
        "own policy, 1,000 minions, the whole run",
        f"{own[0]['pods'] / cpu_s:,.0f} decisions a CPU-s normalised",
        "at least 3,000",
    )
    for kind, most in (("plain", 1.5), ("rich", 5)):
        growth = rates[kind, 500, 20] / rates[kind, 5_000, 20]
        table.add_row(
            f"decisions, {kind}, growth, 500 to 5,000 minions", f"{growth:.2f}", f"at most {most:g}"
        )
    table.add_row("decisions again from scratch", f"mismatches {mismatches:.0f} of {checked:.0f}", "0")


def _cold_rows(table: Table) -> None:
    """Add the rows of the control plane with all on: cold images, probes of liveness and readiness."""
    load = _measured("cold", 5_000, 150_000, "24h")
    full = load.rows
    table.add_row("all on: images, probes", str(load), "at most 10")
    table.add_row("all on, events a pod", f"{full[0]['events'] / full[0]['pods']:.2f}", "at most 9")
    empty = _work("cold", 5_000, 0, "24h")
    bytes_a_pod = (full[0]["peak_bytes"] - empty["peak_bytes"]) / 150_000
    table.add_row("all on, bytes a pod", f"{bytes_a_pod:,.0f}", "at most 4,096")


def _hungry_rows(table: Table) -> None:
    """Add the rows of kernels that are shared: 30,000 pods that want other amounts of CPU each hour."""
    for name, compiled, most in _KINDS_OF_CLOCK:
        if compiled:
            _work("hungry", 4, 120, "2h", compiled=True)  # what is compiled is kept on disk
        before, row = measure_fresh(), _work("hungry", 1_000, 30_000, "24h", compiled=compiled)
        normal = normalise(row["cpu_s"], before, measure_fresh())
        text = f"{normal:.1f} CPU-s normalised ({row['cpu_s']:.1f} measured)"
        said = f"kernels, 1,000 minions, half short of CPU, demand redrawn hourly, {name}"
        table.add_row(said, text, f"at most {most}")


def _storm_rows(table: Table) -> None:
    """Add the rows of many minions that pull through one registry: what a pull costs beside a pod that needs none."""
    us_a_pull = {}
    for minions in (500, 5_000):
        cold, warm = (
            [_work("storm", minions, minions, *words) for _ in range(5)] for words in ((), ("warm",))
        )
        more_s, events = (
            statistics.median(row[word] for row in cold) - statistics.median(row[word] for row in warm)
            for word in ("cpu_s", "events")
        )
        us_a_pull[minions] = 1e6 * more_s / minions
        row = f"pull storm, {minions:,} minions, of a pull"
        table.add_row(row, f"{us_a_pull[minions]:.0f} us, {events / minions:.2f} events", "")
    growth = us_a_pull[5_000] / us_a_pull[500]
    table.add_row("pull storm, cost of a pull, 500 to 5,000 minions", f"{growth:.2f}", "as log n: 1.3")


def _kernel_rows(table: Table) -> None:
    """Add the rows of one minion's CPU: what a change of demand costs among 110 containers."""
    for name, compiled, _ in _KINDS_OF_CLOCK:
        word = "clock_us" if compiled else "us"
        for kind, most in _CHANGES[compiled].items():
            before = measure_fresh()
            rows = [_work(kind, a_pod, 2_000, compiled=compiled) for a_pod in (1, 2, 5)]
            after = measure_fresh()
            worst = max(rows, key=lambda row: row[word])
            rates, clock = (normalise(worst[each], before, after) for each in (word, "clock_us"))
            said = f"{rates:.1f} us normalised ({worst[word]:.1f} measured)"
            said += "" if compiled else f"; {clock:.1f} by a clock that knows of ends"
            table.add_row(f"change of CPU demand, {kind}, median, {name}", said, most)
            assert worst["worst"] < 1e-9, f"rates kept up to date are off by {worst['worst']} cores"


def _walks_row(table: Table) -> None:
    """Add the row of attackers: ten thousand walks in a graph of sixty edges, the draws with them."""
    load = _measured("walks", 60, 10_000)
    assert all(row["reached"] == 1 for row in load.rows), "every walk of a racing attacker reaches the goal"
    table.add_row("10,000 walks in an attack graph of 60 edges", str(load), "under 5")


def _dump_row(table: Table) -> None:
    """Add the row of a cluster's dump: from the file to a plan of a run."""
    load = _measured("dump", 200, 5_000)
    wall_s = statistics.median(row["wall_s"] for row in load.rows)
    table.add_row(
        f"dump of 200 nodes and 5,000 pods, {load.rows[0]['bytes'] / 1e6:.0f} MB, loaded",
        f"{load}, {wall_s:.2f} by the clock",
        "under 5 s",
    )


def main() -> None:
    """Measure every row and print the table."""
    console = Console()
    table = Table(title="benchmarks")
    for heading in ("row", "measured", "must reach"):
        table.add_column(heading)
    load = _measured("machine", 5_000, 150_000)
    machine = load.rows
    table.add_row(
        "reference load", f"{load.before:.2f} s before, {load.after:.2f} s after", "0.9 s when quiet"
    )
    table.add_row("machine", str(load), "at most 4")
    table.add_row("machine, events a pod", f"{machine[0]['events'] / machine[0]['pods']:.2f}", "at most 5")
    table.add_row("growth, 500 to 5,000 minions", f"{_growth():.2f}", "at most 1.3")
    hour, month = (_work("crowd", 1_000, 30_000, until, 1, "stay") for until in ("1h", "30d"))
    table.add_row(
        "quiet, events of 30 d more than of 1 h", f"{month['events'] - hour['events']:.0f}", "at most 100"
    )
    _control_rows(table)
    _decision_rows(table)
    _cold_rows(table)
    _hungry_rows(table)
    _storm_rows(table)
    _dump_row(table)
    _kernel_rows(table)
    _walks_row(table)
    none, live = _work("crowd", 5_000, 0, "2h", 1), _work("crowd", 5_000, 150_000, "2h", 1)
    second = _work("crowd", 5_000, 150_000, "2h", 2)
    table.add_row(
        "memory, bytes a live pod",
        f"{(live['peak_bytes'] - none['peak_bytes']) / 150_000:,.0f}",
        "at most 2,048",
    )
    more = second["peak_bytes"] / live["peak_bytes"] - 1
    table.add_row("memory, second generation", f"{more:+.1%}", "at most +10%")
    table.add_row(
        "sweep, 64 runs on 2 workers", f"{sweep_efficiency():.3f} of two bare copies", "at least 0.93"
    )
    console.print(table)


if __name__ == "__main__":
    main()
