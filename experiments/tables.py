"""The tables of a run and of a sweep as rows of text, once for the terminal and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.metrics import ordered_resources
from experiments.replacement import STAGES
from experiments.statistics import Quantile
from experiments.wording import say_bytes, say_count, say_quantile_s, say_share, say_time

__all__ = ["Section", "run_sections", "shows_idle"]

_PHASES = ("created", "pending", "running", "succeeded", "failed", "lost", "withdrawn", "given_up", "deleted")
_MANY = 24
"""Controllers that a table has room for."""
_ALWAYS_SHOWN = ("cpu", "memory", "gpu")
_DISK_WORDS = ("wanted_bytes", "moved_bytes")
_LEAST_IDLE = 0.0005
"""A ratio: less is said as 0.0%."""


@dataclass(frozen=True)
class Section:
    """One table.

    Attributes:
        title: What it shows.
        headings: One a column.
        rows: Texts, not yet escaped.
        texts: Columns that are words; the others are numbers and stand to the right.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: frozenset[int] = frozenset({0})


def run_sections(summary: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return the tables of one run, in the order in which they are read; some may have no rows."""
    return (
        _pods(summary),
        _delays(summary),
        _schedulers(summary),
        _usage(summary),
        _offered(summary),
        _minions(summary),
        _controllers(summary),
        _availability(summary),
        _replacement(summary),
        _startup(summary),
        _images(summary),
        _cpu(summary),
        _hosts(summary),
        _disk(summary),
        _memory(summary),
        _files(summary),
        _intrusions(summary),
        _processes(summary),
        _expectations(summary),
    )


def _pods(summary: Mapping[str, Any]) -> Section:
    pods = summary["pods"]
    row = tuple(say_count(pods[phase]) for phase in _PHASES)
    headings = tuple(phase.replace("_", " ") for phase in _PHASES)
    broken = "" if pods["conserved"] else ", which do NOT add up"
    end = f"at the end, {say_time(summary['end_s'])}" if summary["end_reason"] else "when it was cut short"
    return Section(f"Pods {end}{broken}", headings, (row,), frozenset())


def _quantiles(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(say_quantile_s(Quantile.from_json(found[word])) for word in ("p50", "p95", "p99"))


def _delays(summary: Mapping[str, Any]) -> Section:
    mean = say_time(summary["mean_wait_s"])
    rows = [("all pods", *_quantiles(summary["scheduling_delay_s"]), mean)]
    recorded = summary["recorded_wait"]
    if recorded is not None:
        count = say_count(recorded["pods"])
        simulated = _quantiles(recorded["simulated_s"])
        rows.append(
            (f"{count} with a recorded wait: here", *simulated, say_time(recorded["simulated_mean_s"]))
        )
        real = _quantiles(recorded["recorded_s"])
        rows.append((f"{count} with a recorded wait: recorded", *real, say_time(recorded["recorded_mean_s"])))
    title = "Scheduling delay, created to bound (mean: of the waiting that was seen)"
    return Section(title, ("pods", "p50", "p95", "p99", "mean"), tuple(rows))


def _schedulers(summary: Mapping[str, Any]) -> Section:
    rows = []
    for name, found in (summary.get("schedulers") or {}).items():
        fraction = found["conflict_fraction"]
        counts = (say_count(found[word]) for word in ("decisions", "conflicts"))
        shown = "-" if fraction is None else f"{fraction:.3g}"
        waits = _quantiles(found["wait_s"])
        rows.append((name, say_share(found["busyness_ratio"]), *counts, shown, *waits))
    headings = ("scheduler", "busy", "decisions", "conflicts", "a success", "p50", "p95", "p99")
    title = "Schedulers: conflicts in all and a success, created to first decision"
    return Section(title, headings, tuple(rows))


def _usage(summary: Mapping[str, Any]) -> Section:
    rows = []
    # summary.json has its keys in alphabetical order.
    for resource in ordered_resources(summary["utilisation"]):
        used = summary["utilisation"][resource]
        stranded = summary["stranded"][resource]
        if resource in _ALWAYS_SHOWN or any((*used.values(), *stranded.values())):
            shares = (used["mean"], used["final"], stranded["mean"], stranded["final"])
            rows.append((resource, *map(say_share, shares)))
    headings: tuple[str, ...] = ("resource", "requested, mean", "at the end", "stranded, mean", "at the end")
    title = "Utilisation, over allocatable of ready minions"
    if any(shows_idle(idle["mean"]) for idle in summary["idle"].values()):
        title += " (idle: free though pods wait for it)"
        headings = (*headings, "idle, mean")
        rows = [(*row, say_share(summary["idle"].get(row[0], {}).get("mean"))) for row in rows]
    return Section(title, headings, tuple(rows))


def shows_idle(mean: float | None) -> bool:
    """Tell whether so much is free though pods wait for it that it is said: no scheduler is quicker than at once."""
    return mean is not None and mean >= _LEAST_IDLE


def _offered(summary: Mapping[str, Any]) -> Section:
    offered = summary["offered_load"]
    resources = ordered_resources({resource for loads in offered.values() for resource in loads})
    rows = tuple(
        (workload, *(say_share(loads.get(resource)) for resource in resources))
        for workload, loads in offered.items()
    )
    return Section("Offered load, over allocatable of all minions", ("workload", *resources), rows)


def _minions(summary: Mapping[str, Any]) -> Section:
    minions = summary["minions"]
    out = minions["unavailability_ratio"]
    row: tuple[str, ...] = (
        say_count(minions["registered"]),
        say_count(minions["ready"]),
        say_count(minions["crashes"]),
        say_count(minions["repairs"]),
        say_count(summary["pods"]["lost"]),
        "-" if out is None else f"{100 * out:.3g}%",
    )
    headings: tuple[str, ...] = (
        "minions",
        "ready at the end",
        "crashes",
        "repairs",
        "pods lost",
        "unavailability",
    )
    if minions["reboots"]:
        headings, row = (*headings, "reboots"), (*row, say_count(minions["reboots"]))
    return Section("Minions", headings, (row,), frozenset())


def _lacking_most(summary: Mapping[str, Any], title: str) -> tuple[str, dict[str, Mapping[str, Any]]]:
    """The controllers that a table has, and its title: of many those that lacked most."""
    controllers: dict[str, Mapping[str, Any]] = dict(summary["controllers"])
    if len(controllers) > _MANY:
        title += f": of {say_count(len(controllers))} those that lacked most"
        worst = sorted(controllers, key=lambda name: -controllers[name]["mean_unavailable"])
        controllers = {name: controllers[name] for name in worst[:_MANY]}
    return title, controllers


def _controllers(summary: Mapping[str, Any]) -> Section:
    words = ("desired", "live", "ready", "unavailable")
    title, controllers = _lacking_most(summary, "Controllers at the end, and over time")
    rows = tuple(
        (
            name,
            *(say_count(int(found[word])) for word in words),
            f"{found['mean_unavailable']:.3g}",
            f"{100 * found['unavailability_ratio']:.3g}%",
        )
        for name, found in controllers.items()
    )
    headings = ("controller", *words, "mean", "of desired")
    return Section(title, headings, rows)


def _availability(summary: Mapping[str, Any]) -> Section:
    rows = []
    title, controllers = _lacking_most(summary, "Time with too few ready, and from scale-up to serving")
    for name, found in controllers.items():
        served = f"{say_count(found['served'])} of {say_count(found['scale_ups'])}"
        shares = (f"{100 * found[f'{word}_ratio']:.3g}%" for word in ("below", "zero"))
        times = (say_time(found[f"serving_{word}_s"]) for word in ("mean", "max"))
        counts = (say_count(int(found[word])) for word in ("evicted", "restarts"))
        rows.append((name, *shares, served, *times, *counts))
    headings = (
        "controller",
        "time below",
        "at zero",
        "scale-ups served",
        "mean",
        "longest",
        "pods evicted",
        "restarts",
    )
    return Section(title, headings, tuple(rows))


def _replacement(summary: Mapping[str, Any]) -> Section:
    found = summary["replacement"]
    if found is None:
        return Section("Replacement", (), ())
    rows = [_stages(f"all, {word}", found, word) for word in ("mean", "median", "max") if found["replaced"]]
    if len(found["faults"]) > 1:
        rows += [
            _stages(f"{each['name']}, mean", each, "mean") for each in found["faults"] if each["replaced"]
        ]
    counts = f"{say_count(found['replaced'])} of {say_count(found['lost'])} pods evicted or deleted"
    title = f"Replacement of {counts}, from the fault on"
    return Section(title, ("", *STAGES, "whole"), tuple(rows))


def _stages(name: str, found: Mapping[str, Any], word: str) -> tuple[str, ...]:
    return (name, *(say_time(found[f"{stage}_s"][word]) for stage in (*STAGES, "whole")))


def _startup(summary: Mapping[str, Any]) -> Section:
    found = summary["startup"]
    names = {
        "there": "their images were there",
        "pulled": "they had to pull",
        "less_pulls": "they had to pull, without that time",
    }
    rows = tuple(
        (name, say_count(found[word]["pods"]), *_quantiles(found[word]))
        for word, name in names.items()
        if found is not None and found[word]["pods"]
    )
    return Section("Start-up, created to ready", ("pods", "number", "p50", "p95", "p99"), rows)


def _images(summary: Mapping[str, Any]) -> Section:
    found = summary["images"]
    if found is None:
        return Section("Images", (), ())
    rows = [_image(each["image"], each) for each in found["listed"]]
    if found["images"] > 1:
        rows.append(_image(f"all {say_count(found['images'])}", found["total"]))
    headings = ("image", "pulls", "failed", "removed", "moved", "p50", "p99", "longest")
    return Section("Images, asked for to there", headings, tuple(rows))


def _image(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    counts = (say_count(found[word]) for word in ("pulled", "failed", "removed"))
    p50, _, p99 = (say_quantile_s(Quantile.from_json(found[f"{word}_s"])) for word in ("p50", "p95", "p99"))
    longest = "-" if found["max_s"] is None else say_time(found["max_s"])
    return (name, *counts, say_bytes(found["bytes"]), p50, p99, longest)


def _cpu(summary: Mapping[str, Any]) -> Section:
    found = summary["cpu"] or {}
    title = "CPU, of containers that say what they use"
    if len(found) > _MANY:
        title += f": of {say_count(len(found))} owners those that lacked most"
        worst = sorted(found, key=lambda name: found[name]["used_s"] - found[name]["wanted_s"])
        found = {name: found[name] for name in worst[:_MANY]}
    rows = tuple(
        (
            owner.split("/", 1)[-1],
            *(f"{each[word] / 3600:.4g}" for word in ("wanted_s", "used_s")),
            say_share(each["share"]),
            say_time(each["throttled_s"]),
        )
        for owner, each in found.items()
    )
    return Section(title, ("pods of", "core-hours wanted", "got", "of wanted", "throttled"), rows)


def _hosts(summary: Mapping[str, Any]) -> Section:
    found = summary.get("hosts") or {}
    title = "Hosts of more virtual CPUs than they have"
    if len(found) - 1 > _MANY:
        title += f": of {say_count(len(found) - 1)} those of which most was stolen"
        worst = sorted(found.keys() - {"all"}, key=lambda name: -found[name]["stolen_s"])
        found = {name: found[name] for name in (*worst[:_MANY], "all")}
    rows = tuple(
        (
            host.split("/", 1)[-1],
            *(f"{each[word] / 3600:.4g}" for word in ("wanted_s", "stolen_s")),
            say_share(each["stolen_ratio"]),
        )
        for host, each in found.items()
        if host != "all" or len(found) > 2
    )
    return Section(title, ("host", "core-hours wanted", "stolen", "of wanted"), rows)


def _disk(summary: Mapping[str, Any]) -> Section:
    found = summary.get("disk") or {}
    title = "Disks, of containers that say what they move" + (
        ": who lacked most" if len(found) > _MANY else ""
    )
    worst = sorted(found.items(), key=lambda each: each[1]["moved_bytes"] - each[1]["wanted_bytes"])
    rows = [
        (owner.split("/", 1)[-1], *(say_bytes(of[word]) for word in _DISK_WORDS), say_share(of["share"]))
        for owner, of in worst[:_MANY]
    ]
    return Section(title, ("pods of", "wanted", "moved", "of wanted"), tuple(rows))


def _memory(summary: Mapping[str, Any]) -> Section:
    found = summary.get("memory")
    if not found:
        return Section("Memory", (), ())
    words = ("evicted", "killed_by_limit", "killed_by_minion")
    owners = found["owners"]
    title = "Memory, of containers that say what they hold"
    if len(owners) > _MANY:
        title += f": of {say_count(len(owners))} owners those that lost most"
        worst = sorted(owners, key=lambda name: -sum(owners[name].values()))
        owners = {name: owners[name] for name in worst[:_MANY]}
    rows = [
        (owner.split("/", 1)[-1], *(say_count(each[word]) for word in words))
        for owner, each in owners.items()
    ]
    if len(found["owners"]) > 1:
        rows.append(("all", *(say_count(found["total"][word]) for word in words)))
    headings = ("pods of", "pods evicted by kubelets", "containers killed: own limit", "minion out of memory")
    return Section(title, headings, tuple(rows))


def _files(summary: Mapping[str, Any]) -> Section:
    found = summary.get("files")
    if not found:
        return Section("Files", (), ())
    total, owners = found["total"], found["owners"]
    title = "File pages, of containers that say what they read: at most "
    title += f"{say_bytes(total['cached_most_bytes'])} of a minion, for {say_bytes(total['touched_most_bytes'])} read"
    if len(owners) > _MANY:
        title += f"; of {say_count(len(owners))} owners those that read most"
        most = sorted(owners, key=lambda name: -owners[name]["touched_bytes"])
        owners = {name: owners[name] for name in most[:_MANY]}
    rows = [(owner.split("/", 1)[-1], *_file_row(each)) for owner, each in owners.items()]
    if len(found["owners"]) > 1:
        rows.append(("all", *_file_row(total)))
    return Section(title, ("pods of", "read", "charged to them", "found cached"), tuple(rows))


def _processes(summary: Mapping[str, Any]) -> Section:
    found = summary.get("processes")
    if not found:
        return Section("Processes", (), ())
    owners = found["owners"]
    title = "Processes, of containers that say how many they have"
    if found["total"]["exhausted_s"]:
        title += f": minions could start none for {say_time(found['total']['exhausted_s'])} in all"
    if len(owners) > _MANY:
        title += f"; of {say_count(len(owners))} owners those with most"
        most = sorted(owners, key=lambda name: -owners[name]["most"])
        owners = {name: owners[name] for name in most[:_MANY]}
    words = ("most", "limited", "refused")
    rows = tuple(
        (owner.split("/", 1)[-1], *(say_count(round(each[word])) for word in words))
        for owner, each in owners.items()
    )
    return Section(title, ("pods of", "processes at most", "bombs at a limit", "starts refused"), rows)


def _file_row(found: Mapping[str, Any]) -> tuple[str, str, str]:
    sizes = (say_bytes(found[word]) for word in ("touched_bytes", "charged_bytes"))
    return (*sizes, say_share(found["found_ratio"]))  # type: ignore[return-value]


def _intrusions(summary: Mapping[str, Any]) -> Section:
    found = summary.get("intrusions")
    if not found:
        return Section("Attackers", (), ())
    first = "never" if found["first_taken_s"] is None else say_time(found["first_taken_s"])
    whole = (
        ("attacks", say_count(found["attacks"])),
        ("of them took a minion", say_count(found["took_a_minion"])),
        ("minions taken", say_count(found["minions_taken"])),
        ("the first after", first),
        ("pods reached", say_count(found["pods_reached"])),
        ("tenants reached", say_count(found["tenants_reached"])),
        ("noticed", say_count(found["detected"])),
    )
    won = tuple((f"won {privilege}", say_count(count)) for privilege, count in found["won"].items())
    return Section("Attackers", ("", "number"), (*whole, *won))


def _expectations(summary: Mapping[str, Any]) -> Section:
    rows = tuple((found["text"], found["verdict"], found["sentence"]) for found in summary["expectations"])
    return Section("Expectations", ("expected", "verdict", "seen"), rows, frozenset({0, 1, 2}))
