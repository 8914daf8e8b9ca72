"""What a host was measured to take becomes a minion that a scenario includes."""

from __future__ import annotations

from pathlib import Path

from experiments.checking import read_checked
from experiments.replay.calibration import Calibration, Figure, as_yaml
from models.plan import make_plan

_NAMES = ("import_s", "count_s", "fork_s", "process_bytes", "timer_late_s", "busy_cores")
_FIGURES = {name: Figure(name, "this", (0.1, 0.2, 0.3)) for name in _NAMES}
_FIGURES["container_start_s"] = Figure("container_start_s", "a start", (0.21, 0.25, 0.2299999))
_FIGURES["container_stop_s"] = Figure("container_stop_s", "a stop", (0.0401, 0.0403, 0.0402))
_FOUND = Calibration(_FIGURES, 2, 4 << 30, "6.18.44-fc-v657", "v1", "Docker 20.10, overlay2, load 0.1", 0.01)


def test_a_scenario_includes_it(tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text(as_yaml(_FOUND))
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        "apiVersion: wavetank/v1\nname: s\nuntil: 1m\ninclude: host.yaml\ncontrollers: [{name: a, replicas: 1, pod: {cpu: 100m}}]\n"
    )
    loaded = read_checked(scenario, [])
    (minion,) = make_plan(loaded.spec).minions
    assert (minion.name, minion.cpu_millicores, minion.memory_bytes) == ("host", 2000, 4 << 30)
    assert (minion.kernel.release, minion.kernel.cgroup) == ("6.18.44-fc-v657", "v1")
    (pool,) = loaded.spec.all_minions
    assert pool.kubelet is not None
    assert (pool.kubelet.start.low, pool.kubelet.start.high) == (0.21, 0.25)
    assert pool.kubelet.terminate.value == 0.04


def test_every_figure_is_told_with_its_noise() -> None:
    text = as_yaml(_FOUND)
    for name, figure in _FIGURES.items():
        line = next(line for line in text.splitlines() if line.startswith(f"# {name} "))
        assert f"{figure.middle:.6g}" in line
        assert f"{figure.noise:.3g}" in line
    assert "# others_cores        0.01" in text
