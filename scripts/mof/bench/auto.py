# SPDX-License-Identifier: GPL-2.0
"""What the automatic mode (kernel.numa_balancing=4) does, against mode 1."""

import collections
import math
import re
from statistics import fmean

from mof import rst
from mof.build import Failure

from .record import PLACE, Bench, Row, number, reached
from .step import MARK, NUMA_BENCH, Step

TOPOLOGIES = ("2x2", "4x2")
MODES = {"off": 0, "stock": 1, "lazy": 4}
PAIR = ("lazy", "stock")
BOTH = "--modes stock,lazy"
ALL = "--modes off,stock,lazy"
TRACING = "/sys/kernel/tracing"
# Seconds before and between the marks of a profile, on four CPUs. Balancing
# is paced by CPU time, so more CPUs need longer
SETTLED, LOOKED = 11, 9
PERF_SECONDS = 20               # limit of a run of perf bench numa
PERF_ROUNDS = 5                 # the placement of threads varies
POINTS = 100                    # of a recorded series
COUNTERS = {"faults": "numa_hint_faults", "migrated": "numa_pages_migrated"}

# Functions for the scripts of all steps
PREAMBLE = f"""set -e
out=$MOF_SHARE
mark() {{ {MARK}; }}
balancing() {{ echo "$1" > /proc/sys/kernel/numa_balancing; }}
auto() {{ # NAME ARGUMENTS
	name=$1
	shift
	{NUMA_BENCH} auto --unit instructions --json "$out/$name.json" "$@"
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


def step(bench, topology, name, script, **more):
    """A guest of some nodes and CPUs that runs a script."""
    nodes, cpus = topology.split("x")
    return Step(bench, topology, name, PREAMBLE + script,
                ("--nodes", nodes, "--cpus", cpus), **more)


def profiled(mode):
    """steady, with everything that runs between two marks."""
    def scaled(seconds):
        return f"$((($(nproc) * {seconds} + 3) / 4))"

    return (f"(sleep {scaled(SETTLED)}; mark; sleep {scaled(LOOKED)}; mark) &\n"
            f"auto {mode} steady --modes {mode} --interval 1000"
            f" -S {scaled(SETTLED + LOOKED + 1)}"
            f" --settle {scaled(SETTLED - 1)}\nwait\n")


def mapped(mode):
    """A process with a large VMA, and the slab pages it needs."""
    return (f"slab {mode} &\n"
            f"auto {mode} hold --modes {mode} -s 64G -S 12\nkill $!\n")


def perf(modes, rounds):
    """Debian's perf stops when each process is on one node."""
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

# For the pictures: the runs of the other steps that have two modes, with the
# third one, in files of the same names
OFF = """auto split split --modes off -S 40
auto quick handover split -p 4k,thp --modes off -S 8 --period 2 --interval 20
auto interleave interleave --modes off -S 20
auto slow phase --period 5 --modes off -S 24.9 --interval 50
auto fast phase --period 1 --modes off -S 30
auto shared shared --modes off -S 60 --interval 500
auto shapes numa01 numa02 --modes off -S 20
"""

SCRIPTS = {
    "split": f"auto split split {BOTH} -S 40\n",
    "quick": f"auto quick handover split -p 4k,thp {BOTH} -S 8 -r 3 "
             "--period 2 --interval 20\n",
    "steady": "".join(map(profiled, MODES)),
    "bound": f"auto bound bound bound-cpuset bound-node {BOTH} -S 6\n",
    "hold": "echo 1000 > /proc/sys/vm/stat_interval\n"
            f"auto hold hold -s 16G {ALL} -S 5\n",
    "interleave": f"auto interleave interleave {BOTH} -S 20\n",
    "phase": f"auto slow phase --period 5 {BOTH} -S 24.9 --interval 50\n"
             f"auto fast phase --period 1 {BOTH} -S 30 --settle 20\n",
    "shared": MOVES,
    "churn": f"auto churn churn {ALL} -S 10\n",
    "shapes": f"auto shapes numa01 numa02 {BOTH} -S 20\n",
    "perf": perf(["off"], 1) + perf(["stock", "lazy"], PERF_ROUNDS),
    "memory": mapped("off") + mapped("lazy"),
    "off": OFF,
}
STEPS = [step("auto", topology, name, script, sections=(
              tuple(MODES) if name == "steady" else ()))
         for topology in TOPOLOGIES for name, script in SCRIPTS.items()]
SHORT = [step("auto", TOPOLOGIES[0], "short", f"""\
auto split split {BOTH} -S 6 --interval 20
auto handover handover {BOTH} -S 5 --period 2 --interval 20
auto steady steady {BOTH} -S 10 --settle 5
auto interleave interleave --modes lazy -S 6
auto bound bound bound-cpuset bound-node --modes lazy -S 2
""")]

T95, WORST = "time_to_95_percent_ns", "final_worst_thread_local_percent"
LOCAL = "final_local_percent"
FAULTS, PTES, MOVED = "hint_faults", "pte_updates", "migrated_pages"
NEVER = math.inf
EXTENTS_PER_TIB = (1 << 40) >> 21
# Functions of the balancer, of stock and lazy
BALANCING = re.compile(r"(__)?mof_|task_numa_|task_tick_numa|do_numa_page"
                       r"|do_huge_pmd_numa_page|change_prot_numa"
                       r"|numa_migrate|migrate_misplaced|mpol_misplaced"
                       r"|should_numa_migrate|update_task_scan_period")


def figures(result, file, name, modes=PAIR, **wanted):
    """{mode: median} of a run; without a file, each mode has its own. None:
    numa-bench has no such figure."""
    return {mode: result.row(file or mode, mode=mode, **wanted)
            ["summary"][name]["median"] for mode in modes}


def ratio(ours, theirs):
    """None is a time that never came."""
    if ours is None:
        return NEVER
    if theirs is None:
        return 0.0
    if not theirs:
        raise Failure(f"{ours} against {theirs} is no ratio")
    return ours / theirs


def seconds(ns):
    """For people."""
    return NEVER if ns is None else ns / 1e9


def against_stock(file, name):
    """A figure of mode lazy by that of mode stock."""
    def measure(result):
        found = figures(result, file, name)
        return ratio(found["lazy"], found["stock"]), found
    return measure


def converged(file, workload, page="4k"):
    """Time to 95% local by that of stock. If stock did not get there, its time
    is that of the run, so that the ratio is an upper limit."""
    def measure(result):
        lazy, stock = figures(result, file, T95, workload=workload,
                              page_size=page).values()
        raw = {"lazy, s": seconds(lazy), "stock, s": seconds(stock)}
        if lazy == stock and not lazy:      # from the start, or never
            return 1.0, raw
        run = result.json(file)["options"]["run_ns"]
        return ratio(lazy, run if stock is None else stock), raw
    return measure


def of_lazy(file, name):
    """A figure of mode lazy, with those of the other modes."""
    def measure(result):
        found = figures(result, file, name,
                        [row["mode"] for row in result.json(file)["results"]
                         if row["samples"]])
        return found["lazy"], found
    return measure


def balanced(workload):
    """Hinting faults and PTE updates together."""
    def measure(result):
        raw = {name: figures(result, "bound", name, ["lazy"],
                             workload=workload)["lazy"]
               for name in (FAULTS, PTES)}
        return sum(raw.values()), raw
    return measure


def locality(file, workload):
    """Percentage points more than stock at the end."""
    def measure(result):
        found = figures(result, file, LOCAL, workload=workload)
        return found["lazy"] - found["stock"], {
            f"{mode}, %": value for mode, value in found.items()}
    return measure


def instructions(result):
    """Instructions of the kernel beyond those with the balancer off, or those
    of the balancer's functions, of all."""
    kernel, own, total = {}, {}, {}
    for mode in MODES:
        profile = result.profile(mode)
        total[mode] = sum(profile.values())
        kernel[mode] = total[mode] - sum(
            count for name, count in profile.items() if "[" in name)
        own[mode] = sum(count for name, count in profile.items()
                        if BALANCING.match(name))
    raw = {}
    for mode in ("stock", "lazy"):
        raw[f"{mode} more than off, instructions"] = kernel[mode] - \
            kernel["off"]
        raw[f"{mode}, its own functions, instructions"] = own[mode]
    raw["all, instructions"] = total["lazy"]
    return max(0, kernel["lazy"] - kernel["off"],
               own["lazy"]) / total["lazy"], raw


def late_percent(file, unit):
    """Percent of all pages that migrate after settling, in each unit of ns."""
    def measure(result):
        options = result.json(file)["options"]
        units = (options["run_ns"] - options["settle_ns"]) / unit(options)
        found = figures(result, file, "late_migrated_pages")
        raw = {f"{mode}, %": 100 * pages / area(result, file, mode) / units
               for mode, pages in found.items()}
        return raw["lazy, %"], raw
    return measure


def area(result, file, mode):
    """Pages of the workload."""
    return result.row(file, mode=mode)["samples"][0]["area_pages"]


def extent_cap(run):
    """The number of moves of an extent that does not benefit, in a run of some
    seconds: at least 2^n seconds are between the n-th move and the next."""
    moves, pause, since = 1, 2, 0
    while since + pause <= run:
        since += pause
        pause *= 2
        moves += 1
    return moves


def most_moves(result):
    """Moves of one extent, by the number allowed in that time."""
    moves = collections.Counter(
        re.findall(r"address=([0-9a-f]+)", result.text("armed.txt")))
    cap = extent_cap(result.json("shared")["options"]["run_ns"] / 1e9)
    most = max(moves.values(), default=0)
    return most / cap, {"most moves of an extent": most, "cap": cap,
                        "moves of all": sum(moves.values()),
                        "extents moved": len(moves)}


def per_page(result):
    """Pages migrated by all pages."""
    raw = {mode: pages / area(result, "interleave", mode) for mode, pages
           in figures(result, "interleave", MOVED).items()}
    return raw["lazy"], raw


def slowest_swap(result):
    """Seconds."""
    raw = {f"{mode}, s": seconds(ns)
           for mode, ns in figures(result, "slow", T95).items()}
    return raw["lazy, s"], raw


def extra_work(result):
    """Percent more instructions for each touch than with the balancer off."""
    per = figures(result, "churn", "wall_ns_per_touch", MODES)
    raw = {f"{mode}, %": 100 * (per[mode] / per["off"] - 1)
           for mode in ("stock", "lazy")}
    return raw["lazy, %"], raw | {
        f"{mode}, instructions/touch": per[mode] for mode in per}


def perf_seconds(text):
    """Seconds until each run converged or ended, PERF_SECONDS at most."""
    found = re.findall(r"([\d.]+), secs, +NUMA-convergence-latency", text)
    if not found:
        raise Failure("perf bench numa has printed no time: "
                      + text.strip()[-200:])
    return [min(float(time), PERF_SECONDS) for time in found]


def perf_time(result):
    """Mean of all runs by that of stock."""
    times = {mode: perf_seconds(result.text(f"{mode}.txt")) for mode in MODES}
    raw = {f"{mode}, {name}, s": summary(times[mode]) for mode in times
           for name, summary in (("mean", fmean), ("least", min),
                                 ("most", max))}
    return ratio(fmean(times["lazy"]), fmean(times["stock"])), raw


def held(result):
    """Microseconds longer than with the balancer off."""
    raw = {f"{mode}, us": ns / 1e3 for mode, ns
           in figures(result, "hold", "longest_gap_ns", MODES).items()}
    return raw["lazy, us"] - raw["off, us"], raw


def memory(result):
    """MiB for a TiB, from the slab pages that 64 GiB need."""
    off, lazy = (max(map(int, result.text(mode).split()))
                 for mode in ("off", "lazy"))
    pages = lazy - off
    extents = result.json("lazy")["options"]["size_bytes"] >> 21
    if pages <= 0:
        raise Failure(f"{pages} pages more: caches of others hide it")
    each = 4096 * pages / extents
    return each * EXTENTS_PER_TIB / (1 << 20), {
        "bytes/extent": each, "extents": extents, "pages": pages}


THIRD = "<= 0.3334"
NO_WORSE = "<= 1"
BOUND = ("bound", "bound-cpuset", "bound-node")
ROWS = [
    Row("split, 40 s: hinting faults / stock", "split", "<= 0.02",
        against_stock("split", FAULTS)),
    Row("split, 40 s: local, worst thread", "split", ">= 99",
        of_lazy("split", WORST), "%"),
    *(Row(f"{workload}, {page}: time to 95% local / stock", "quick", THIRD,
          converged("quick", workload, page))
      for workload in ("handover", "split") for page in ("4k", "thp")),
    Row("steady, after 10 s: hinting faults / stock", "steady", "<= 0.01",
        against_stock(None, "late_hint_faults")),
    Row("steady, after 10 s: PTE updates / stock", "steady", "<= 0.01",
        against_stock(None, "late_pte_updates")),
    Row("steady: instructions for balancing / all", "steady", "<= 0.0005",
        instructions),
    *(Row(f"{workload}: faults and PTE updates", "bound", "<= 0",
          balanced(workload)) for workload in BOUND),
    Row("shared, after 30 s: migrated a minute", "shared", "<= 1",
        late_percent("shared", lambda options: 60e9), "%"),
    Row("shared: most moves of an extent / cap", "shared", "<= 1", most_moves),
    Row("interleave: local at the end", "interleave", ">= 95",
        of_lazy("interleave", LOCAL), "%"),
    Row("interleave: migrated / pages", "interleave", "<= 1.2", per_page),
    Row("phase, 5 s: slowest swap followed", "phase", "<= 2", slowest_swap,
        "s"),
    Row("phase, 1 s, after 20 s: pages that follow", "phase", "<= 5",
        late_percent("fast", lambda options: options["period_ns"]), "%"),
    Row("churn: more instructions than off", "churn", "<= 0.3", extra_work,
        "%"),
    *(Row(f"{shape}: time to 95% local / stock", "shapes", NO_WORSE,
          converged("shapes", shape)) for shape in ("numa01", "numa02")),
    *(Row(f"{shape}: local at the end, more than stock", "shapes", ">= -1",
          locality("shapes", shape), "% points")
      for shape in ("numa01", "numa02")),
    Row("perf bench numa mem: time / stock", "perf", NO_WORSE, perf_time),
    Row("hold, 16 GiB: held longer than off", "hold", "<= 200", held, "us"),
    Row("memory for 1 TiB mapped", "memory", "<= 16", memory, "MiB"),
]

# Some seconds instead of many: targets that are missed only with a bug
SHORT_ROWS = [Row(name, "short", target, measure, unit, strict=True)
              for name, target, measure, unit in (
    ("split: hinting faults / stock", "<= 0.05",
     against_stock("split", FAULTS), ""),
    ("split: local, worst thread", ">= 95", of_lazy("split", WORST), "%"),
    *((f"{workload}: time to 95% local / stock", "<= 0.5",
       converged(workload, workload), "")
      for workload in ("split", "handover")),
    ("steady: late hinting faults / stock", "<= 0.05",
     against_stock("steady", "late_hint_faults"), ""),
    ("steady: late PTE updates / stock", "<= 0.05",
     against_stock("steady", "late_pte_updates"), ""),
    ("interleave: local at the end", ">= 90",
     of_lazy("interleave", LOCAL), "%"),
    *((f"{workload}: faults and PTE updates", "<= 0", balanced(workload), "")
      for workload in BOUND))]


def changing(points):
    """The points, without those that are equal to both neighbours."""
    return [point for at, point in enumerate(points)
            if at in (0, len(points) - 1)
            or not points[at - 1][1:] == point[1:] == points[at + 1][1:]]


def thinned(columns, most=POINTS):
    """The columns with so many points at most, including the last one."""
    points = changing(list(zip(*columns.values())))
    stride = max(1, math.ceil((len(points) - 1) / (most - 1)))
    picked = sorted({*range(0, len(points), stride), len(points) - 1})
    return dict(zip(columns, map(list, zip(*(points[at] for at in picked)))))


def columns(sample):
    """Placement over time of one run."""
    seen = sample["series"]
    found = {"s": [round(ns / 1e9, 2) for ns in seen["ns"]],
             "local": [None if local is None else round(local, 1)
                       for local in seen["local_percent"]]}
    for name, counter in COUNTERS.items():
        found[name] = seen["vmstat"].get(counter, [0] * len(seen["ns"]))
    return thinned(found)


def series(result):
    """{file: workload, pages, mode: columns} of a step."""
    return {f"{file}: {run['workload']} {run['page_size']} {run['mode']}":
            columns(sample)
            for file, output in result.outputs().items()
            for run in output["results"] for sample in run["samples"][:1]
            if sample["series"]["local_percent"][0] is not None}


def table(record):
    """The rows of all machines."""
    machines = record["rows"]
    lines = [["what", "target", *machines]]
    for name in dict.fromkeys(name for rows in machines.values()
                              for name in rows):
        found = [rows.get(name) for rows in machines.values()]
        row = next(filter(None, found))
        lines.append([name, f"{row['target']} {row['unit']}".strip()] + [
            "-" if not row else number(row["value"]) +
            ("" if reached(row["value"], row["target"]) else ", missed")
            for row in found])
    return rst.table(lines)


AUTO = Bench(PLACE / "automatic.json", STEPS, ROWS, series, table)
# Its results are not recorded
AUTO_SHORT = Bench(PLACE / "automatic.json", SHORT, SHORT_ROWS)
