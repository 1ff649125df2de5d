# SPDX-License-Identifier: GPL-2.0
"""Keep the modelled misses: JSON and a table. Workloads that were not measured
stay as they are recorded."""

import json

from mof.build import REPO

from . import autorecord, autoshow, model

RECORD = REPO / "Documentation" / "bench" / "model.json"
TEXT = RECORD.with_suffix(".rst")
NEAR = 1.01                     # what counts as equal


def load(path=RECORD):
    """What is recorded; nothing if there is no record yet."""
    return autorecord.load(path, ("commands", "runs"), list)


def place(workload):
    """In the order of the table."""
    return model.WORKLOADS.index(workload)


def merge(record, measured):
    """The record with a workload that was measured."""
    names = {run["workload"] for run in measured["runs"]}
    runs = [run for run in record["runs"] if run["workload"] not in names]
    runs = sorted(runs + measured["runs"],
                  key=lambda run: place(run["workload"]))
    commands = {text for text in record["commands"]
                if text.split()[2] not in names} | {measured["command"]}
    return model.machine() | {
        "kernel": measured["kernel"], "model": measured["model"],
        "commands": sorted(commands, key=lambda text: place(text.split()[2])),
        "runs": runs}


def save(record, path=RECORD):
    """A line for each run."""
    head = {key: value for key, value in record.items() if key != "runs"}
    lines = ",\n  ".join(json.dumps(run, separators=(",", ":"))
                         for run in record["runs"])
    text = json.dumps(head, indent=1)
    path.write_text(f'{text[:-2]},\n "runs": [\n  {lines}\n ]\n}}\n')


def verdict(workload, off, stock, lazy):
    """Whether the automatic mode does what it should."""
    if workload in model.AT_REST:
        good = lazy <= NEAR * off
    else:
        good = lazy <= min(off, stock)
    return "ok" if good else "missed"


def rows(record):
    """(workload, remote misses of each mode, verdict)"""
    found = {}
    for run in record["runs"]:
        found.setdefault(run["workload"], {})[run["mode"]] = run
    for workload, modes in found.items():
        sums = [modes[mode]["user_remote_misses"]
                + modes[mode]["kernel_remote_misses"] for mode in model.MODES]
        yield workload, modes, sums, verdict(workload, *sums)


def cell(run):
    """Remote misses in thousands: of programs + of the kernel."""
    return (f"{run['user_remote_misses'] / 1e3:,.1f} + "
            f"{run['kernel_remote_misses'] / 1e3:,.1f}")


def ratio(part, whole):
    """For the table."""
    return f"{part / whole:.3f}" if whole else "-"


def table(record):
    """As reStructuredText."""
    lines = [["workload", *model.MODES, "lazy / off", "lazy / stock", "lowest"]]
    for workload, modes, (off, stock, lazy), good in rows(record):
        lines.append([workload, *(cell(modes[mode]) for mode in model.MODES),
                      ratio(lazy, off), ratio(lazy, stock), good])
    return autoshow.simple_table(lines)


def update(record, path=TEXT):
    """Put the table into the text."""
    before, _, after = autorecord.parts(path.read_text(), path)
    path.write_text(f"{before}\n{table(record)}\n{after}")
