# SPDX-License-Identifier: GPL-2.0
"""Run the guests of the automatic mode. What they leave is kept in build/, and
used again as long as kernel, numa-bench and script are the same."""

import hashlib
import json
import shutil

from mof.build import LOGS, Failure, objdir, watch

from . import autoplan, boot
from .boot import guest, kprof

from mofvm import numamodel

TIMEOUT = 7200


class Result:
    """The files of one step."""

    def __init__(self, step, topology):
        self.step = step
        self.topology = topology
        self.place = boot.PLACE / step.family / topology / step.name

    def text(self, name):
        """A file."""
        try:
            return (self.place / name).read_text(errors="replace")
        except OSError as error:
            raise Failure(str(error)) from None

    def json(self, name):
        """What numa-bench has written."""
        return json.loads(self.text(f"{name}.json"))

    def outputs(self):
        """{name: JSON of numa-bench}"""
        return {path.stem: self.json(path.stem)
                for path in sorted(self.place.glob("*.json"))}

    def run(self, name, mode, workload=None, kind="4k"):
        """The row of numa-bench for a mode."""
        for row in self.json(name)["results"]:
            if (row["mode"], row["page_size"]) == (mode, kind) and \
                    workload in (None, row["workload"]) and row["samples"]:
                return row
        raise Failure(f"{name}: no run of {workload or 'it'} in mode {mode}")

    def profiles(self):
        """Instructions by function, for each section."""
        return kprof.load(self.place / "profile",
                          objdir(boot.KERNEL) / "System.map")

    def most(self, name):
        """The largest number of a file that has one in each line."""
        return max(map(int, self.text(name).split()))


def script(step):
    """What the guest runs."""
    return autoplan.preamble(boot.NUMA_BENCH, kprof.mark()) + step.script


def identity(step):
    """Of all that decides what is measured."""
    found = hashlib.sha256(script(step).encode())
    paths = [objdir(boot.KERNEL) / "System.map",
             objdir(boot.KERNEL) / "arch/x86/boot/bzImage",
             boot.NUMA_BENCH]
    if step.model:
        found.update(step.model.encode())
        paths.append(numamodel.library())
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()


def kept(result, wanted):
    """Whether a step has been run before, as it is now."""
    done = result.place / "done"
    return done.exists() and done.read_text() == wanted


def run(step, topology, again=False):
    """Boot, unless that has been done; returns a Result."""
    result = Result(step, topology)
    wanted = identity(step)
    if kept(result, wanted) and not again:
        return result
    shutil.rmtree(result.place, ignore_errors=True)
    result.place.mkdir(parents=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    name = f"{step.family}-{topology}-{step.name}"
    log = LOGS / f"bench-{name}.log"
    command = [boot.VM, "--profile", boot.KERNEL, *boot.OPTIONS,
               *step.machine(topology), "--timeout", TIMEOUT,
               "--share", result.place,
               "--log", LOGS / f"bench-{name}-console.log"]
    if step.profile:
        command += ["--kprof", result.place / "profile"]
    if step.model:
        command += ["--numa-model", result.place / "model",
                    "--numa-model-options", step.model]
    try:
        status = watch(f"guest {name}",
                       [*command, "--", "sh", "-c", script(step)], log)
    except guest.CannotStart as error:
        raise Failure(str(error)) from None
    if status:
        raise Failure(f"guest {name}: status {status}; end of {log}:\n"
                      + "\n".join(log.read_text(errors="replace")
                                  .splitlines()[-10:]))
    (result.place / "done").write_text(wanted)
    return result
