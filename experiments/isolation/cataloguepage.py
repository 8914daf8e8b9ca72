"""``docs/isolation-catalogue.md``: the shipped catalogue as tables, made from the data so that it cannot differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.isolation.amounts import Ref
from models.isolation.matrix import BLOCKS, OPENS, SLOWS, matrix
from models.isolation.posture import capabilities_of, conditions_of, posture_of
from models.isolation.specs import Catalogue, Technique, VersionRange
from sim.units import format_duration_s

__all__ = ["catalogue_page"]

_HEAD = """# Isolation: the catalogue

Made by `wavetank isolation catalogue` from the data in `models/isolation/shipped`. What the words mean, and the model,
is in [isolation.md](isolation.md). It is for defence and study: a technique is a precondition and an effect.
"""


def catalogue_page(catalogue: Catalogue) -> str:
    """Return the whole page, Markdown."""
    parts = [
        _HEAD,
        "## Privileges\n",
        _table(
            (
                "privilege",
                "what it is",
                "out",
                "lost with the",
                "reaches other containers",
                "effect in a run",
            ),
            (
                (
                    p.name,
                    p.about,
                    _mark(p.out),
                    p.place,
                    _mark(p.reaches),
                    "" if p.effect == "none" else p.effect,
                )
                for p in catalogue.privileges
            ),
        ),
        "## Surfaces\n",
        _table(
            ("surface", "what is shared", "a container has its own", "what it leaks or permits", "source"),
            ((s.name, s.about, s.namespaced, s.leaks, s.reference) for s in catalogue.surfaces),
        ),
        "## Mechanisms\n",
        _mechanisms(catalogue),
        "### Proposed, or outside of the kernel\n",
        _table(
            (
                "mechanism",
                "status",
                "what it would be",
                "why it is not in the kernel",
                "would close",
                "source",
            ),
            (
                (m.name, m.status, m.about, m.why or "", _list(m.blocks), m.reference)
                for m in catalogue.mechanisms
                if m.status != "merged"
            ),
        ),
        "## Profiles\n",
        _profiles(catalogue),
        "## Techniques\n",
        _techniques(catalogue),
        "## Conditions\n",
        _table(
            ("condition", "what holds", "surface", "unless said otherwise"),
            (
                (c.name, c.about, c.surface, "holds" if c.usual else "does not hold")
                for c in catalogue.conditions
            ),
        ),
        "## Parameters\n\nNobody has measured these; results are given at both ends of their ranges.\n",
        _table(
            ("parameter", "what it is", "low", "middle", "high", "standing", "source"), _parameters(catalogue)
        ),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _mark(flag: bool) -> str:
    return "yes" if flag else ""


def _mechanisms(catalogue: Catalogue) -> str:
    rows = {row.name: row for row in matrix(catalogue) if not row.is_surface}
    return _table(
        ("mechanism", "what it is", "blocks", "slows", "opens", "source"),
        (
            (
                m.name,
                m.about,
                *(_list(rows[m.name].techniques(catalogue, word)) for word in (BLOCKS, SLOWS, OPENS)),
                m.reference,
            )
            for m in catalogue.mechanisms
            if m.status == "merged"
        ),
    )


def _profiles(catalogue: Catalogue) -> str:
    postures = {profile.name: posture_of(catalogue, profile.name) for profile in catalogue.profiles}
    used = [m.name for m in catalogue.mechanisms if any(m.name in p.mechanisms for p in postures.values())]
    about = _table(
        ("profile", "what it is"), ((profile.name, profile.about) for profile in catalogue.profiles)
    )
    rows: list[tuple[str, ...]] = [
        (name, *("on" if name in posture.mechanisms else "" for posture in postures.values()))
        for name in used
    ]
    counts = (str(len(capabilities_of(catalogue, posture))) for posture in postures.values())
    rows.append(("*capabilities of root*", *counts))
    unusual = [c.name for c in catalogue.conditions if not c.usual]
    held = {name: conditions_of(catalogue, posture) for name, posture in postures.items()}
    rows += [
        (f"*{name}*", *("holds" if name in held[profile] else "" for profile in postures))
        for name in unusual
        if any(name in conditions for conditions in held.values())
    ]
    return f"{about}\n{_table(('', *postures), rows)}"


def _techniques(catalogue: Catalogue) -> str:
    return _table(
        ("technique", "class", "what it needs and wins", "from", "to", "needs", "versions", "stopped by", "slowed by",
         "time", "source"),
        (
            (
                technique.name + (f" ({technique.cve})" if technique.cve else ""),
                technique.kind
                + ("" if technique.known else ", not known yet")
                + ("" if technique.means == "none" else f", {technique.means}"),
                technique.about,
                _list(technique.start),
                technique.to,
                _list((*technique.capabilities, *technique.conditions)),
                _versions(technique),
                _list(technique.blocked_by),
                _list(technique.slowed_by),
                _time(technique),
                technique.reference,
            )
            for technique in catalogue.techniques
        ),
    )  # fmt: skip


def _versions(technique: Technique) -> str:
    return "; ".join(
        f"{program} {' or '.join(map(_range, ranges))}" for program, ranges in technique.versions.items()
    )


def _range(each: VersionRange) -> str:
    since = f"from {each.since}" if each.since is not None else ""
    before = f"before {each.before}" if each.before is not None else ""
    return " ".join(part for part in (since, before) if part)


def _time(technique: Technique) -> str:
    law = technique.time
    words = (
        law.parameter
        if isinstance(law, Ref)
        else f"mean {format_duration_s(law.mean)}"
        if law.mean
        else "none"
    )
    if isinstance(technique.success, Ref):
        words += f", each attempt with {technique.success.parameter}"
    return f"{words}, {technique.standing}" if technique.standing else words


def _parameters(catalogue: Catalogue) -> Iterator[tuple[str, ...]]:
    for row in catalogue.parameters:
        spread = row.time or row.factor or row.chance
        assert spread is not None, "a checked catalogue has one of the three"
        points = (spread.low, spread.middle, spread.high)
        shown = (format_duration_s(point) if row.time is not None else f"{point:g}" for point in points)
        yield (row.name, row.about, *shown, row.standing, row.reference)
