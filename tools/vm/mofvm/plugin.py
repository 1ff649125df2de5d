# SPDX-License-Identifier: GPL-2.0
"""Our plugins of QEMU: compile them when needed, load them, and tell the cache
model the nodes of CPUs and memory."""

import re
import subprocess

from . import guest, qemu

SOURCE = guest.REPO / "tools" / "vm" / "plugins"
PLACE = guest.BUILD / "plugins"
MIB = 1 << 20
QEMU = qemu.MACHINES["x86"].qemu
# Machine q35: with HOLE_FROM bytes or more, memory beyond BELOW is at ABOVE
HOLE_FROM, BELOW, ABOVE = 0xb0000000, 2 << 30, 4 << 30


def built(name):
    """The path of a plugin or program, up to date."""
    target = PLACE / name
    try:
        done = subprocess.run(
            ["make", "-s", "-C", SOURCE, f"O={PLACE}", target],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
    except OSError:
        raise guest.CannotStart("make is not installed: "
                                "run 'make deps' as root") from None
    if done.returncode:
        raise guest.CannotStart(f"{name} does not compile (if gcc is not "
                                "installed: run 'make deps' as root):\n"
                                f"{done.stdout}")
    return target


def arguments(option, library, out, *more):
    """QEMU's arguments for a plugin that writes the file out."""
    path = out.resolve()
    if "," in str(path):
        raise guest.CannotStart(f"{option} {out}: QEMU takes no comma in it")
    if not path.parent.is_dir():
        raise guest.CannotStart(f"{option} {out}: no such directory")
    return ["-plugin", ",".join([str(library), f"out={path}", *more])]


def kprof(out):
    """QEMU's arguments for a profile in the file out."""
    return arguments("--kprof", built("kprof.so"), out)


def qemu_version():
    """(major, minor) of the QEMU that is installed."""
    try:
        text = subprocess.run([QEMU, "--version"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise guest.CannotStart(f"{QEMU} is not installed: "
                                "run 'make deps' as root") from None
    return tuple(map(int, re.search(r"version (\d+)\.(\d+)", text).groups()))


def starts(topology):
    """The first address of each node's memory, without the hole."""
    found, at = [], 0
    for node in topology.nodes:
        found.append(at)
        at += node.mem * MIB
    return found


def of_blocks(topology):
    """Ranges as plugins see them in QEMU before 8.2: it adds the offset of a
    RAM block to an address that has it already."""
    return [((2 * start, 2 * start + node.mem * MIB), (0, 0))
            for start, node in zip(starts(topology), topology.nodes)]


def physical(topology):
    """Ranges of guest physical addresses: below and above 4 GiB."""
    total = topology.mem * MIB
    low = BELOW if total >= HOLE_FROM else total
    found = []
    for start, node in zip(starts(topology), topology.nodes):
        end = start + node.mem * MIB
        below = (min(start, low), min(end, low))
        above = (max(start, low) - low + ABOVE, max(end, low) - low + ABOVE)
        found.append((below, above))
    return found


def numbers(name, values):
    """A list in the plugin's syntax."""
    return f"{name}=" + ":".join(f"{value:#x}" if value > 9 else str(value)
                                 for value in values)


def node_map(topology, version):
    """The plugin's arguments for the nodes of CPUs and memory."""
    cpus = [number for number, node in enumerate(topology.nodes)
            for _ in range(node.cpus)]
    ranges = (of_blocks if version < (8, 2) else physical)(topology)
    columns = {"start": [low[0] for low, _ in ranges],
               "end": [low[1] for low, _ in ranges],
               "start_high": [high[0] for _, high in ranges],
               "end_high": [high[1] for _, high in ranges],
               "dist": [value for row in topology.distances for value in row]}
    return [numbers("cpus", cpus),
            *(numbers(*column) for column in columns.items())]


def numa_model(out, topology, more=""):
    """QEMU's arguments for counts in the file out; more: arguments of the
    plugin, separated by commas."""
    return arguments("--numa-model", built("numa-model.so"), out,
                     *node_map(topology, qemu_version()),
                     *filter(None, more.split(",")))
