"""The pictures of what containers use of their minions: CPU, disks, memory, file pages, processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from experiments.cpufigures import cpu_steps
from experiments.cpuplots import draw_cpu
from experiments.diskfigures import disk_steps
from experiments.filefigures import cached_files
from experiments.journalfiles import RunFiles
from experiments.memoryfigures import held_memory
from experiments.memoryplots import draw_files, draw_memory
from experiments.processfigures import counted_processes
from experiments.processplots import draw_processes
from experiments.wording import say_bytes, say_count, say_share, say_time

__all__ = ["usage_pictures"]

Made = list[tuple[str, str, str, Figure | None]]
"""(title, caption, alternative text, picture) of each."""


def usage_pictures(run: RunFiles, summary: Mapping[str, Any], marks: str) -> Made:
    """Return the pictures of a run in which containers say what they use.

    Args:
        run: Its files.
        summary: Its figures.
        marks: How faults are marked, as a sentence.
    """
    of_each = (_cpu_pictures, _disk_pictures, _memory_pictures, _file_pictures, _process_pictures)
    return [made for pictures in of_each for made in pictures(run, summary, marks)]


def _cpu_pictures(run: RunFiles, summary: Mapping[str, Any], marks: str) -> Made:
    if summary["cpu"] is None:
        return []
    told = (f"{owner} got {say_share(each['share'])}" for owner, each in summary["cpu"].items())
    alt = f"Of the CPU that they wanted, {'; '.join(told)}."
    caption = f"What containers that say what they use want of the CPUs, and what they get.{marks}"
    figure = draw_cpu(cpu_steps(run), summary["faults"]["listed"], summary["end_s"])
    return [("CPU wanted and got over time", caption, alt, figure)]


def _disk_pictures(run: RunFiles, summary: Mapping[str, Any], marks: str) -> Made:
    if not summary.get("disk"):
        return []
    told = (f"{owner} moved {say_share(each['share'])}" for owner, each in summary["disk"].items())
    alt = f"Of the bytes that they wanted, {'; '.join(told)}."
    caption = f"What containers that say so would move to and from their disks, and what they move.{marks}"
    figure = draw_cpu(
        disk_steps(run), summary["faults"]["listed"], summary["end_s"], ("disk_wanted", "disk_used"), "MB/s"
    )
    return [("Disk wanted and got over time", caption, alt, figure)]


def _memory_pictures(run: RunFiles, summary: Mapping[str, Any], marks: str) -> Made:
    if not summary.get("memory"):
        return []
    total = summary["memory"]["total"]
    killed = total["killed_by_limit"] + total["killed_by_minion"]
    alt = (
        f"{say_count(total['evicted'])} pods evicted by kubelets, {say_count(killed)} containers killed; "
        f"at most {say_share(total['most_ratio'])} of a minion's memory was held."
    )
    caption = (
        "What containers that say what they hold have of their minions' memory; of many minions those where most "
        f"was evicted and killed.{marks}"
    )
    figure = draw_memory(held_memory(run), summary["faults"]["listed"], summary["end_s"])
    return [("Memory held over time", caption, alt, figure)]


def _file_pictures(run: RunFiles, summary: Mapping[str, Any], marks: str) -> Made:
    if not summary.get("files"):
        return []
    total = summary["files"]["total"]
    alt = (
        f"Containers read {say_bytes(total['touched_bytes'])}, {say_share(total['found_ratio'])} of it found cached; "
        f"at most {say_bytes(total['cached_most_bytes'])} was in a minion's memory, where those who run had read "
        f"{say_bytes(total['touched_most_bytes'])}."
    )
    caption = (
        "What containers that run have read of their images' files, and what of that is in memory: a page of a layer "
        f"is there once, charged to who touched it first, and to its minion when that is gone.{marks}"
    )
    figure = draw_files(cached_files(run), summary["faults"]["listed"], summary["end_s"])
    return [("File pages over time", caption, alt, figure)]


def _process_pictures(run: RunFiles, summary: Mapping[str, Any], marks: str) -> Made:
    if not summary.get("processes"):
        return []
    total = summary["processes"]["total"]
    alt = (
        f"At most {say_count(round(total['most']))} processes on a minion; {say_count(total['limited'])} times a "
        f"fork bomb met its limit, {say_count(total['refused'])} starts were refused a process, and minions could "
        f"start none for {say_time(total['exhausted_s'])} in all."
    )
    caption = (
        "What containers that say how many processes they have have of them, on a scale of powers of ten; of many "
        f"minions those with most.{marks}"
    )
    figure = draw_processes(counted_processes(run), summary["faults"]["listed"], summary["end_s"])
    return [("Processes over time", caption, alt, figure)]
