# SPDX-License-Identifier: GPL-2.0
"""What is run: the guests, and the steps in each of them."""

from dataclasses import dataclass

SHORT, BIG, FOUR, EIGHT = "2x2", "big", "4x1", "8x1"
WINDOWS = (16, 64, 512)


@dataclass
class Step:
    """One run of numa-bench; its profile is a section of its own."""
    name: str
    arguments: str
    workload: str = "migrate"

    def command(self, out):
        """Words for a shell."""
        return (f"{self.workload} --unit instructions --json {out} "
                f"{self.arguments}")


@dataclass
class Boot:
    """One guest, by a name that the recorded rows have, too."""
    name: str
    machine: tuple              # options of mof-vm
    steps: list
    profile: bool = False
    timeout: int = 1800


def small(name, arguments, workload="migrate"):
    """A step that takes seconds."""
    return Step(name, arguments + " -s 64M -r 3", workload)


# Each step differs from the baseline of its page size in one thing
DIRECT = [
    small("none-4k", "-p 4k -m none"),
    small("lazy-4k", "-p 4k -m mbind-lazy"),
]
BASICS = [
    *DIRECT,
    small("stock-4k", "-p 4k -m mbind-lazy --window 0"),
    small("move-4k", "-p 4k -m mbind-move"),
    small("move_pages-4k", "-p 4k -m move_pages"),
    small("mprotect-4k", "-p 4k -m mprotect"),
    small("random-4k", "-p 4k -m mbind-lazy -t random -f 10%"),
    small("none-thp", "-p thp -m none"),
    small("lazy-thp", "-p thp -m mbind-lazy"),
    small("latency", "-p 4k --window "
          + ",".join(map(str, (*WINDOWS, "default"))), "latency"),
]
LARGE = [
    Step("call-4k", "-p 4k -m mbind-move,mbind-lazy -s 1G -r 1"),
    Step("call-thp", "-p thp -m mbind-move,mbind-lazy -s 1G -r 1"),
    small("threads", "-p 4k -m none,mbind-lazy --threads 1,2,4,8"),
    Step("sizes", "-p 4k -m none,mbind-lazy -s 64M,256M,1G,4G -r 1"),
]
NODES = [small("nodes", "-p 4k -m none,mbind-lazy")]
SPREAD = small("spread", "-p 4k --threads 1 --nodes 1,2,4,8", "scale")

BOOTS = [
    Boot(SHORT, ("--topology", "2x2"), BASICS, profile=True),
    # Eight CPUs for as many threads; a node has room for 4 GiB and a little
    Boot(BIG, ("--node", "cpus=8,mem=5G", "--node", "cpus=1,mem=5G"), LARGE,
         timeout=3600),
    Boot(FOUR, ("--topology", "4x1"), NODES),
    Boot(EIGHT, ("--topology", "8x1"), [*NODES, SPREAD]),
]
PROFILE = Boot("profile", ("--topology", "2x2"), DIRECT, profile=True)
