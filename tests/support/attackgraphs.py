"""Attack graphs and catalogues made by draws, for tests."""

from __future__ import annotations

from models.isolation.graph import AttackGraph, Edge
from models.isolation.reading import read_catalogue_text
from models.isolation.specs import Catalogue
from sim.distributions import Exponential
from sim.streams import Streams


def random_graph(number: int, seed: int = 0, *, most: int = 10, share: float = 0.45) -> AttackGraph:
    """Return an acyclic graph of 3 to ``most`` privileges with exponential times, the last one its goal.

    Means lie between 0.3 and 3; each pair in order has an edge with chance ``share``, and now and then two.
    """
    draw = Streams(seed).stream("test.graph").at
    group = f"graph-{number}"
    count = 3 + int((most - 2) * draw(group, 0))
    names = tuple(f"p{index}" for index in range(count))
    edges = []
    for low in range(count):
        for high in range(low + 1, count):
            at = 1 + low * most + high
            direct = low == 0 and high == count - 1
            u = draw(group, at)
            copies = 0 if u > share or (direct and count > 3) else 2 if u < share / 6 else 1
            for copy in range(copies):
                mean = 0.3 * 10 ** draw(group, at, 1 + copy)
                name = f"t{low}-{high}-{copy}"
                edges.append(Edge(f"{group}/{name}", name, names[low], names[high], Exponential(mean)))
    return AttackGraph(names, names[:1], tuple(edges))


def random_catalogue(number: int, *, mechanisms: int = 6, techniques: int = 12) -> Catalogue:
    """Return a catalogue of five privileges in which mechanisms block, slow, move and open at random.

    ``m0`` is a boundary before p3 and p4; odd mechanisms provide a condition that some technique needs.
    """
    draw = Streams(number).stream("test.catalogue").at
    dense = 0.1 + 0.25 * draw("dense", 0)
    text = "apiVersion: wavetank/v1\nprivileges:\n"
    for index in range(5):
        flags = {0: "entry: true", 4: "out: true"}.get(index, "out: false")
        text += f"  - {{name: p{index}, about: x, {flags}}}\n"
    text += "  - {name: guest, about: x}\nsurfaces: [{name: s, about: x, namespaced: never, leaks: x, reference: y}]\n"
    text += "conditions:\n" + "".join(
        f"  - {{name: c{index}, about: x, surface: s}}\n" for index in range(mechanisms)
    )
    text += "mechanisms:\n"
    for index in range(mechanisms):
        more = "moves: {inside: [p0, p1], beyond: [p3, p4], to: guest}, " if index == 0 else ""
        if index % 2:
            more += f"provides: [c{index}], "
        if index == mechanisms - 1:
            more += "excludes: [m1], "
        text += f"  - {{name: m{index}, about: x, {more}reference: y}}\n"
    text += "profiles: [{name: none, about: x}]\ntechniques:\n"
    starts = ["p0", "p1", "p2", "p3", "guest"]
    for index in range(techniques):
        u = [draw(f"t{index}", n, word) for n in range(3 + mechanisms) for word in (0,)]
        start = starts[int(5 * u[0])]
        later = [f"p{k}" for k in range(1, 5) if start == "guest" or k > int(start[1])]
        target = later[int(len(later) * u[1])]
        needs = f"conditions: [c{2 * int(u[2] * mechanisms / 2) + 1}], " if u[2] < 0.2 else ""
        blockers = ", ".join(f"m{k}" for k in range(mechanisms) if u[3 + k] < dense)
        slowers = ", ".join(f"m{k}: 3" for k in range(mechanisms) if u[3 + k] > 0.8)
        text += (
            f"  - {{name: t{index}, class: kernel, about: x, from: [{start}], to: {target}, surface: s, {needs}"
            f"blockedBy: [{blockers}], slowedBy: {{{slowers}}}, time: {{exponential: {{mean: {1 + index}s}}}}, "
            f"standing: measured, reference: y}}\n"
        )
    return read_catalogue_text(text)
