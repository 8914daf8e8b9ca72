"""What the kernel has counted is read from the files of both versions of cgroups."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.replay.cgroupfiles import Counted, cgroup_folders, read_counted


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


_V1 = {
    "cpu/x/cpu.stat": "nr_periods 50\nnr_throttled 48\nthrottled_time 3168566922\nnr_bursts 0\nburst_time 0\nwait_sum 7\n",
    "cpuacct/x/cpuacct.usage": "1001729872\n",
    "memory/x/memory.usage_in_bytes": "5242880\n",
    "memory/x/memory.max_usage_in_bytes": "6291456\n",
    "memory/x/memory.stat": "cache 4096\nrss 5120000\nrss_huge 0\ntotal_cache 8192\n",
    "memory/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "pids/x/pids.current": "7\n",
}
_V2 = {  # of a container under Linux 6.1, with cpu.pressure and others left out
    "cpu.stat": "usage_usec 1001729\nuser_usec 900000\nsystem_usec 101729\nnr_periods 50\nnr_throttled 48\n"
    "throttled_usec 3168566\nnr_bursts 0\nburst_usec 0\n",
    "memory.current": "5242880\n",
    "memory.peak": "6291456\n",
    "memory.stat": "anon 5120000\nfile 4096\nkernel 118784\nkernel_stack 16384\npagetables 61440\n",
    "memory.events": "low 0\nhigh 0\nmax 11\noom 2\noom_kill 2\noom_group_kill 0\n",
    "pids.current": "7\n",
}


def test_v1(tmp_path: Path) -> None:
    _write(tmp_path, _V1)
    folders = {name: tmp_path / name / "x" for name in ("cpu", "cpuacct", "memory", "pids")}
    assert read_counted(folders) == Counted(1.001729872, 50, 48, 3.168566922, 5242880, 6291456, 4096, 7, 2)


def test_v2(tmp_path: Path) -> None:
    _write(tmp_path, _V2)
    assert read_counted({"": tmp_path}) == Counted(1.001729, 50, 48, 3.168566, 5242880, 6291456, 4096, 7, 2)


def test_v2_without_a_quota_and_on_an_older_kernel(tmp_path: Path) -> None:
    _write(tmp_path, _V2 | {"cpu.stat": "usage_usec 5\nuser_usec 5\nsystem_usec 0\n"})
    (tmp_path / "memory.peak").unlink()
    assert read_counted({"": tmp_path}) == Counted(5e-6, 0, 0, 0.0, 5242880, None, 4096, 7, 2)


def test_one_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_counted({"": tmp_path / "gone"})


_MOUNTS_V1 = """\
25 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
26 25 0:23 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
27 25 0:24 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
28 25 0:25 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
_MOUNTS_V2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_where_a_process_is_counted_v1(tmp_path: Path) -> None:
    _write(
        tmp_path, {"self/mountinfo": _MOUNTS_V1, "7/cgroup": "5:memory:/w/c\n3:cpu,cpuacct:/w/c\n0::/w/c\n"}
    )
    found = cgroup_folders(7, tmp_path)
    assert found["cpu"] == found["cpuacct"] == Path("/sys/fs/cgroup/cpu,cpuacct/w/c")
    assert found["memory"] == Path("/sys/fs/cgroup/memory/w/c")


def test_where_a_process_is_counted_v2(tmp_path: Path) -> None:
    _write(tmp_path, {"self/mountinfo": _MOUNTS_V2, "7/cgroup": "0::/system.slice/docker-c.scope\n"})
    assert cgroup_folders(7, tmp_path) == {"": Path("/sys/fs/cgroup/system.slice/docker-c.scope")}
    with pytest.raises(FileNotFoundError):
        cgroup_folders(8, tmp_path)


def test_this_very_process() -> None:
    """Recorded files are right only if the real ones look the same: those of this process are read."""
    folders = cgroup_folders("self")
    assert folders, "no cgroups are mounted here"
    assert all(folder.is_dir() for folder in folders.values())
