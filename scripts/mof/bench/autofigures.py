# SPDX-License-Identifier: GPL-2.0
"""How the values of the automatic mode's table follow from what was measured:
functions of the result of a step, which return a value and what it is made
of."""

import collections
import math
import re
from statistics import fmean

from mof.build import Failure

from .autoplan import PERF_SECONDS, extent_cap

T95, WORST = "time_to_95_percent_ns", "final_worst_thread_local_percent"
LOCAL = "final_local_percent"
FAULTS, PTES, MOVED = "hint_faults", "pte_updates", "migrated_pages"
NEVER = math.inf
EXTENTS_PER_TIB = (1 << 40) >> 21
# Functions that the balancer has for itself; stock and lazy, own and borrowed
BALANCING = re.compile(r"(__)?mof_|task_numa_|task_tick_numa|do_numa_page"
                       r"|do_huge_pmd_numa_page|change_prot_numa"
                       r"|numa_migrate|migrate_misplaced|mpol_misplaced"
                       r"|should_numa_migrate|update_task_scan_period")


def figure(run, name):
    """The median; None where numa-bench has none."""
    return run["summary"][name]["median"]


def ratio(ours, theirs):
    """None is a time that never came. What is nothing has no ratio."""
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


def against_stock(file, name, workload=None, kind="4k"):
    """A figure of mode lazy by that of mode stock."""
    def measure(result):
        pair = [figure(result.run(file, mode, workload, kind), name)
                for mode in ("lazy", "stock")]
        return ratio(*pair), dict(zip(("lazy", "stock"), pair))
    return measure


def converged(file, workload, kind="4k"):
    """Time to 95% local by that of stock, which may need longer than it ran:
    then its time is the run, and the ratio at most that."""
    def measure(result):
        lazy, stock = (figure(result.run(file, mode, workload, kind), T95)
                       for mode in ("lazy", "stock"))
        raw = {"lazy, s": seconds(lazy), "stock, s": seconds(stock)}
        ran = result.json(file)["options"]["run_ns"]
        if lazy == stock and not lazy:      # from the start, or never
            return 1.0, raw
        return ratio(lazy, ran if stock is None else stock), raw
    return measure


def of_lazy(file, name, workload=None):
    """A figure of mode lazy, with those of the others."""
    def measure(result):
        modes = [row["mode"] for row in result.json(file)["results"]
                 if workload in (None, row["workload"]) and row["samples"]]
        raw = {mode: figure(result.run(file, mode, workload), name)
               for mode in modes}
        return raw["lazy"], raw
    return measure


def nothing(workload):
    """Faults and PTE updates together."""
    def measure(result):
        raw = {name: figure(result.run("bound", "lazy", workload), name)
               for name in (FAULTS, PTES)}
        return sum(raw.values()), raw
    return measure


def locality(file, workload):
    """Percentage points more than stock at the end."""
    def measure(result):
        lazy, stock = (figure(result.run(file, mode, workload), LOCAL)
                       for mode in ("lazy", "stock"))
        return lazy - stock, {"lazy, %": lazy, "stock, %": stock}
    return measure


def instructions(result):
    """What the kernel executes more than with the balancer off, of all. The
    balancer's own functions stand beside it."""
    sections = result.profiles()
    modes = dict(zip(("off", "stock", "lazy"), sections[1::2]))
    kernel, own, raw = {}, {}, {}
    for mode, profile in modes.items():
        user = sum(count for name, count in profile.items() if "[" in name)
        kernel[mode] = sum(profile.values()) - user
        own[mode] = sum(count for name, count in profile.items()
                        if BALANCING.match(name))
    total = sum(modes["lazy"].values())
    for mode in ("stock", "lazy"):
        raw[f"{mode} more than off, instructions"] = kernel[mode] - \
            kernel["off"]
        raw[f"{mode}, its own functions, instructions"] = own[mode]
    raw["all, instructions"] = total
    return max(0, kernel["lazy"] - kernel["off"], own["lazy"]) / total, raw


def late(name):
    """A late figure by that of stock, each from a file of its own."""
    def measure(result):
        pair = [figure(result.run(mode, mode), name)
                for mode in ("lazy", "stock")]
        return ratio(*pair), dict(zip(("lazy", "stock"), pair))
    return measure


def late_percent(result, step, unit):
    """Percent of all pages that migrate after settling, in each unit of ns."""
    options = result.json(step)["options"]
    units = (options["run_ns"] - options["settle_ns"]) / unit(options)
    raw = {}
    for mode in ("lazy", "stock"):
        run = result.run(step, mode)
        raw[f"{mode}, %"] = 100 * figure(run, "late_migrated_pages") / \
            run["samples"][0]["area_pages"] / units
    return raw["lazy, %"], raw


def late_moves(result):
    """Percent of all pages that migrate in a minute after settling."""
    return late_percent(result, "shared", lambda options: 60e9)


def most_moves(result):
    """Of one extent, by what is allowed in that time."""
    moves = collections.Counter(
        re.findall(r"address=([0-9a-f]+)", result.text("armed.txt")))
    cap = extent_cap(result.json("shared")["options"]["run_ns"] / 1e9)
    most = max(moves.values(), default=0)
    return most / cap, {"most moves of an extent": most, "cap": cap,
                        "moves of all": sum(moves.values()),
                        "extents moved": len(moves)}


def per_page(result):
    """Pages migrated by all pages."""
    raw = {}
    for mode in ("lazy", "stock"):
        run = result.run("interleave", mode)
        raw[mode] = figure(run, MOVED) / run["samples"][0]["area_pages"]
    return raw["lazy"], raw


def slowest_swap(result):
    """Seconds."""
    raw = {f"{mode}, s": seconds(figure(result.run("slow", mode), T95))
           for mode in ("lazy", "stock")}
    return raw["lazy, s"], raw


def followers(result):
    """Percent of the pages that migrate after a swap, late in the run."""
    return late_percent(result, "fast", lambda options: options["period_ns"])


def extra_work(result):
    """Percent more instructions for each touch than with the balancer off."""
    per = {mode: figure(result.run("churn", mode), "wall_ns_per_touch")
           for mode in ("off", "stock", "lazy")}
    raw = {f"{mode}, %": 100 * (per[mode] / per["off"] - 1)
           for mode in ("stock", "lazy")}
    return raw["lazy, %"], raw | {
        f"{mode}, instructions/touch": per[mode] for mode in per}


def perf_seconds(text):
    """Of each run, when it converged, or ended; at most PERF_SECONDS."""
    found = re.findall(r"([\d.]+), secs, +NUMA-convergence-latency", text)
    if not found:
        raise Failure("perf bench numa has printed no time: "
                      + text.strip()[-200:])
    return [min(float(seconds), PERF_SECONDS) for seconds in found]


def perf(result):
    """Mean of all runs by that of stock."""
    times = {mode: perf_seconds(result.text(f"{mode}.txt"))
             for mode in ("off", "stock", "lazy")}
    raw = {f"{mode}, {name}, s": summed(times[mode])
           for mode in times
           for name, summed in (("mean", fmean), ("least", min),
                                ("most", max))}
    return ratio(fmean(times["lazy"]), fmean(times["stock"])), raw


def held(result):
    """Longer than with the balancer off, microseconds."""
    raw = {f"{mode}, us": figure(result.run("hold", mode), "longest_gap_ns")
           / 1e3 for mode in ("off", "stock", "lazy")}
    return raw["lazy, us"] - raw["off, us"], raw


def memory(result):
    """MiB for a TiB, by what some GiB need."""
    pages = result.most("lazy") - result.most("off")
    extents = result.json("lazy")["options"]["size_bytes"] >> 21
    if pages <= 0:
        raise Failure(f"{pages} pages more: caches of others hide it")
    each = 4096 * pages / extents
    return each * EXTENTS_PER_TIB / (1 << 20), {
        "bytes/extent": each, "extents": extents, "pages": pages}
