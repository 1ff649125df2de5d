# SPDX-License-Identifier: GPL-2.0
"""NUMA topologies: nodes, their CPUs and memory, and their distances."""

import re
from dataclasses import dataclass, field

LOCAL = 10
REMOTE = 21
UNITS = {"": 1, "M": 1, "G": 1024}


class TopologyError(ValueError):
    """An invalid topology; the text says why."""


@dataclass
class Node:
    """One node: number of CPUs (may be 0) and memory in MiB (may be 0)."""
    cpus: int
    mem: int


@dataclass
class Topology:
    """The nodes of a machine and the matrix of distances between them."""
    nodes: list
    distances: list = field(default_factory=list)

    def __post_init__(self):
        count = len(self.nodes)
        if not self.distances:
            self.distances = [[LOCAL if a == b else REMOTE
                               for b in range(count)] for a in range(count)]
        # Firmware or kernel would refuse what follows
        if not count:
            raise TopologyError("a machine needs at least one node")
        if not self.nodes[0].mem or not self.nodes[0].cpus:
            raise TopologyError("node 0 needs CPUs and memory to boot from")
        for number, node in enumerate(self.nodes):
            if node.cpus < 0 or node.mem < 0 or not node.cpus + node.mem:
                raise TopologyError(f"node {number} needs CPUs or memory")
        if len(self.distances) != count or \
                any(len(row) != count for row in self.distances):
            raise TopologyError(f"{count} nodes need {count} rows of {count} "
                                "distances")
        for a, row in enumerate(self.distances):
            for b, value in enumerate(row):
                if (value == LOCAL) != (a == b) or not LOCAL <= value <= 254:
                    raise TopologyError(
                        f"distance {a} to {b} is {value}: it must be {LOCAL} "
                        f"on the diagonal and {LOCAL + 1} to 254 elsewhere")

    @property
    def cpus(self):
        """Number of CPUs of the machine."""
        return sum(node.cpus for node in self.nodes)

    @property
    def mem(self):
        """Memory of the machine in MiB."""
        return sum(node.mem for node in self.nodes)


# For tests that need the same machines by name
NAMED = {
    "1x2": ([(2, 1024)], None),
    "2x2": ([(2, 1024)] * 2, None),
    "4x1": ([(1, 768)] * 4, None),
    "4x2": ([(2, 768)] * 4, None),
    "8x1": ([(1, 384)] * 8, None),
    # A node of CPUs only, and one of memory only (as with CXL)
    "memoryless": ([(2, 1024), (2, 0), (2, 1024)], None),
    "cpuless": ([(2, 1024), (2, 1024), (0, 1024)],
                [[10, 21, 31], [21, 10, 31], [31, 31, 10]]),
    # Three plain nodes, one of CPUs only (nearest: 2), one of memory only
    "uneven": ([(1, 640)] * 3 + [(1, 0), (0, 512)],
               [[10, 21, 21, 21, 31], [21, 10, 21, 21, 31],
                [21, 21, 10, 16, 31], [21, 21, 16, 10, 31],
                [31, 31, 31, 31, 10]]),
    # Four nodes in a ring: neighbours at 16, opposite ones at 22
    "ring": ([(1, 768)] * 4,
             [[10, 16, 22, 16], [16, 10, 16, 22],
              [22, 16, 10, 16], [16, 22, 16, 10]]),
}


def size(text):
    """MiB of a size such as 512, 512M or 2G."""
    match = re.fullmatch(r"(\d+)([MG]?)", text.upper())
    if not match:
        raise TopologyError(f"'{text}' is no size; give 512M or 2G")
    return int(match[1]) * UNITS[match[2]]


def node(text):
    """A Node from a description such as cpus=2,mem=1G."""
    values = {"cpus": 0, "mem": 0}
    for part in text.split(","):
        key, _, value = part.partition("=")
        if key == "cpus" and value.isdigit():
            values[key] = int(value)
        elif key == "mem":
            values[key] = size(value)
        else:
            raise TopologyError(f"'{part}' in node '{text}': "
                                "give cpus=N,mem=SIZE")
    return Node(**values)


def matrix(text):
    """Distances from rows such as 10,21/21,10."""
    try:
        return [[int(value) for value in row.split(",")]
                for row in text.split("/")]
    except ValueError:
        raise TopologyError(f"'{text}' are no distances; give 10,21/21,10") \
            from None


def named(name):
    """One of the topologies of NAMED."""
    if name not in NAMED:
        raise TopologyError(f"no topology '{name}'; there are: "
                            + " ".join(NAMED))
    nodes, distances = NAMED[name]
    return Topology([Node(*values) for values in nodes], distances or [])
