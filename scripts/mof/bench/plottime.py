# SPDX-License-Identifier: GPL-2.0
"""Pictures over time, from the series of the automatic mode: a panel for each
workload, a curve for each mode."""

import collections

from .autoplan import MODES
from .gnuplot import (BLUE, DASHED, DOTTED, GREY, ORANGE, SOLID, Curve, Panel,
                      Picture, line, thousands)

LOOKS = {"off": (GREY, DOTTED), "stock": (ORANGE, DASHED),
         "lazy": (BLUE, SOLID)}
KEY = [(f"numa_balancing={MODES[mode]} ({mode})",
        "lines " + line(*look)) for mode, look in LOOKS.items()]
PAGES = {"4k": "base pages", "thp": "THPs"}
# What cannot be told from the workload's name
KINDS = {"slow": "swap each 5 s", "fast": "swap each 1 s"}
# Seconds: what happens each second could not be seen in 30 s
FIRST = {"fast": 8}
# There is nothing to see: no sample, no fault
LEFT_OUT = ("bound", "bound-cpuset", "bound-node")


def runs(series):
    """{(file, workload, pages): {mode: columns}}, over all steps of a
    topology. Where a mode has a file of its own, the others belong to it."""
    found = {}
    for step in series.values():
        for name, columns in step.items():
            file, run = name.split(": ")
            workload, pages, mode = run.split(" ")
            if workload in LEFT_OUT:
                continue
            place = ("" if file in MODES else file, workload, pages)
            found.setdefault(place, {})[mode] = columns
    return found


def end(modes):
    """The range of the time axis."""
    return max(columns["s"][-1] for columns in modes.values())


def names(found):
    """{place: title}; what is there twice is told apart by its length."""
    titles = {place: f"{place[1]}, {KINDS.get(place[0], PAGES[place[2]])}"
              for place in found}
    often = collections.Counter(titles.values())
    return {place: title + f", {end(found[place]):.0f} s" * (often[title] > 1)
            for place, title in titles.items()}


def picture(title, series, panel):
    """A panel(file, title, modes) for each workload, in the order of their
    names."""
    found = runs(series)
    titles = names(found)
    places = sorted(found, key=lambda place: (place[1:], place[0]))
    return Picture(title, [panel(place[0], titles[place], found[place])
                           for place in places], 3, KEY)


def in_order(modes):
    """The mode that matters comes last."""
    return [(mode, modes[mode]) for mode in LOOKS if mode in modes]


def drawn(modes, column):
    """A curve for each mode."""
    return [Curve(mode, columns["s"], columns[column], *LOOKS[mode])
            for mode, columns in in_order(modes)]


def local(topology, series,
          what="Accesses to memory of the thread's own node"):
    """Where memory is."""
    def panel(file, title, modes):
        last = FIRST.get(file, end(modes))
        return Panel(title, "time, s", "local, %", drawn(modes, "local"),
                     [f"set xrange [0:{last:g}]", "set yrange [0:104]"],
                     ticks=thousands(range(0, 101, 25)))
    return picture(f"{what}, machine {topology}", series, panel)


def faults(topology, series):
    """What learning costs. Nothing is not on this axis, and with the balancer
    off there is nothing."""
    def panel(_, title, modes):
        seen = {mode: columns | {"faults": [count or None
                                            for count in columns["faults"]]}
                for mode, columns in modes.items()}
        return Panel(title, "time, s", "hinting faults",
                     drawn(seen, "faults"),
                     [f"set xrange [0:{end(modes):g}]", "set logscale y",
                      "set yrange [1:1e6]"],
                     [(f"{mode} {columns['faults'][-1]:,}", LOOKS[mode][0])
                      for mode, columns in in_order(modes) if mode != "off"],
                     thousands((1, 100, 10**4, 10**6)))
    found = picture(f"Hinting faults since the start, machine {topology}",
                    series, panel)
    found.key = [(label, look) for label, look in KEY if "off" not in label]
    return found
