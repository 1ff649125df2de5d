# SPDX-License-Identifier: GPL-2.0
"""What is run to measure the automatic mode: a guest for each step."""

from dataclasses import dataclass

TOPOLOGIES = ("2x2", "4x2")
BOTH = "--modes stock,lazy"
ALL = "--modes off,stock,lazy"
MODES = {"off": 0, "stock": 1, "lazy": 4}
TRACING = "/sys/kernel/tracing"
# Seconds of a profiled run, before and between, on four CPUs. Balancers go by CPU
# time, and more CPUs need longer for as much of it.
SETTLED, LOOKED = 11, 9
PERF_SECONDS = 20               # unless it converges before
PERF_ROUNDS = 5                 # chance has a part in where threads go


@dataclass
class Step:
    """One guest. Its script has the functions of PREAMBLE, and leaves files in
    $MOF_SHARE."""
    name: str
    script: str
    profile: bool = False
    model: str = ""             # options of the model of caches, if wanted
    family: str = "auto"        # whose it is: where its files are
    memory: str = ""            # of each node; else what mof-vm has
    topologies: tuple = TOPOLOGIES

    def machine(self, topology):
        """Options of mof-vm."""
        nodes, cpus = topology.split("x")
        return ("--nodes", nodes, "--cpus", cpus,
                *(("--mem", self.memory) if self.memory else ()))


def preamble(bench, mark):
    """Functions for the scripts of all steps."""
    return f"""set -e
out=$MOF_SHARE
mark() {{ {mark}; }}
balancing() {{ echo "$1" > /proc/sys/kernel/numa_balancing; }}
auto() {{ # NAME ARGUMENTS
	name=$1
	shift
	{bench} auto --unit instructions --json "$out/$name.json" "$@"
}}
slab() {{ # FILE: each second, pages that the kernel has for its structures
	while sleep 1; do
		echo 3 > /proc/sys/vm/drop_caches
		echo 1 > /proc/sys/vm/stat_refresh
		awk '/^nr_slab/ {{ sum += $2 }} END {{ print sum }}' \
			/proc/vmstat >> "$out/$1"
	done
}}
"""


def profiled(mode):
    """steady; between two marks, all that runs in some seconds."""
    def scaled(number):
        return f"$((($(nproc) * {number} + 3) / 4))"

    return (f"(sleep {scaled(SETTLED)}; mark; sleep {scaled(LOOKED)}; mark) &\n"
            f"auto {mode} steady --modes {mode} --interval 1000"
            f" -S {scaled(SETTLED + LOOKED + 1)}"
            f" --settle {scaled(SETTLED - 1)}\nwait\n")


def held(mode):
    """A process with much mapped: how many pages the kernel needs for it."""
    return (f"slab {mode} &\n"
            f"auto {mode} hold --modes {mode} -s 64G -S 12\nkill $!\n")


def perf(modes, rounds):
    """The distribution's perf stops when a process is on one node each."""
    runs = "".join(
        f"balancing {MODES[mode]}\n"
        f"perf bench numa mem -p 2 -t 2 -P 64 -s {PERF_SECONDS} -0 -c -m"
        f" -z -W --thp -1 >> \"$out/{mode}.txt\" 2>&1\n" for mode in modes)
    return f"for round in $(seq {rounds}); do\n{runs}done\nbalancing 0\n"


MOVES = f"""echo 1 > {TRACING}/events/mof/mof_arm/enable
auto shared shared {BOTH} -S 60 --settle 30 --interval 500
echo 0 > {TRACING}/events/mof/mof_arm/enable
grep -o 'mof_arm: .*' {TRACING}/trace > "$out/armed.txt" || :
"""

SHORT = Step("short", f"""auto split split {BOTH} -S 6 --interval 20
auto handover handover {BOTH} -S 5 --period 2 --interval 20
auto steady steady {BOTH} -S 10 --settle 5
auto interleave interleave --modes lazy -S 6
auto bound bound bound-cpuset bound-node --modes lazy -S 2
""")

# What the others are compared with in pictures: the runs of steps that have
# two modes, with the third one, in files of the same names
OFF = """auto split split --modes off -S 40
auto quick handover split -p 4k,thp --modes off -S 8 --period 2 --interval 20
auto interleave interleave --modes off -S 20
auto slow phase --period 5 --modes off -S 24.9 --interval 50
auto fast phase --period 1 --modes off -S 30
auto shared shared --modes off -S 60 --interval 500
auto shapes numa01 numa02 --modes off -S 20
"""

STEPS = [
    Step("split", f"auto split split {BOTH} -S 40\n"),
    Step("quick", f"auto quick handover split -p 4k,thp {BOTH} -S 8 -r 3 "
         "--period 2 --interval 20\n"),
    Step("steady", "".join(map(profiled, MODES)), profile=True),
    Step("bound", f"auto bound bound bound-cpuset bound-node {BOTH} -S 6\n"),
    Step("hold", f"echo 1000 > /proc/sys/vm/stat_interval\n"
         f"auto hold hold -s 16G {ALL} -S 5\n"),
    Step("interleave", f"auto interleave interleave {BOTH} -S 20\n"),
    Step("phase", f"auto slow phase --period 5 {BOTH} -S 24.9 --interval 50\n"
         f"auto fast phase --period 1 {BOTH} -S 30 --settle 20\n"),
    Step("shared", MOVES),
    Step("churn", f"auto churn churn {ALL} -S 10\n"),
    Step("shapes", f"auto shapes numa01 numa02 {BOTH} -S 20\n"),
    Step("perf", perf(["off"], 1) + perf(["stock", "lazy"], PERF_ROUNDS)),
    Step("memory", held("off") + held("lazy")),
    Step("off", OFF),
]


def extent_cap(seconds):
    """How often an extent that pays nobody may be moved in so many seconds.
    Between the n-th move and the next one are at least 2^n seconds."""
    moves, pause, since = 1, 2, 0
    while since + pause <= seconds:
        since += pause
        pause *= 2
        moves += 1
    return moves
