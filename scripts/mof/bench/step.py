# SPDX-License-Identifier: GPL-2.0
"""A step of a benchmark: boot its guest, run its commands, read the results.

The guest counts instructions. Its output files stay in build/bench/ and are
used again while the kernel, numa-bench and the step are unchanged.
"""

import collections
import hashlib
import json
import re
import shutil
from dataclasses import dataclass

from mof.build import (BUILD, LOGS, VM, Failure, build_numa_bench, ending,
                       logged, objdir, watch)

NUMA_BENCH = BUILD / "numa-bench" / "numa-bench"
# "mof-vm --plugins" compiles these
MARK = BUILD / "plugins" / "kprof-mark"
MODEL = BUILD / "plugins" / "numa-model.so"
PLACE = BUILD / "bench"
KERNEL = "guest"
# With these features off, the kernel copies with a loop, so that a copy counts
# as all of its instructions
OPTIONS = ("--icount", "--cpu", "max,-erms,-fsrm")

# Functions that copy a page, and those that only they call; the CPU selects
# some of them
COPIES = re.compile(r"folio_copy|folio_mc_copy|copy_(mc_)?highpage"
                    r"|copy_mc_(to_kernel|fragile|enhanced_fast_string)"
                    r"|(__)?memcpy(_orig|_erms)?|copy_page(_regs)?")
# folio_mc_copy() offers to reschedule after each page of a large folio
RESCHEDULE = ("__cond_resched", "rcu_all_qs")
CACHE_LINES = 64                # of a page: a copy takes at least as many


@dataclass
class Step:
    """A guest: its script, which writes files to $MOF_SHARE, and its
    machine."""
    bench: str                  # the benchmark that it is a step of
    where: str                  # the machine, by its name in the record
    name: str
    script: str
    machine: tuple              # options of mof-vm
    commands: tuple = ()        # what the script runs, for the record
    sections: tuple = ()        # of the profile, by name; none: no profile
    model: str = ""             # options of the cache model; none: no model
    timeout: int = 7200         # seconds

    @property
    def title(self):
        """The name of its guest and its logs."""
        return f"{self.bench}-{self.where}-{self.name}"

    @property
    def place(self):
        """The directory of its files."""
        return PLACE / self.bench / self.where / self.name

    def identity(self):
        """A hash of everything that determines the result."""
        found = hashlib.sha256((self.script + self.model).encode())
        for path in (objdir(KERNEL) / "System.map",
                     objdir(KERNEL) / "arch/x86/boot/bzImage", NUMA_BENCH,
                     *([MODEL] if self.model else [])):
            found.update(path.read_bytes())
        return found.hexdigest()

    def command(self):
        """The command that boots the guest."""
        command = [VM, "--profile", KERNEL, *OPTIONS, *self.machine,
                   "--timeout", self.timeout, "--share", self.place,
                   "--log", LOGS / f"bench-{self.title}-console.log"]
        if self.sections:
            command += ["--kprof", self.place / "profile",
                        "--functions", self.place / "functions"]
        if self.model:
            command += ["--numa-model", self.place / "model",
                        "--numa-model-options", self.model]
        return [*command, "--", "sh", "-c", self.script]

    def run(self, again=False):
        """Boot, unless there is a result already; returns a Result."""
        done = self.place / "done"
        identity = self.identity()
        if not again and done.exists() and done.read_text() == identity:
            return Result(self)
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        LOGS.mkdir(parents=True, exist_ok=True)
        log = LOGS / f"bench-{self.title}.log"
        status = watch(f"guest {self.title}", self.command(), log)
        if status:
            raise Failure(f"guest {self.title}: status {status}; end of {log}:"
                          "\n" + ending(log))
        done.write_text(identity)
        return Result(self)


class Result:
    """The files of a step."""

    def __init__(self, step, place=None):
        self.step = step
        self.place = place or step.place

    def beside(self, where, name):
        """The result of another step of the same benchmark."""
        return Result(None, self.place.parents[1] / where / name)

    def text(self, name):
        """The content of a file."""
        try:
            return (self.place / name).read_text(errors="replace")
        except OSError as error:
            raise Failure(str(error)) from None

    def json(self, name):
        """The JSON that numa-bench has written to NAME.json."""
        return json.loads(self.text(f"{name}.json"))

    def outputs(self):
        """{name: JSON} of all runs of numa-bench."""
        return {path.stem: self.json(path.stem)
                for path in sorted(self.place.glob("*.json"))}

    def row(self, name, **wanted):
        """The one row of numa-bench that has these values."""
        rows = [row for row in self.json(name)["results"] if row["samples"]
                and all(row[key] == value for key, value in wanted.items())]
        if len(rows) != 1:
            raise Failure(f"{name}: {len(rows)} rows with {wanted}, not one")
        return rows[0]

    def profile(self, name):
        """{function: instructions} of a section. The script leaves a mark on
        both sides of each, so every other section has a name."""
        sections = json.loads(self.text("functions"))[1::2]
        return dict(zip(self.step.sections, sections))[name]

    def migrated(self, name):
        """Base pages migrated by a run, including its warm-up."""
        before, after = (
            re.search(r"^pgmigrate_success (\d+)$",
                      self.text(f"{name}.{when}"), re.M)
            for when in ("before", "after"))
        return int(after[1]) - int(before[1])

    def copy(self, name, baseline, large=False):
        """Instructions that a run needs to copy a page: those of the copying
        functions, less those of a run that moves nothing."""
        pages = self.migrated(name)
        if not pages:
            raise Failure("nothing was migrated, so there is no copy")
        difference = collections.Counter(self.profile(name))
        difference.subtract(self.profile(baseline))
        copy = sum(count for function, count in difference.items()
                   if COPIES.fullmatch(function)
                   or large and function in RESCHEDULE) / pages
        if copy < CACHE_LINES:
            raise Failure(f"{copy:.1f} instructions/page are no copy: does "
                          "this kernel copy with another function?")
        return copy


def build():
    """Compile numa-bench and the plugins of QEMU."""
    if not (objdir(KERNEL) / "System.map").exists():
        raise Failure("no kernel: run 'make kernel' first")
    build_numa_bench()
    logged("plugins", "plugins.log", [VM, "--plugins"])
