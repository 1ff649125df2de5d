# SPDX-License-Identifier: GPL-2.0
"""In the guest: run the phases of a part, and write the results to
$MOF_SHARE/result.json after each of them.

Run as: python3 -m mof.soak.guest PHASES, where PHASES is JSON: a list of
objects like plan.Phase.
"""

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import inject, leaks

BALANCING = Path("/proc/sys/kernel/numa_balancing")
COUNTED = ("mof_marked", "mof_faults", "mof_migrated", "mof_migrated_thp",
           "mof_failed_nomem", "mof_failed_shared", "mof_failed_pinned",
           "mof_failed_busy", "mof_failed_raced", "mof_samples", "mof_armed",
           "pswpout")
# Last lines of the programs
SAID = {
    "operations": re.compile(r"^# \d+ s: (\d+) operations"),
    "bytes_verified": re.compile(r"^# .* operations, (\d+) bytes verified"),
    "programs": re.compile(r"^# (\d+) programs in \d+ s"),
    "pages_compared": re.compile(r"^# .* programs .*, (\d+) pages compared"),
}
READY = re.compile(r"^# seeds? \d")
# Share of the time without faults, at the end, when programs clean up
QUIET = 0.15


def said(lines):
    """The last number of each kind that a program has printed."""
    found = {}
    for line in lines:
        for name, pattern in SAID.items():
            match = pattern.match(line)
            if match:
                found[name] = int(match[1])
    return found


def child():
    """Between fork and exec."""
    leaks.enter_group()
    inject.mark_task()


class Phase:
    """One program, with balancing and fault injection around it."""

    def __init__(self, plan, injector):
        self.plan = plan
        self.injector = injector
        self.lines = []
        self.ready = threading.Event()
        self.process = None

    def read(self):
        """Print and collect the program's output."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            print(line, end="", flush=True)
            if READY.match(line):
                self.ready.set()
        self.ready.set()

    def inject(self):
        """Inject faults at times while the program runs."""
        end = time.monotonic() + self.plan["seconds"] * (1 - QUIET)
        noticed = self.plan["program"] == "mof_stress"
        on = True
        while time.monotonic() < end and self.process.poll() is None:
            if on:
                self.injector.start(noticed)
            else:
                self.injector.stop()
            on = not on
            time.sleep(self.injector.random.uniform(1, 5))
        self.injector.stop()

    def run(self):
        """Run the program; returns its results."""
        before = leaks.vmstat()
        self.process = subprocess.Popen(
            self.plan["command"], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
            preexec_fn=child)
        reader = threading.Thread(target=self.read)
        reader.start()
        self.ready.wait()
        # The program has set it to 0
        BALANCING.write_text(str(self.plan["balancing"]))
        if self.plan["inject"]:
            self.inject()
        reader.join()
        status = self.process.wait()
        BALANCING.write_text("0")
        after = leaks.vmstat()
        return {"plan": self.plan, "status": status,
                "failed": [line for line in self.lines
                           if line.startswith(("not ok", "Bail out!"))],
                "said": said(self.lines),
                "counted": {name: after[name] - before[name]
                            for name in COUNTED}}


def save(result):
    """Write the results so far."""
    path = Path(os.environ["MOF_SHARE"]) / "result.json"
    path.write_text(json.dumps(result))


def run(phases):
    """Run all phases; status 1 if one has failed, or memory has leaked."""
    injector = inject.Injector(random.Random(phases[0]["seed"]))
    injector.prepare()
    leaks.make_group()
    result = {"phases": [], "leaks": {}, "injected": injector.counts}
    before = None
    for plan in phases:
        print(f"== {plan}", flush=True)
        result["phases"].append(Phase(plan, injector).run())
        # The first phase, a short one, makes all permanent allocations
        before = before or taken()
        save(result)
    injector.finish()
    result["leaks"] = leaks.found(before)
    result["complete"] = True
    save(result)
    return int(bool(result["leaks"])
               or any(phase["status"] for phase in result["phases"]))


def taken():
    """Pages in use after reclaim of everything reclaimable."""
    leaks.give_back()
    time.sleep(2)
    leaks.give_back()
    return leaks.in_use()


if __name__ == "__main__":
    sys.exit(run(json.loads(sys.argv[1])))
