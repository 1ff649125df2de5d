# SPDX-License-Identifier: GPL-2.0
"""Remote misses of a modelled machine, while the workloads of "numa-bench
auto" run in each mode."""

import json
import re
import subprocess

from mof import rst
from mof.build import Failure

from .auto import MODES, step
from .record import PLACE, Bench, Row, reached

TOPOLOGY = "2x2"
SECONDS = 8
SLICE = 100_000_000             # instructions: 0.1 s
PERIODS = {"phase": 4}          # seconds; 2 for the others: handover waits
WORKLOADS = ("handover", "split", "interleave", "shared", "phase", "steady",
             "bound", "churn", "numa01", "numa02")
# All memory is local from the start, so nothing can be gained
AT_REST = ("steady", "bound")
MISSES = 2                      # column of misses in the shared cache
USER, KERNEL, CYCLES = "programs", "kernel", "cycles"


def workload_step(workload):
    """The guest of a workload."""
    words = (f"{workload} -s 64M -S {SECONDS} --period "
             f"{PERIODS.get(workload, 2)} --interval 1000 "
             f"--modes {','.join(MODES)}")
    return step("model", TOPOLOGY, workload, f"auto {workload} {words}\n",
                commands=[f"numa-bench auto {words}"], model=f"slice={SLICE}")


def sections(result):
    """{mode: section} of the plugin's counts, with the workload and the
    pages."""
    found = {}
    for section in json.loads(result.text("model"))["sections"]:
        workload, page, mode = section["label"].split()
        found[mode] = section | {"run": f"{workload} {page} {mode}"}
    if list(found) != list(MODES):
        raise Failure(f"the plugin has counted in modes {list(found)} only")
    return found


def misses(part, where, *sides):
    """Misses of a slice that went to local or remote memory."""
    return sum(cpu[side][where][MISSES] for cpu in part["cpus"]
               for side in sides)


def total(raw, mode):
    """Remote misses of programs and kernel."""
    return raw[f"{mode}, {USER}"] + raw[f"{mode}, {KERNEL}"]


def lowest(at_rest):
    """Remote misses of mode lazy by those of the better of the other modes,
    or at rest, by those of off."""
    def measure(result):
        raw = {}
        for mode, section in sections(result).items():
            parts = section["slices"]
            raw[f"{mode}, {USER}"] = sum(misses(part, "remote", "user")
                                         for part in parts)
            raw[f"{mode}, {KERNEL}"] = sum(misses(part, "remote", "kernel")
                                           for part in parts)
            raw[f"{mode}, {CYCLES}"] = sum(part["cycles"] for part in parts)
        others = [total(raw, mode)
                  for mode in (["off"] if at_rest else ["off", "stock"])]
        return total(raw, "lazy") / min(others), raw
    return measure


def series(result):
    """{workload, pages, mode: misses in each slice}."""
    return {section["run"]: {
        "slice_s": SLICE / 1e9,
        **{f"{where}_misses": [misses(part, where, "user", "kernel")
                               for part in section["slices"]]
           for where in ("local", "remote")}}
        for section in sections(result).values()}


def table(record):
    """The rows, with the misses of each mode in thousands."""
    lines = [["workload", *MODES, "lazy / off", "lazy / stock", "lowest"]]
    for workload, row in record["rows"][TOPOLOGY].items():
        raw = row["raw"]
        lazy, off, stock = (total(raw, mode)
                            for mode in ("lazy", "off", "stock"))
        lines.append([workload, *(
            f"{raw[f'{mode}, {USER}'] / 1e3:,.1f} + "
            f"{raw[f'{mode}, {KERNEL}'] / 1e3:,.1f}" for mode in MODES),
            f"{lazy / off:.3f}", f"{lazy / stock:.3f}",
            "ok" if reached(row["value"], row["target"]) else "missed"])
    return rst.table(lines)


class Model(Bench):
    """The record has the model as well."""

    def merge(self, record, result, values):
        super().merge(record, result, values)
        version = subprocess.run(["qemu-system-x86_64", "--version"],
                                 check=True, capture_output=True,
                                 text=True).stdout
        record["machine"] |= {
            "qemu": re.search(r"version (\d+\.\d+)", version)[1],
            "model": json.loads(result.text("model"))["model"]}


MODEL = Model(
    PLACE / "model.json", [workload_step(name) for name in WORKLOADS],
    [Row(name, name, "<= 1.01" if name in AT_REST else "<= 1",
         lowest(name in AT_REST)) for name in WORKLOADS], series, table)
