# SPDX-License-Identifier: GPL-2.0
"""Run the steps of a plan in a guest, and collect what they leave."""

import collections
import json
import re
import shutil
import sys

from mof.build import BUILD, LOGS, REPO, Failure, logged, objdir, watch

sys.path.insert(0, str(REPO / "tools" / "vm"))

from mofvm import guest, kprof

VM = REPO / "tools" / "vm" / "mof-vm"
NUMA_BENCH = BUILD / "numa-bench" / "numa-bench"
PLACE = BUILD / "bench"
KERNEL = "guest"
# A copy is a loop of instructions, not one that stands for any number of them
OPTIONS = ("--icount", "--cpu", "max,-erms,-fsrm")

# What copies a page, with all that is called for it alone: of names that the
# kernel gives its ways of copying, those that this CPU takes have counts
COPIES = re.compile(r"folio_copy|folio_mc_copy|copy_(mc_)?highpage"
                    r"|copy_mc_(to_kernel|fragile|enhanced_fast_string)"
                    r"|(__)?memcpy(_orig|_erms)?|copy_page(_regs)?")
# Between the pages of a large folio it may reschedule: once a page
BETWEEN = ("__cond_resched", "rcu_all_qs")
# A page has 64 cache lines
LEAST = 64


class Result:
    """What one step left behind."""

    def __init__(self, output, migrated=0, profile=None):
        self.output = output        # numa-bench's JSON
        self.migrated = migrated    # base pages, with those of the warm-up
        self.profile = profile or collections.Counter()

    def row(self, **wanted):
        """The row of numa-bench that has these values."""
        for row in self.output["results"]:
            if all(row[key] == value for key, value in wanted.items()):
                return row
        raise Failure(f"numa-bench printed no row with {wanted}")

    def copy(self, baseline, large=False):
        """Instructions for copying a page, as against a baseline."""
        if not self.migrated:
            raise Failure("nothing was migrated, so no copy can be measured")
        difference = collections.Counter(self.profile)
        difference.subtract(baseline.profile)
        copy = sum(count for name, count in difference.items()
                   if COPIES.fullmatch(name) or large and name in BETWEEN
                   ) / self.migrated
        if copy < LEAST:
            raise Failure(f"a copy of {copy:.1f} instructions/page is none: "
                          "does this kernel copy with a function of another "
                          "name?")
        return copy


def script(boot):
    """The guest's commands. A mark on each side of a step keeps what is
    between the steps out of their profiles."""
    mark = kprof.mark()
    lines = ["set -e", "cd /tmp"]
    for step in boot.steps:
        name = step.name
        lines += [f"echo {name}", f"cat /proc/vmstat > {name}.before",
                  f"{mark}",
                  f"{NUMA_BENCH} {step.command(f'{name}.json')} > {name}.txt",
                  f"{mark}", f"cat /proc/vmstat > {name}.after",
                  f"cp {name}.* \"$MOF_SHARE/\""]
    return "\n".join(lines)


def migrated(path):
    """pgmigrate_success in a copy of /proc/vmstat."""
    match = re.search(r"^pgmigrate_success (\d+)$", path.read_text(), re.M)
    return int(match[1])


def collect(boot, place):
    """{step: Result} from the files in place."""
    sections = []
    if boot.profile:
        sections = kprof.load(place / "profile",
                              objdir(KERNEL) / "System.map")
    results = {}
    for number, step in enumerate(boot.steps):
        output = json.loads((place / f"{step.name}.json").read_text())
        pages = migrated(place / f"{step.name}.after") \
            - migrated(place / f"{step.name}.before")
        results[step.name] = Result(
            output, pages, sections[2 * number + 1] if sections else None)
    return results


def run(boot):
    """Boot, run all steps; returns {step: Result}."""
    place = PLACE / boot.name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"bench-{boot.name}.log"
    command = [VM, "--profile", KERNEL, *OPTIONS, *boot.machine,
               "--timeout", boot.timeout, "--share", place,
               "--log", LOGS / f"bench-{boot.name}-console.log"]
    if boot.profile:
        command += ["--kprof", place / "profile"]
    try:
        command += ["--", "sh", "-c", script(boot)]
        status = watch(f"guest {boot.name}", command, log)
        if status:
            raise Failure(f"guest {boot.name}: status {status}; end of {log}:\n"
                          + "\n".join(log.read_text(errors="replace")
                                      .splitlines()[-10:]))
        return collect(boot, place)
    except (guest.CannotStart, kprof.ProfileError) as error:
        raise Failure(str(error)) from None


def build():
    """Compile numa-bench."""
    logged("numa-bench", "numa-bench.log",
           ["make", "-C", REPO / "tools/numa-bench",
            f"O={NUMA_BENCH.parent}"])
