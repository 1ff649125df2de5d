# SPDX-License-Identifier: GPL-2.0
"""Pictures of modelled cache misses: how many go to another node, in a whole
run and over time."""

from mof.build import Failure

from . import plottime
from .autoplan import MODES
from .gnuplot import BLACK, Panel, Picture, block, fill, listed
from .plottime import LOOKS, PAGES

MILLION = 1e6


def runs(model):
    """{(workload, page): {mode: run}}"""
    found = {}
    for run in model["runs"]:
        modes = found.setdefault((run["workload"], run["page"]), {})
        if run["mode"] not in MODES or run["mode"] in modes:
            raise Failure(f"model: {run['workload']} {run['page']}: mode "
                          f"{run['mode']} is unknown, or there twice")
        modes[run["mode"]] = run
    return found


def bars(modes, name):
    """Data and the plot command: a bar for each mode, what the kernel misses
    at its foot."""
    order = [mode for mode in LOOKS if mode in modes]
    table = [(at, modes[mode]["kernel_remote_misses"] / MILLION,
              total(modes[mode]) / MILLION)
             for at, mode in enumerate(order)]
    parts = [f"${name} every ::{at}::{at} using 1:3 with boxes "
             f"{fill(LOOKS[mode][0])} notitle"
             for at, mode in enumerate(order)]
    parts += [f"${name} using 1:2 with boxes {fill(BLACK)} notitle",
              f"${name} using 1:3:(sprintf('%.3g', $3)) with labels offset "
              "0,0.7 font ',11' notitle"]
    ticks = listed((mode, at) for at, mode in enumerate(order))
    return block(name, table), ticks, "plot " + ", \\\n  ".join(parts)


def total(run):
    """Remote misses of a run."""
    return run["user_remote_misses"] + run["kernel_remote_misses"]


def ratios(modes):
    """off : stock : lazy, where there is something to compare with."""
    if set(modes) != set(MODES) or not total(modes["off"]):
        return []
    parts = (total(modes[mode]) / total(modes["off"]) for mode in MODES)
    return [(" : ".join(f"{part:.2g}" for part in parts), BLACK)]


def top(modes):
    """Of the axis: room for the labels."""
    return 1.2 * max(map(total, modes.values())) / MILLION or 1


def panel(title, modes, name):
    """The misses of one workload, on a scale of its own."""
    data, ticks, plot = bars(modes, name)
    return Panel(title, "", "million misses", plot=plot, settings=[
        data, f"set xtics ({ticks}) scale 0", "set boxwidth 0.6",
        "set xrange [-0.6:2.6]", f"set yrange [0:{top(modes):g}]"],
        notes=ratios(modes))


def remote(model):
    """The headline."""
    panels = [panel(f"{workload}, {PAGES[page]}", modes, f"m{at}")
              for at, ((workload, page), modes)
              in enumerate(runs(model).items())]
    return Picture(
        "Modelled remote misses in a whole run, off : stock : lazy, machine "
        f"{model['topology']}", panels, 4,
        [("of these, by the kernel itself", "boxes " + fill(BLACK))],
        (180, 150), True)


def columns(run):
    """As a series of the automatic mode."""
    ends = [round((at + 1) * run["slice_s"], 6)
            for at in range(len(run["local_misses"]))]
    both = zip(run["local_misses"], run["remote_misses"])
    return {"s": ends, "local": [100 * near / (near + far) if near + far
                                 else None for near, far in both]}


def local(model):
    """The share of all misses that the own node serves, over time."""
    series = {f"model: {workload} {page} {mode}": columns(run)
              for (workload, page), modes in runs(model).items()
              for mode, run in modes.items()}
    return plottime.local(model["topology"], {"model": series},
                          "Modelled misses that the thread's own node serves")
