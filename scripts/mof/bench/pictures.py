# SPDX-License-Identifier: GPL-2.0
"""The pictures of Documentation/bench/, drawn from the records."""

import collections
import itertools
import json

from mof.build import Failure

from .auto import AUTO, MODES
from .cost import COSTS, PERCENT
from .gnuplot import (BLACK, BLUE, DASHED, DOTTED, GREEN, GREY, ORANGE, POINTS,
                      PURPLE, SKY, SOLID, Curve, Panel, Picture, block, fill,
                      line, listed, thousands)
from .model import KERNEL, MODEL, TOPOLOGY, total
from .record import PLACE

LOOKS = {"off": (GREY, DOTTED), "stock": (ORANGE, DASHED),
         "lazy": (BLUE, SOLID)}
KEY = [(f"numa_balancing={MODES[mode]} ({mode})", "lines " + line(*look))
       for mode, look in LOOKS.items()]
PAGES = {"4k": "base pages", "thp": "THPs"}
# Titles of runs that the workload does not tell apart
KINDS = {"slow": "swap each 5 s", "fast": "swap each 1 s"}
# Seconds: 30 s would hide changes within a second
FIRST = {"fast": 8}
# Without samples and faults, the panel would be empty
LEFT_OUT = ("bound", "bound-cpuset", "bound-node")
# (file, workload, pages) of the picture that README.md shows
HEADLINE = [("quick", "handover", "4k"), ("quick", "split", "4k"),
            ("quick", "split", "thp"), ("interleave", "interleave", "4k"),
            ("slow", "phase", "4k"), ("shared", "shared", "4k")]
# Pictures in git, because documents show them; others are drawn on demand
KEPT = {"cost-methods", "cost-latency", "cost-scale", "automatic"}
PER_PAGE = "instructions per 4 KiB"
MILLION = 1e6


def runs(series):
    """{(file, workload, pages): {mode: columns}} of all steps. If each mode
    has a file of its own, the file is ""."""
    found = {}
    for step in series.values():
        for name, columns in step.items():
            file, run = name.split(": ")
            workload, pages, mode = run.split(" ")
            if workload not in LEFT_OUT:
                place = ("" if file in MODES else file, workload, pages)
                found.setdefault(place, {})[mode] = columns
    return found


def end(modes):
    """The last second of the time axis."""
    return max(columns["s"][-1] for columns in modes.values())


def titles(found):
    """{(file, workload, pages): title}; runs that differ in length only have
    it in the title."""
    names = {place: f"{place[1]}, {KINDS.get(place[0], PAGES[place[2]])}"
             for place in found}
    often = collections.Counter(names.values())
    return {place: name + f", {end(found[place]):.0f} s" * (often[name] > 1)
            for place, name in names.items()}


def thinned(points, tolerance=1):
    """Points without those that a line between two others comes close to."""
    if len(points) < 3:
        return points
    (x0, y0), (x1, y1) = points[0], points[-1]
    away = [abs(y - y0 - (y1 - y0) * (x - x0) / (x1 - x0))
            for x, y in points[1:-1]]
    at = away.index(max(away)) + 1
    if away[at - 1] <= tolerance:
        return [points[0], points[-1]]
    return (thinned(points[:at + 1], tolerance)[:-1]
            + thinned(points[at:], tolerance))


def over_time(title, series, panel, only=None):
    """A panel(file, title, modes) for each workload, or each of only, sorted
    by name."""
    found = {place: modes for place, modes in runs(series).items()
             if not only or place in only}
    names = titles(found)
    places = sorted(found, key=lambda place: (place[1:], place[0]))
    return Picture(title, [panel(place[0], names[place], found[place])
                           for place in places], 3, KEY)


def curves(modes, column):
    """A curve for each mode; lazy comes last, so it is on top."""
    return [Curve(mode, modes[mode]["s"], modes[mode][column], *LOOKS[mode])
            for mode in LOOKS if mode in modes]


def percentages(modes):
    """A curve of percentages for each mode, of few points."""
    for curve in curves(modes, "local"):
        points = [point for point in zip(curve.xs, curve.ys)
                  if None not in point]
        curve.xs, curve.ys = zip(*thinned(points)) if points else ((), ())
        yield curve


def local(machine, series,
          what="Accesses to memory of the thread's own node", only=None):
    """The share of local accesses over time."""
    def panel(file, title, modes):
        last = FIRST.get(file, end(modes))
        return Panel(title, "time, s", "local, %", list(percentages(modes)),
                     [f"set xrange [0:{last:g}]", "set yrange [0:104]",
                      f"set xtics 0,{max(1, round(last / 4))}"],
                     ticks=thousands(range(0, 101, 50)))
    return over_time(f"{what}, machine {machine}", series, panel, only)


def faults(machine, series):
    """Hinting faults over time, on an axis without 0: mode off has none."""
    def panel(_, title, modes):
        seen = {mode: columns | {"faults": [count or None
                                            for count in columns["faults"]]}
                for mode, columns in modes.items()}
        return Panel(title, "time, s", "hinting faults",
                     curves(seen, "faults"),
                     [f"set xrange [0:{end(modes):g}]", "set logscale y",
                      "set yrange [1:1e6]"],
                     [(f"{mode} {modes[mode]['faults'][-1]:,}",
                       LOOKS[mode][0])
                      for mode in LOOKS if mode in modes and mode != "off"],
                     thousands((1, 100, 10**4, 10**6)))
    found = over_time(f"Hinting faults since the start, machine {machine}",
                      series, panel)
    found.key = [(label, look) for label, look in KEY if "off" not in label]
    return found


def of_automatic(record):
    """{name: picture}: two for each machine, the headline for the first."""
    machine, series = next(iter(record["series"].items()))
    return {"automatic": local(machine, series, only=HEADLINE)} | {
        f"automatic-{name}-{machine}": draw(machine, series)
        for machine, series in record["series"].items()
        for name, draw in (("local", local), ("faults", faults))}


def by_workload(record):
    """{(workload, pages): {mode: misses in each slice}} of the model."""
    found = {}
    for step in record["series"][TOPOLOGY].values():
        for name, misses in step.items():
            workload, pages, mode = name.split()
            if mode not in MODES:
                raise Failure(f"model: {name}: there is no such mode")
            found.setdefault((workload, pages), {})[mode] = misses
    return found


def ratios(raw):
    """off : stock : lazy, if mode off has misses."""
    off = total(raw, "off")
    return [(" : ".join(f"{total(raw, mode) / off:.2g}" for mode in MODES),
             BLACK)] if off else []


def bars(title, raw, name):
    """A panel of one workload: a bar for each mode, with the kernel's own
    misses at its foot."""
    rows = [(at, raw[f"{mode}, {KERNEL}"] / MILLION,
             total(raw, mode) / MILLION) for at, mode in enumerate(LOOKS)]
    plots = [f"${name} every ::{at}::{at} using 1:3 with boxes "
             f"{fill(LOOKS[mode][0])} notitle"
             for at, mode in enumerate(LOOKS)]
    plots += [f"${name} using 1:2 with boxes {fill(BLACK)} notitle",
              f"${name} using 1:3:(sprintf('%.3g', $3)) with labels offset "
              "0,0.7 font ',11' notitle"]
    # Room for the labels
    top = 1.2 * max(row[2] for row in rows) or 1
    places = listed((mode, at) for at, mode in enumerate(LOOKS))
    return Panel(title, "", "million misses",
                 plot="plot " + ", \\\n  ".join(plots), settings=[
                     block(name, rows), f"set xtics ({places}) scale 0",
                     "set boxwidth 0.6", "set xrange [-0.6:2.6]",
                     f"set yrange [0:{top:g}]"], notes=ratios(raw))


def remote(record):
    """Modelled remote misses of whole runs."""
    rows = record["rows"][TOPOLOGY]
    panels = [bars(f"{workload}, {PAGES[pages]}", rows[workload]["raw"],
                   f"m{at}")
              for at, (workload, pages) in enumerate(by_workload(record))]
    return Picture(
        "Modelled remote misses in a whole run, off : stock : lazy, machine "
        f"{TOPOLOGY}", panels, 4,
        [("of these, by the kernel itself", "boxes " + fill(BLACK))],
        (180, 150), True)


def shares(misses):
    """Misses in each slice as columns over time."""
    both = list(zip(misses["local_misses"], misses["remote_misses"]))
    return {"s": [round((at + 1) * misses["slice_s"], 6)
                  for at in range(len(both))],
            "local": [100 * near / (near + far) if near + far else None
                      for near, far in both]}


def of_model(record):
    """{name: picture}: misses of whole runs, and their share over time."""
    series = {f"model: {workload} {pages} {mode}": shares(misses)
              for (workload, pages), modes in by_workload(record).items()
              for mode, misses in modes.items()}
    return {"model-remote": remote(record), "model-local": local(
        TOPOLOGY, {"model": series},
        "Modelled misses that the thread's own node serves")}


def engine(row):
    """A window as the pictures name it."""
    return f"window {row['window']}" if row["window"] else "stock engine"


def stacked(rows, page, name):
    """Call and first touch without the loop, which is the touch of a run that
    moves nothing: the settings, and the plot command with the sums."""
    rows = [row for row in rows if row["page"] == page]
    loop = next(row["first_touch"] for row in rows if row["method"] == "none")
    rows = [row for row in rows if row["method"] != "none"]
    labels = [f"lazy\n{engine(row)}" if row["method"] == "mbind-lazy"
              else row["method"] for row in rows]
    places = listed((label, at) for at, label in enumerate(labels))
    return [
        block(name, [(at, row["call"], row["first_touch"] - loop)
                     for at, row in enumerate(rows)]),
        f"set xtics ({places}) scale 0", "set boxwidth 0.6",
        f"set xrange [-0.6:{len(rows) - 0.4:g}]", "set yrange [0:*]",
        "set offsets 0,0,graph 0.1,0",
    ], (f"plot ${name} using 1:($2+$3) with boxes {fill(SKY)} notitle, \\\n"
        f"  ${name} using 1:2 with boxes {fill(ORANGE)} notitle, \\\n"
        f"  ${name} using 1:($2+$3):(sprintf('%.0f', $2+$3)) "
        "with labels offset 0,0.7 notitle")


def methods(rows):
    """The cost of a page by each method."""
    panels = []
    for page, kind in PAGES.items():
        settings, plot = stacked(rows, page, f"b{page}")
        panels.append(Panel(f"64 MiB of {kind}", "", PER_PAGE,
                            settings=settings, plot=plot))
    return Picture("Cost of moving a page to another node, by method", panels,
                   2, [("system call", "boxes " + fill(ORANGE)),
                       ("first touch, without the loop",
                        "boxes " + fill(SKY))], (420, 260), True)


def key(drawn):
    """The key of curves."""
    return [(curve.label, "lines " + line(curve.colour, curve.dash))
            for curve in drawn]


def latency(base, thps):
    """The latency of touches that fault."""
    looks = [(GREY, DOTTED), (ORANGE, SOLID), (GREEN, SOLID), (BLUE, SOLID),
             (SKY, SOLID), (PURPLE, SOLID), (BLACK, SOLID)]
    rows = sorted(base, key=lambda row: row["window"]) + thps
    drawn = [Curve(f"{'THPs' if row in thps else engine(row)}: "
                   f"{row['faulting']:,} waits",
                   row["instructions"], PERCENT, *look)
             for row, look in zip(rows, itertools.cycle(looks))]
    ticks = listed(thousands(10**power for power in range(3, 7)).items())
    panel = Panel("", "instructions that a touch waits, at most",
                  "touches that faulted, %", drawn,
                  ["set logscale x", "set yrange [0:101]",
                   "set xrange [1000:*]", "set autoscale xfixmax",
                   f"set xtics ({ticks})"])
    return Picture("How long a touch waits for the pages that its fault moves",
                   [panel], 1, key(drawn), (840, 320))


def by_column(rows, column):
    """A curve for each method: call and touch. By size, of one thread."""
    looks = {"mbind-move": (ORANGE, DASHED), "mbind-lazy": (BLUE, SOLID)}
    found = []
    for name, look in looks.items():
        chosen = [row for row in rows if row["method"] == name
                  and (column == "threads" or row["threads"] == 1)]
        found.append(Curve(
            name, [row[column] for row in chosen],
            [row["call"] + row["first_touch"] for row in chosen], *look,
            POINTS))
    return found


def scale(sizes, threads):
    """Whether the cost of a page depends on memory and threads."""
    panels = []
    for rows, column, label in (
            (sizes, "size_mib", "memory moved, MiB"),
            (threads, "threads", "threads that touch 64 MiB")):
        drawn = by_column(rows, column)
        ticks = listed(thousands(drawn[0].xs).items())
        panels.append(Panel(
            "", label, PER_PAGE, drawn,
            ["set logscale x 2", f"set xtics ({ticks})", "set yrange [0:*]",
             f"set xrange [{drawn[0].xs[0] / 1.3:g}:"
             f"{drawn[0].xs[-1] * 1.3:g}]"]))
    return Picture("Cost of moving a base page (call and first touch), with "
                   "more memory and threads", panels, 2, key(drawn),
                   (400, 240), True)


def of_costs(record):
    """{name: picture}"""
    data = {name: rows for steps in record["series"].values()
            for step in steps.values() for name, rows in step.items()}
    return {"cost-methods": methods(data["methods"]),
            "cost-latency": latency(data["faults"], data["faults-thp"]),
            "cost-scale": scale(data["sizes"], data["threads"])}


RECORDS = {COSTS.path.name: of_costs, AUTO.path.name: of_automatic,
           MODEL.path.name: of_model}


def pictures(name, place=PLACE):
    """{name: picture} of a record; None if there is no such record yet."""
    path = place / name
    try:
        return RECORDS[name](json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError) as error:
        raise Failure(f"{path}: {error!r}") from None
