# SPDX-License-Identifier: GPL-2.0
"""What a migration costs, as ratios of instructions.

An overhead is a count without the copy of the page and without the loop that
touches. Both are measured: the loop as a run that moves nothing, the copy as
functions in the profile of the same run, less those of the run that moves
nothing.
"""

import bisect
import itertools
import statistics

from mof.build import Failure

from .record import PLACE, Bench, Row
from .step import MARK, NUMA_BENCH, OPTIONS, Step

FIRST = "first_touch_per_page_ns"       # instructions, with this clock
CALL = "call_per_page_ns"
TOTAL = "total_per_page_ns"
LAZY = {"method": "mbind-lazy"}
PAGES_PER_THP = 512
WINDOWS = (16, 64, 512)
# Percentiles of all timed faults of a run, for the pictures
PERCENT = (0, 0.1, 0.5, 1, *range(2, 99), 99, 99.5, 99.9, 100)


def step(where, name, machine, runs, profile=False, timeout=1800):
    """A guest that runs numa-bench several times: {name: arguments}. Marks
    around each run keep what happens between them out of their profiles."""
    lines, commands = ["set -e", "cd /tmp"], []
    for run, arguments in runs.items():
        workload, _, rest = arguments.partition(" ")
        command = f"{workload} --unit instructions --json {run}.json {rest}"
        lines += [f"echo {run}", f"cat /proc/vmstat > {run}.before",
                  str(MARK), f"{NUMA_BENCH} {command} > {run}.txt", str(MARK),
                  f"cat /proc/vmstat > {run}.after",
                  f'cp {run}.* "$MOF_SHARE/"']
        commands.append(f"mof-vm {' '.join((*OPTIONS, *machine))} -- "
                        f"numa-bench {command}")
    return Step("cost", where, name, "\n".join(lines), machine, commands,
                tuple(runs) if profile else (), timeout=timeout)


def small(arguments):
    """A run that takes seconds."""
    return f"{arguments} -s 64M -r 3"


def windows(*sizes):
    """A list of windows for numa-bench."""
    return ",".join(map(str, (*sizes, "default")))


# Each run differs from the baseline of its page size in one thing
DIRECT = {
    "none-4k": small("migrate -p 4k -m none"),
    "lazy-4k": small("migrate -p 4k -m mbind-lazy"),
}
NODES = {"nodes": small("migrate -p 4k -m none,mbind-lazy")}
TWO = ("--topology", "2x2")

STEPS = [
    step("2x2", "basics", TWO, DIRECT | {
        "stock-4k": small("migrate -p 4k -m mbind-lazy --window 0"),
        "move-4k": small("migrate -p 4k -m mbind-move"),
        "move_pages-4k": small("migrate -p 4k -m move_pages"),
        "mprotect-4k": small("migrate -p 4k -m mprotect"),
        "random-4k": small("migrate -p 4k -m mbind-lazy -t random -f 10%"),
        "none-thp": small("migrate -p thp -m none"),
        "lazy-thp": small("migrate -p thp -m mbind-lazy"),
        "latency": small(f"latency -p 4k --window {windows(*WINDOWS)}"),
    }, profile=True),
    # Eight CPUs for eight threads; a node has room for a little more than
    # 4 GiB
    step("big", "large", ("--node", "cpus=8,mem=5G",
                          "--node", "cpus=1,mem=5G"), {
        "call-4k": "migrate -p 4k -m mbind-move,mbind-lazy -s 1G -r 1",
        "call-thp": "migrate -p thp -m mbind-move,mbind-lazy -s 1G -r 1",
        "threads": small("migrate -p 4k -m none,mbind-lazy "
                         "--threads 1,2,4,8"),
        "sizes": "migrate -p 4k -m none,mbind-lazy -s 64M,256M,1G,4G -r 1",
    }, timeout=3600),
    step("4x1", "four", ("--topology", "4x1"), NODES),
    step("8x1", "eight", ("--topology", "8x1"), NODES | {
        "spread": small("scale -p 4k --threads 1 --nodes 1,2,4,8")}),
]
SHORT = STEPS[:1]
PROFILE = step("2x2", "profile", TWO, DIRECT, profile=True)

PICTURES = [
    step("2x2", "pictures", TWO, {
        "methods": small("migrate -p 4k,thp -m none,move_pages,mbind-move,"
                         "mbind-lazy --window 0,default"),
        "faults": small(f"latency -p 4k --window {windows(0, 1, *WINDOWS)}"),
        "faults-thp": small("latency -p thp"),
    }),
    # A CPU for each thread, and room for 1 GiB
    step("scale", "scale", ("--nodes", "2", "--cpus", "4", "--mem", "1536M"), {
        "threads": small("scale -p 4k --threads 1,2,3,4"),
        "sizes": "scale -p 4k -s 16M,64M,256M,1G -r 1",
    }, timeout=3600),
]


def summary(result, run, key):
    """A median per page."""
    return result.row(run)["summary"][key]


def total(result, run, baseline):
    """Call and first touch of a page, without the loop."""
    return (summary(result, run, CALL) + summary(result, run, FIRST)
            - summary(result, baseline, FIRST))


def touch_overhead(result, run):
    """First touch without loop and copy; the copy."""
    copy = result.copy(run, "none-4k")
    return (summary(result, run, FIRST) - summary(result, "none-4k", FIRST)
            - copy), copy


def against_stock(result):
    """The direct path against migrate_misplaced_folio(), one folio a fault."""
    ours, copy = touch_overhead(result, "lazy-4k")
    stock, _ = touch_overhead(result, "stock-4k")
    return ours / stock, {"lazy, instructions/page": ours,
                          "window 0, instructions/page": stock,
                          "copy, instructions/page": copy}


def against_call(run, label):
    """The direct path against a system call that moves, both without the
    copy."""
    def measure(result):
        ours, _ = touch_overhead(result, "lazy-4k")
        call = summary(result, run, CALL) - result.copy(run, "none-4k")
        return ours / call, {"lazy, instructions/page": ours,
                             f"{label}, instructions/page": call}
    return measure


def totals(result):
    """All costs of a page."""
    ours = total(result, "lazy-4k", "none-4k")
    move = total(result, "move-4k", "none-4k")
    return ours / move, {"lazy, instructions/page": ours,
                         "mbind-move, instructions/page": move}


def marking(result):
    """The call that marks against mprotect()."""
    ours = summary(result, "lazy-4k", CALL)
    protect = summary(result, "mprotect-4k", CALL)
    return ours / protect, {"mark, instructions/page": ours,
                            "mprotect, instructions/page": protect}


def mean(result, run, *path):
    """Mean over the samples of a run; an absent counter is 0."""
    values = []
    for value in result.row(run)["samples"]:
        for key in path:
            value = value.get(key) or {}
        values.append(value or 0)
    return sum(values) / len(values)


def hinting_faults(run, label, pages):
    """Hinting faults for each page or THP touched."""
    def measure(result):
        faults = mean(result, run, "first_touch", "vmstat", "numa_hint_faults")
        touched = mean(result, run, "touched_pages") / pages
        return faults / touched, {"hinting faults": faults, label: touched}
    return measure


def left_behind(result):
    """Touched pages that are not on the target node, in all samples."""
    left = {run: sum(sample["left_behind_pages"]
                     for sample in result.row(run)["samples"])
            for run in ("lazy-4k", "stock-4k", "random-4k", "lazy-thp")}
    return sum(left.values()), {f"{run}, pages": pages
                                for run, pages in left.items()}


def random_touch(result):
    """Pages migrated for each page touched."""
    moved = mean(result, "random-4k", "moved_pages")
    touched = mean(result, "random-4k", "touched_pages")
    return moved / touched, {"migrated, pages": moved,
                             "touched, pages": touched}


def thp_overhead(result):
    """Mark and fault of a THP, against its copy."""
    copy = PAGES_PER_THP * result.copy("lazy-thp", "none-thp", True)
    whole = PAGES_PER_THP * total(result, "lazy-thp", "none-thp")
    return whole / copy - 1, {"mark, fault and copy, instructions/THP": whole,
                              "copy, instructions/THP": copy}


def thp_splits(result):
    """THPs that were split."""
    before = mean(result, "lazy-thp", "thps_before")
    after = mean(result, "lazy-thp", "thps_after")
    return before - after, {"THPs before": before, "THPs after": after}


def latencies(result, place):
    """The copy, a row of the run by its place, and its raw values. The longest
    fault is that of the median sample, since an interrupt within a fault is
    part of it."""
    row = result.json("latency")["results"][place]
    longest = statistics.median(sample["max_ns"] for sample in row["samples"])
    raw = {"window, pages": row["window"]}
    for name in ("mean", "p50", "p99", "max"):
        raw[f"{name}, instructions"] = row["summary"][f"{name}_ns"]
    raw["longest of the median sample, instructions"] = longest
    return result.copy("lazy-4k", "none-4k"), row, raw


def waiting(place):
    """Mean latency of a touch that faults, in copies of a page. Percentiles
    of few faults vary too much for a record."""
    def measure(result):
        copy, row, raw = latencies(result, place)
        return row["summary"]["mean_ns"] / copy, raw
    return measure


def longest_wait(result):
    """The longest fault with the default window, against a window's copies."""
    copy, _, raw = latencies(result, -1)
    longest = raw["longest of the median sample, instructions"]
    return longest / (64 * copy), raw | {"copy, instructions/page": copy}


def call_time(run):
    """Time of the call that moves, against the one that marks."""
    def measure(result):
        calls = {method: result.row(run, method=method)
                 ["summary"]["call"]["median_ns"]
                 for method in ("mbind-move", "mbind-lazy")}
        return (calls["mbind-move"] / calls["mbind-lazy"],
                {f"{method}, million instructions": value / 1e6
                 for method, value in calls.items()})
    return measure


def costs(result, run, column):
    """{column: cost of a page} of the rows of mbind-lazy."""
    return {row[column]: row["summary"][TOTAL]
            for row in result.json(run)["results"]
            if row["method"] == "mbind-lazy"}


def threads(result):
    """The largest deviation from one thread, as a factor of 1 or more."""
    found = costs(result, "threads", "threads")
    factors = [cost / found[1] for cost in found.values()]
    return (max(max(factor, 1 / factor) for factor in factors),
            {f"{count} threads, instructions/page": cost
             for count, cost in found.items()})


def spread(values):
    """Largest by smallest of {label: value}, and the values."""
    return max(values.values()) / min(values.values()), values


def sizes(result):
    """From the smallest VMA to the largest."""
    return spread({f"{size >> 20} MiB, instructions/page": cost for size, cost
                   in costs(result, "sizes", "size_bytes").items()})


def parts(result):
    """From a VMA on one node to one on all of them, each part touched from
    another node at the same time."""
    return spread({f"on {count} nodes, instructions/page": cost
                   for count, cost
                   in costs(result, "spread", "nodes").items()})


def nodes(result):
    """From a machine with two nodes to one with eight."""
    found = {2: total(result.beside("2x2", "basics"), "lazy-4k", "none-4k"),
             4: result.beside("4x1", "four").row("nodes", **LAZY)
             ["summary"][TOTAL],
             8: result.row("nodes", **LAZY)["summary"][TOTAL]}
    return spread({f"{count} nodes, instructions/page": cost
                   for count, cost in found.items()})


ROWS = [
    Row("first touch: overhead / stock engine", "basics", "<= 0.25",
        against_stock),
    Row("first touch: overhead / mbind-move", "basics", "<= 0.45",
        against_call("move-4k", "mbind-move")),
    Row("first touch: overhead / move_pages", "basics", "<= 0.45",
        against_call("move_pages-4k", "move_pages")),
    Row("mark, fault and copy / mbind-move", "basics", "<= 0.6", totals),
    Row("mark / mprotect", "basics", "<= 1.3", marking),
    Row("hinting faults / page, sequential", "basics", "<= 0.031",
        hinting_faults("lazy-4k", "pages", 1)),
    Row("touched pages left behind", "basics", "<= 0", left_behind),
    Row("random 10%: migrated / touched", "basics", "<= 1.15", random_touch),
    Row("THP: overhead / copy", "basics", "<= 0.03", thp_overhead),
    Row("THP: hinting faults / THP", "basics", "<= 1",
        hinting_faults("lazy-thp", "THPs", PAGES_PER_THP)),
    Row("THP: splits", "basics", "<= 0", thp_splits),
    *(Row(f"window {window}: mean fault / copy", "basics", "none",
          waiting(place))
      for place, window in enumerate((*WINDOWS, "default"))),
    Row("default window: longest / 64 copies", "basics", "<= 1.3",
        longest_wait),
    Row("1 GiB, 4k: call MOVE / LAZY", "large", ">= 20", call_time("call-4k")),
    Row("1 GiB, THP: call MOVE / LAZY", "large", ">= 20",
        call_time("call-thp")),
    Row("1, 2, 4, 8 threads: farthest / one", "large", "<= 1.1", threads),
    Row("64 MiB to 4 GiB: most / least", "large", "<= 1.1", sizes),
    Row("machine of 2, 4, 8 nodes: most / least", "eight", "<= 1.1", nodes),
    Row("area on 1, 2, 4, 8 nodes: most / least", "eight", "<= 1.1", parts),
]


def profile():
    """Boot the guest of the profile; {function: instructions} per 4 KiB page
    marked, touched and migrated."""
    result = PROFILE.run(again=True)
    lazy, none = result.profile("lazy-4k"), result.profile("none-4k")
    pages = result.migrated("lazy-4k")
    if not pages:
        raise Failure("nothing was migrated, so there is no cost of a page")
    found = {name: (lazy.get(name, 0) - none.get(name, 0)) / pages
             for name in lazy | none}
    found = {name: count for name, count in found.items() if count}
    return {"total": sum(found.values())} | found


def profiles(now, before=None):
    """A profile as text; with an earlier one, the change as well."""
    rows = [(name, (before or {}).get(name, 0), now.get(name, 0))
            for name in now | (before or {})]
    rows.sort(key=lambda row: (row[0] != "total", -max(row[1:]), row[0]))
    if before is None:
        return [f"{after:10.1f}  {name}" for name, _, after in rows]
    return [f"{old:10.1f} {after:10.1f} {after - old:+10.1f}  {name}"
            for name, old, after in rows]


def by_page(row):
    """The costs of a page, call and touches apart, to a tenth of an
    instruction."""
    return {"method": row["method"], "page": row["page_size"],
            "window": row["window"], "threads": row["threads"],
            "size_mib": row["size_bytes"] >> 20,
            **{name: round(row["summary"][f"{name}_per_page_ns"], 1)
               for name in ("call", "first_touch", "second_touch")}}


def percentiles(histogram):
    """The nearest rank of each of PERCENT, in a histogram [[ns, touches]]."""
    if not any(touches for _, touches in histogram):
        raise Failure("no touch has taken a fault")
    times, touches = zip(*sorted(histogram))
    seen = list(itertools.accumulate(touches))
    return [times[bisect.bisect_left(seen, percent * seen[-1] / 100)]
            for percent in PERCENT]


def by_wait(row):
    """Latencies of the touches that took a fault."""
    return {"page": row["page_size"], "window": row["window"],
            "faulting": sum(touches for _, touches in row["histogram"]),
            "instructions": percentiles(row["histogram"])}


def series(result):
    """The data of the pictures: {run: rows}."""
    found = {name: [(by_wait if name.startswith("faults") else by_page)(row)
                    for row in output["results"]]
             for name, output in result.outputs().items()}
    return ({"percent": list(PERCENT)} if "faults" in found else {}) | found


COST = Bench(PLACE / "engine.json", STEPS, ROWS, compared=True)
COSTS = Bench(PLACE / "costs.json", PICTURES, [], series)
