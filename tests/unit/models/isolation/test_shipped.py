"""The shipped catalogue holds what is known of containers, and what its rows say of one another."""

from __future__ import annotations

import pytest

from models.isolation.capabilities import CAPABILITIES
from models.isolation.graph import MIDDLE, attack_graph, corner
from models.isolation.matrix import BLOCKS, NOTHING, OPENS, SLOWS, matrix
from models.isolation.posture import Posture, capabilities_of, possible, posture_of
from models.isolation.reading import read_catalogue_text, shipped_catalogue
from models.isolation.versions import parse_version

CATALOGUE = shipped_catalogue()
# FACTS D1: moby/moby:daemon/pkg/oci/caps/defaults.go.
DOCKER_DEFAULT = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)  # fmt: skip
ROWS = {row.name: row for row in matrix(CATALOGUE)}
CELLS = {
    (row.name, technique.name): cell
    for row in ROWS.values()
    for technique, cell in zip(CATALOGUE.techniques, row.cells, strict=True)
}


def test_every_mechanism_and_surface_has_a_row_that_says_something():
    names = [each.name for each in CATALOGUE.mechanisms] + [each.name for each in CATALOGUE.surfaces]
    assert list(ROWS) == names
    assert [name for name, row in ROWS.items() if not any(row.cells)] == []


# FACTS 5.3: U user namespace, S seccomp, C capabilities, R read-only and masked paths, SELinux, AppArmor, V machine.
COLUMNS = (
    "user-namespace",
    "seccomp",
    "default-capabilities",
    "read-only-paths",
    "selinux",
    "apparmor",
    "vm",
)
FACTS = {
    "runtime-overwritten": "b---b-b",
    "runtime-leaked-directory": "s---ssb",
    "copy-race": "s-----b",
    "dirty-cow": "------b",
    "dirty-pipe": "------b",
    "offload-by-capability": "--b-ssb",
    "packet-socket": "------b",
    "filesystem-context-by-capability": "--b-ssb",
    "keyring-bug": "-b----b",
    "descriptor-table": "------b",
    "open-by-handle": "b-b-b-b",
    "host-rebooted": "b--bbbb",
    "kernel-runs-helper": "b--bbbb",
    "runtime-socket": "----b-b",
    "module-loaded": "b-b-ssb",
    "offload-by-user-namespace": "ob--ssb",
    "filesystem-context-by-user-namespace": "ob--ssb",
    "release-agent-by-user-namespace": "ob--bbb",
    "nested-namespace-bugs": "ob--ssb",
    "runtime-masked-path-race": "b---ssb",
    "floppy-overflow": "------o",
    "network-log-overflow": "------o",
}


@pytest.mark.parametrize("technique", FACTS)
def test_mechanisms_do_to_a_technique_what_is_known(technique):
    words = {"b": BLOCKS, "s": SLOWS, "o": OPENS, "-": NOTHING}
    found = [CELLS[column, technique] for column in COLUMNS]
    assert found == [words[letter] for letter in FACTS[technique]]


def test_masked_paths_open_what_attacks_them():
    assert CELLS["masked-paths", "runtime-masked-path-race"] == OPENS


def test_non_root_blocks_what_starts_from_root():
    assert CELLS["non-root", "runtime-overwritten"] == BLOCKS
    assert CELLS["non-root", "dirty-cow"] == NOTHING


@pytest.mark.parametrize(
    ("profile", "names"),
    [
        ("docker", DOCKER_DEFAULT),
        ("privileged", CAPABILITIES),
        ("docker-2014", tuple(sorted((*DOCKER_DEFAULT, "DAC_READ_SEARCH")))),
        ("hardened", ()),
    ],
)
def test_profiles_have_their_capabilities(profile, names):
    assert len(DOCKER_DEFAULT) == 14
    assert len(CAPABILITIES) == 41
    assert sorted(capabilities_of(CATALOGUE, posture_of(CATALOGUE, profile))) == sorted(names)


def test_profiles_inherit():
    docker, privileged = posture_of(CATALOGUE, "docker"), posture_of(CATALOGUE, "privileged")
    assert [name for name in docker.mechanisms if name not in privileged.mechanisms] == [
        "apparmor",
        "default-capabilities",
        "device-list",
        "masked-paths",
        "read-only-paths",
        "seccomp",
    ]
    mac, machine = posture_of(CATALOGUE, "vm-mac"), posture_of(CATALOGUE, "vm")
    assert mac == machine.switched(["svirt"])
    with pytest.raises(KeyError):
        posture_of(CATALOGUE, "no-such")


def test_at_least_twenty_known_techniques_have_all_that_is_asked():
    known = [t for t in CATALOGUE.techniques if t.known and t.kind != "given"]
    assert len(known) >= 20
    assert all(t.reference and t.standing is not None for t in known)
    assert sum(t.cve is not None for t in known) >= 18


def names(posture):
    return [technique.name for technique in possible(CATALOGUE, posture)]


def test_versions_bound_techniques():
    def with_kernel(text):
        return Posture(versions=(("kernel", parse_version(text)),))

    for text, there in (("4.8.2", True), ("4.8.3", False), ("2.6.21", False), ("2.6.22", True)):
        assert ("dirty-cow" in names(with_kernel(text))) is there
    assert "packet-socket" in names(with_kernel("5.9-rc3"))
    assert "packet-socket" not in names(with_kernel("5.9-rc4"))
    assert "dirty-cow" not in names(Posture(updated=("kernel",)))


def test_versions_are_ordered():
    texts = ["1.0-rc6", "1.0-rc.7", "1.0", "1.0.1", "1.2.8", "1.10"]
    versions = [parse_version(text) for text in texts]
    assert versions == sorted(versions)
    assert len({(v.numbers, v.candidate) for v in versions}) == len(texts)
    assert parse_version("v5.10.0") == parse_version("5.10")


def test_a_closed_surface_takes_its_techniques_away():
    docker = posture_of(CATALOGUE, "docker")
    closed = Posture(docker.mechanisms, conditions=docker.conditions, closed=("memory-and-caches",))
    gone = [name for name in names(docker) if name not in names(closed)]
    assert gone == ["dirty-pipe", "cache-timed", "memory-taken"]


def test_behind_a_boundary_the_guest_is_won():
    graph = attack_graph(CATALOGUE, posture_of(CATALOGUE, "vm"), corner(CATALOGUE, MIDDLE))
    won = {edge.technique: edge.target for edge in graph.edges}
    assert won["dirty-cow"] == "guest-kernel"
    assert won["floppy-overflow"] == "hypervisor"
    assert won["emulator-to-host"] == "host-root"
    assert "fork-bomb" not in won


def test_slowing_and_failing_stretch_the_mean():
    values = corner(CATALOGUE, MIDDLE)
    graph = attack_graph(CATALOGUE, posture_of(CATALOGUE, "docker"), values)
    race = next(edge for edge in graph.edges if edge.technique == "runtime-masked-path-race")
    assert race.mean_s == pytest.approx(values["operator-visit"] * values["partly"] / values["race"])


def test_a_capability_that_a_profile_drops_is_gone():
    own = read_catalogue_text(
        "apiVersion: wavetank/v1\nextends: shipped\nprofiles:\n"
        "  - {name: quiet, about: x, inherits: docker, capabilities: {add: [SYS_TIME], drop: [NET_RAW]}}\n"
        "  - {name: loud, about: x, inherits: quiet, capabilities: {add: [NET_RAW], drop: [SYS_TIME]}}\n"
    )
    quiet, loud = posture_of(own, "quiet"), posture_of(own, "loud")
    assert sorted(capabilities_of(own, quiet)) == sorted({*DOCKER_DEFAULT, "SYS_TIME"} - {"NET_RAW"})
    assert sorted(capabilities_of(own, loud)) == sorted(DOCKER_DEFAULT)
    assert "packet-socket" not in names(quiet)
    assert "packet-socket" in names(loud)
    assert "clock-set" in names(quiet)
