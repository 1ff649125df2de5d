# SPDX-License-Identifier: GPL-2.0
"""The rows of the table: how each ratio follows from what was measured.

An overhead is what is left of a count without the copy of the page and without
the loop that touches. Both are measured: the loop as a step that moves nothing,
the copy as functions in the profile of the step itself, less those of the step
that moves nothing.
"""

import statistics
from dataclasses import dataclass, field

from mof.build import Failure, say

from . import plan

FIRST = "first_touch_per_page_ns"       # instructions, with this clock
CALL = "call_per_page_ns"
TOTAL = "total_per_page_ns"
LAZY = {"method": "mbind-lazy"}
PAGES_PER_THP = 512


@dataclass
class Row:
    """One ratio: its target ("<=" or ">=" a number, or none; then less is
    better), and how to get it."""
    name: str
    target: str
    measure: object                     # function(results) -> (ratio, raw)
    boot: str = plan.SHORT


@dataclass
class Value:
    """One measured ratio, with the values that it is made of."""
    name: str
    ratio: float
    target: str
    boot: str
    raw: dict = field(default_factory=dict)   # name with unit: value


def only(result):
    """The row of a step that has one."""
    found = result.output["results"]
    if len(found) != 1:
        raise Failure(f"{len(found)} rows where one was expected")
    return found[0]


def summary(result, key):
    """A median per page of a step that has one row."""
    return only(result)["summary"][key]


def total(results, step, baseline):
    """Call and first touch a page, without the loop."""
    return (summary(results[step], CALL) + summary(results[step], FIRST)
            - summary(results[baseline], FIRST))


def touch_overhead(results, step):
    """First touch without loop and copy; the copy."""
    copy = results[step].copy(results["none-4k"])
    return (summary(results[step], FIRST)
            - summary(results["none-4k"], FIRST) - copy), copy


def call_overhead(results, step):
    """Call without the copy."""
    return (summary(results[step], CALL)
            - results[step].copy(results["none-4k"]))


def against_stock(results):
    """The engine against the kernel's own, one folio a fault."""
    ours, copy = touch_overhead(results, "lazy-4k")
    stock, _ = touch_overhead(results, "stock-4k")
    return ours / stock, {"lazy, instructions/page": ours,
                          "window 0, instructions/page": stock,
                          "copy, instructions/page": copy}


def against_call(step, label):
    """The engine against a system call that moves."""
    def measure(results):
        ours, _ = touch_overhead(results, "lazy-4k")
        call = call_overhead(results, step)
        return ours / call, {"lazy, instructions/page": ours,
                             f"{label}, instructions/page": call}
    return measure


def totals(results):
    """All that a page costs."""
    ours = total(results, "lazy-4k", "none-4k")
    move = total(results, "move-4k", "none-4k")
    return ours / move, {"lazy, instructions/page": ours,
                         "mbind-move, instructions/page": move}


def marking(results):
    """The call that marks against the one that protects."""
    ours = summary(results["lazy-4k"], CALL)
    protect = summary(results["mprotect-4k"], CALL)
    return ours / protect, {"mark, instructions/page": ours,
                            "mprotect, instructions/page": protect}


def mean(result, *path):
    """Mean over the samples of a step; what was never counted is 0."""
    values = []
    for sample in only(result)["samples"]:
        for key in path:
            sample = sample.get(key, 0)
            if not sample:
                break
        values.append(sample or 0)
    return sum(values) / len(values)


def hinting_faults(step, label, pages):
    """Faults for each page or THP that was touched."""
    def measure(results):
        faults = mean(results[step], "first_touch", "vmstat",
                      "numa_hint_faults")
        touched = mean(results[step], "touched_pages") / pages
        return faults / touched, {"hinting faults": faults, label: touched}
    return measure


def left_behind(results):
    """Touched pages that are not on the target, in all samples."""
    left = {step: sum(sample["left_behind_pages"]
                      for sample in only(results[step])["samples"])
            for step in ("lazy-4k", "stock-4k", "random-4k", "lazy-thp")}
    return sum(left.values()), {f"{step}, pages": pages
                                for step, pages in left.items()}


def random_touch(results):
    """Pages moved for each page touched."""
    moved = mean(results["random-4k"], "moved_pages")
    touched = mean(results["random-4k"], "touched_pages")
    return moved / touched, {"migrated, pages": moved,
                             "touched, pages": touched}


def thp_overhead(results):
    """Mark and fault of a THP, against its copy."""
    copy = PAGES_PER_THP * results["lazy-thp"].copy(results["none-thp"], True)
    whole = PAGES_PER_THP * total(results, "lazy-thp", "none-thp")
    return whole / copy - 1, {"mark, fault and copy, instructions/THP": whole,
                              "copy, instructions/THP": copy}


def thp_splits(results):
    """THPs that are gone afterwards."""
    before = mean(results["lazy-thp"], "thps_before")
    after = mean(results["lazy-thp"], "thps_after")
    return before - after, {"THPs before": before, "THPs after": after}


def latencies(results, place):
    """The copy, a row of the step by its place, and raw values of that. The
    longest fault is that of the median sample, as an interrupt that falls into
    a fault is part of it."""
    row = results["latency"].output["results"][place]
    longest = statistics.median(sample["max_ns"] for sample in row["samples"])
    raw = {"window, pages": row["window"]}
    for name in ("mean", "p50", "p99", "max"):
        raw[f"{name}, instructions"] = row["summary"][f"{name}_ns"]
    raw["longest of the median sample, instructions"] = longest
    return results["lazy-4k"].copy(results["none-4k"]), row, raw


def waiting(place):
    """How long a touch that faults waits, in copies of a page. The mean has a
    record; of percentiles, where there are few faults, chance has a part."""
    def measure(results):
        copy, row, raw = latencies(results, place)
        return row["summary"]["mean_ns"] / copy, raw
    return measure


def longest_wait(results):
    """The longest fault with the default window, against a window's copies."""
    copy, _, raw = latencies(results, -1)
    longest = raw["longest of the median sample, instructions"]
    return longest / (64 * copy), raw | {"copy, instructions/page": copy}


def call_time(step):
    """How much longer the call takes that moves."""
    def measure(results):
        calls = {method: results[step].row(method=method)
                 ["summary"]["call"]["median_ns"]
                 for method in ("mbind-move", "mbind-lazy")}
        return (calls["mbind-move"] / calls["mbind-lazy"],
                {f"{method}, million instructions": value / 1e6
                 for method, value in calls.items()})
    return measure


def spread(values):
    """Largest by smallest of {label: value}, and the values."""
    return max(values.values()) / min(values.values()), values


def threads(results):
    """The farthest from one thread, as a factor of 1 or more."""
    costs = {row["threads"]: row["summary"][TOTAL]
             for row in results["threads"].output["results"]
             if row["method"] == "mbind-lazy"}
    factors = [cost / costs[1] for cost in costs.values()]
    return (max(max(factor, 1 / factor) for factor in factors),
            {f"{count} threads, instructions/page": cost
             for count, cost in costs.items()})


def sizes(results):
    """From the smallest area to the largest."""
    return spread({f"{row['size_bytes'] >> 20} MiB, instructions/page":
                   row["summary"][TOTAL]
                   for row in results["sizes"].output["results"]
                   if row["method"] == "mbind-lazy"})


def parts(results):
    """From an area on one node to one on all of them, each part touched from
    another node at the same time."""
    return spread({f"on {row['nodes']} nodes, instructions/page":
                   row["summary"][TOTAL]
                   for row in results["spread"].output["results"]
                   if row["method"] == "mbind-lazy"})


def nodes(results):
    """From a machine with two nodes to one with eight."""
    costs = {2: total(results[plan.SHORT], "lazy-4k", "none-4k")}
    for count, boot in ((4, plan.FOUR), (8, plan.EIGHT)):
        costs[count] = results[boot]["nodes"].row(**LAZY)["summary"][TOTAL]
    return spread({f"{count} nodes, instructions/page": cost
                   for count, cost in costs.items()})


ROWS = [
    Row("first touch: overhead / stock engine", "<= 0.25", against_stock),
    Row("first touch: overhead / mbind-move", "<= 0.45",
        against_call("move-4k", "mbind-move")),
    Row("first touch: overhead / move_pages", "<= 0.45",
        against_call("move_pages-4k", "move_pages")),
    Row("mark, fault and copy / mbind-move", "<= 0.6", totals),
    Row("mark / mprotect", "<= 1.3", marking),
    Row("hinting faults / page, sequential", "<= 0.031",
        hinting_faults("lazy-4k", "pages", 1)),
    Row("touched pages left behind", "<= 0", left_behind),
    Row("random 10%: migrated / touched", "<= 1.15", random_touch),
    Row("THP: overhead / copy", "<= 0.03", thp_overhead),
    Row("THP: hinting faults / THP", "<= 1",
        hinting_faults("lazy-thp", "THPs", PAGES_PER_THP)),
    Row("THP: splits", "<= 0", thp_splits),
    *(Row(f"window {window}: mean fault / copy", "none", waiting(place))
      for place, window in enumerate((*plan.WINDOWS, "default"))),
    Row("default window: longest / 64 copies", "<= 1.3", longest_wait),
    Row("1 GiB, 4k: call MOVE / LAZY", ">= 20", call_time("call-4k"),
        plan.BIG),
    Row("1 GiB, THP: call MOVE / LAZY", ">= 20", call_time("call-thp"),
        plan.BIG),
    Row("1, 2, 4, 8 threads: farthest / one", "<= 1.1", threads, plan.BIG),
    Row("64 MiB to 4 GiB: most / least", "<= 1.1", sizes, plan.BIG),
    Row("machine of 2, 4, 8 nodes: most / least", "<= 1.1", nodes,
        plan.EIGHT),
    Row("area on 1, 2, 4, 8 nodes: most / least", "<= 1.1", parts,
        plan.EIGHT),
]


def measured(results, boots):
    """Values of all rows that these boots give; {boot: {step: Result}}."""
    values = []
    for row in ROWS:
        if row.boot not in boots:
            continue
        try:
            ratio, raw = row.measure(results if row.measure is nodes
                                     else results[row.boot])
            if not ratio >= 0:
                raise Failure(f"{ratio} is no ratio of costs: {raw}")
        except (Failure, ArithmeticError, LookupError, TypeError,
                ValueError) as error:
            # Told, and absent
            say(f"{row.name}: cannot be computed: {error!r}")
            continue
        values.append(Value(row.name, ratio, row.target, row.boot, raw))
    return values
