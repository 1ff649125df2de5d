# SPDX-License-Identifier: GPL-2.0
"""Pictures of what a migration costs: by method, for a single touch, and with
more memory and threads."""

import itertools

from .gnuplot import (BLACK, BLUE, DASHED, DOTTED, GREEN, GREY, ORANGE, POINTS,
                      PURPLE, SKY, SOLID, Curve, Panel, Picture, block, fill,
                      line, listed, thousands)
from .plottime import PAGES

PER_PAGE = "instructions per 4 KiB"


def method(row):
    """As people say it."""
    if row["method"] != "mbind-lazy":
        return row["method"]
    return f"lazy, window {row['window']}" if row["window"] else \
        "lazy, stock engine"


def loop(rows, page):
    """What the touches cost where nothing moves."""
    return next(row["first_touch"] for row in rows
                if (row["method"], row["page"]) == ("none", page))


def bars(rows, page, name):
    """Data: place, call, touch without the loop; and the names of places."""
    chosen = [row for row in rows
              if row["page"] == page and row["method"] != "none"]
    table = [(at, row["call"], row["first_touch"] - loop(rows, page))
             for at, row in enumerate(chosen)]
    return block(name, table), [method(row) for row in chosen]


def stacked(name, colours):
    """The plot command for bars of two parts, and their sum."""
    lower, upper = map(fill, colours)
    return (f"plot ${name} using 1:($2+$3) with boxes {upper} notitle, \\\n"
            f"  ${name} using 1:2 with boxes {lower} notitle, \\\n"
            f"  ${name} using 1:($2+$3):(sprintf('%.0f', $2+$3)) "
            "with labels offset 0,0.7 notitle")


def places(names):
    """The names below the bars."""
    ticks = listed((name, at) for at, name in enumerate(names))
    return [f"set xtics ({ticks}) scale 0", "set boxwidth 0.6",
            f"set xrange [-0.6:{len(names) - 0.4:g}]"]


def methods(costs):
    """What a page costs by each method."""
    panels = []
    for page, kind in PAGES.items():
        data, names = bars(costs["methods"], page, f"b{page}")
        names = [name.replace(", ", "\n") for name in names]
        panels.append(Panel(
            f"64 MiB of {kind}", "", PER_PAGE,
            settings=[data, *places(names), "set yrange [0:*]",
                      "set offsets 0,0,graph 0.1,0"],
            plot=stacked(f"b{page}", (ORANGE, SKY))))
    key = [("system call", "boxes " + fill(ORANGE)),
           ("first touch, without the loop", "boxes " + fill(SKY))]
    return Picture("Cost of moving a page to another node, by method", panels,
                   2, key, (420, 260), True)


def wait(row):
    """Which faults these are."""
    if row["page"] == "thp":
        return "THPs"
    return f"window {row['window']}" if row["window"] else "stock engine"


def latency(costs):
    """How long touches wait."""
    looks = [(GREY, DOTTED), (ORANGE, SOLID), (GREEN, SOLID), (BLUE, SOLID),
             (SKY, SOLID), (PURPLE, SOLID), (BLACK, SOLID)]
    rows = sorted(costs["faults"], key=lambda row: row["window"]) \
        + costs["faults-thp"]
    found = [Curve(f"{wait(row)}: {row['faulting']:,} waits",
                   row["instructions"], costs["percent"], *look)
             for row, look in zip(rows, itertools.cycle(looks))]
    panel = Panel("", "instructions that a touch waits, at most",
                  "touches that faulted, %",
                  found, ["set logscale x", "set yrange [0:101]",
                          "set xrange [1000:*]", "set autoscale xfixmax",
                          "set xtics (" + listed(thousands(
                              10**power for power in range(3, 7)).items())
                          + ")"])
    return Picture("How long a touch waits for the pages that its fault moves",
                   [panel], 1, [(curve.label, "lines " + line(
                       curve.colour, curve.dash)) for curve in found],
                   (840, 320))


def by(rows, column):
    """A curve for each method: call and touches. Of what differs in both, only
    one thread."""
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


def scale(costs):
    """Whether the cost of a page depends on how many there are."""
    panels = []
    for step, column, label in (
            ("sizes", "size_mib", "memory moved, MiB"),
            ("threads", "threads", "threads that touch 64 MiB")):
        drawn = by(costs[step], column)
        ticks = listed(thousands(drawn[0].xs).items())
        panels.append(Panel(
            "", label, PER_PAGE, drawn,
            ["set logscale x 2", f"set xtics ({ticks})", "set yrange [0:*]",
             f"set xrange [{drawn[0].xs[0] / 1.3:g}:"
             f"{drawn[0].xs[-1] * 1.3:g}]"]))
    return Picture("Cost of moving a base page (call and first touch), with "
                   "more memory and threads", panels, 2,
                   [(curve.label, "lines " + line(curve.colour, curve.dash))
                    for curve in drawn], (400, 240), True)
