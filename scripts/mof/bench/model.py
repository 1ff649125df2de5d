# SPDX-License-Identifier: GPL-2.0
"""Remote misses of a modelled machine, while the workloads of "numa-bench auto"
run in each mode: what is run, and what the plugin's counts say."""

from mof.build import Failure

from . import autorun, boot
from .autoplan import MODES, Step

from mofvm import numamodel

TOPOLOGY = "2x2"
SECONDS = 8
SLICE = 100_000_000             # instructions: 0.1 s
PERIODS = {"phase": 4}          # seconds; else 2, that handover waits
WORKLOADS = ("handover", "split", "interleave", "shared", "phase", "steady",
             "bound", "churn", "numa01", "numa02")
# Where all is in place, so that nothing is to be gained
AT_REST = ("steady", "bound")
MISSES = 2                      # column of shared misses


def arguments(workload):
    """Of "numa-bench auto"."""
    return (f"{workload} -s 64M -S {SECONDS} --period "
            f"{PERIODS.get(workload, 2)} --interval 1000 "
            f"--modes {','.join(MODES)}")


def step(workload):
    """The guest of a workload."""
    return Step(workload, f"auto {workload} {arguments(workload)}\n",
                model=f"slice={SLICE}", family="model",
                topologies=(TOPOLOGY,))


def remote(part, side):
    """Of a slice: misses of all CPUs that went to another node."""
    return sum(cpu[side]["remote"][MISSES] for cpu in part["cpus"])


def local(part):
    """Likewise, to their own; of both sides."""
    return sum(cpu[side]["local"][MISSES] for cpu in part["cpus"]
               for side in ("user", "kernel"))


def run_of(section):
    """A run of a workload, as recorded."""
    workload, page, mode = section["label"].split()
    parts = section["slices"]
    user = [remote(part, "user") for part in parts]
    kernel = [remote(part, "kernel") for part in parts]
    return {"workload": workload, "page": page, "mode": mode,
            "slice_s": SLICE / 1e9,
            "local_misses": [local(part) for part in parts],
            "remote_misses": [sum(both) for both in zip(user, kernel)],
            "user_remote_misses": sum(user),
            "kernel_remote_misses": sum(kernel),
            "cycles": sum(part["cycles"] for part in parts)}


def measure(workload, again=False):
    """Boot, unless that has been done; returns the record of a workload."""
    result = autorun.run(step(workload), TOPOLOGY, again)
    try:
        found = numamodel.load(result.place / "model")
    except boot.guest.CannotStart as error:
        raise Failure(str(error)) from None
    runs = [run_of(section) for section in found["sections"]]
    if [run["mode"] for run in runs] != list(MODES):
        raise Failure(f"{workload}: the plugin has not seen all modes")
    return {"model": found["model"],
            "kernel": result.json(workload)["kernel"]["release"],
            "command": f"numa-bench auto {arguments(workload)}",
            "runs": runs}


def machine():
    """What all workloads have in common."""
    return {"topology": TOPOLOGY, "options": " ".join(boot.OPTIONS),
            "qemu": ".".join(map(str, numamodel.qemu_version()))}
