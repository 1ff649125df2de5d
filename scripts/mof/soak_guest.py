# SPDX-License-Identifier: GPL-2.0
"""In the guest: run the phases of a part, and write the results to
$MOF_SHARE/result.json after each of them.

Run as: python3 -m mof.soak_guest PHASES, where PHASES is JSON: a list of what
mof.soak.phase() returns.

While a program runs, the kernel injects faults at random into tasks that have
set /proc/self/make-it-fail, and their children. Most faults hit allocations
that may fail at any time, since they do not reclaim: programs do not notice.
Faults of slabs may hit all other allocations as well: then system calls fail
with ENOMEM.

At the end, there must not be more pages in use than after the first phase.
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
DEBUG = Path("/sys/kernel/debug")
# Functions of ours that can be made to fail, and their return values
STEPS = {"mof_copy_folio": "0xffffffffffffff7b",          # -EHWPOISON
         "mof_direct_alloc": "0", "mof_isolate": "0", "mof_node_is_full": "1",
         "mof_extent_put": "0", "mof_mm_get": "0"}
# The kernel counts down from here, by one for each fault
TIMES = 1 << 30
COMMON = {"task-filter": "Y", "verbose": 0, "space": 0, "interval": 1}
KINDS = {
    "fail_page_alloc": {"min-order": 0, "ignore-gfp-highmem": "N",
                        "ignore-gfp-wait": "Y"},
    "failslab": {"cache-filter": "N"},
    "fail_function": {},
}
# Percent, at most: with more, programs make no progress
MOST = {"fail_page_alloc": 30, "failslab": 30, "fail_function": 10}
# Interval of faults that programs notice
RARE = 40
GROUP = Path("/sys/fs/cgroup/soak")
# Pages that may be in use without a leak: caches of other processes, and data
# of a debugging kernel for each allocation and stack trace
SLACK = {"unknown": 4096, "slab": 16384, "anon": 512, "lru_anon": 512,
         "isolated": 0, "charged": 512}
# Lines of /proc/meminfo with the uses of pages
USES = ("MemFree", "Buffers", "Cached", "SwapCached", "AnonPages", "Slab",
        "KernelStack", "PageTables", "SecPageTables", "Percpu", "VmallocUsed")
LOOKS = 20                              # half a second apart


def put(path, value):
    """Write a file in debugfs."""
    path.write_text(f"{value}\n")


class Injector:
    """Switches all kinds of faults on and off, and counts them."""

    def __init__(self, random, root=DEBUG):
        self.random = random
        self.root = root
        self.counts = dict.fromkeys(KINDS, 0)
        self.on = False
        self.able = (root / "failslab").exists()

    def prepare(self):
        """Set the constant files, if this kernel can inject faults."""
        if not self.able:
            return
        for name, retval in STEPS.items():
            put(self.root / "fail_function" / "inject", name)
            put(self.root / "fail_function" / name / "retval", retval)
        for kind, files in KINDS.items():
            for file, value in (COMMON | files).items():
                put(self.root / kind / file, value)

    def start(self, noticed):
        """Inject faults of all kinds, with random probabilities; with noticed,
        also faults that make system calls fail."""
        if not self.able:
            return
        noticed = noticed and self.random.random() < 0.5
        put(self.root / "failslab" / "ignore-gfp-wait",
            "N" if noticed else "Y")
        put(self.root / "failslab" / "interval", RARE if noticed else 1)
        for kind in KINDS:
            put(self.root / kind / "times", TIMES)
            put(self.root / kind / "probability",
                self.random.randint(1, MOST[kind]))
        self.on = True

    def stop(self):
        """Inject no more; count the injected faults."""
        if not self.on:
            return
        for kind in KINDS:
            put(self.root / kind / "probability", 0)
            left = int((self.root / kind / "times").read_text(), 0)
            self.counts[kind] += TIMES - left
        self.on = False

    def finish(self):
        """Remove our functions from those that can fail."""
        self.stop()
        for name in STEPS if self.able else ():
            put(self.root / "fail_function" / "inject", f"!{name}")


def vmstat():
    """{name: value} of /proc/vmstat."""
    return {name: int(value) for name, value in
            (line.split() for line in
             Path("/proc/vmstat").read_text().splitlines())}


def give_back():
    """Drop caches, and reclaim the pages of the cgroup."""
    Path("/proc/sys/vm/drop_caches").write_text("3")
    charged = int((GROUP / "memory.current").read_text())
    if charged:
        try:
            (GROUP / "memory.reclaim").write_text(str(charged))
        except OSError:
            pass                        # it has reclaimed less


def unknown():
    """Pages that are neither free, nor on the free lists of CPUs, nor used for
    anything that is counted."""
    text = Path("/proc/meminfo").read_text()
    kib = {name: int(value) for name, value
           in re.findall(r"^(\w+): +(\d+)", text, re.M)}
    left = kib["MemTotal"] - sum(kib.get(name, 0) for name in USES)
    per_cpu = re.findall(r"^ +count: +(\d+)$",
                      Path("/proc/zoneinfo").read_text(), re.M)
    return (left >> 2) - sum(map(int, per_cpu)) - vmstat().get("nr_zspages", 0)


def in_use():
    """Pages of each kind that are in use."""
    stat = vmstat()
    return {"unknown": unknown(),
            "slab": stat["nr_slab_reclaimable"]
            + stat["nr_slab_unreclaimable"],
            "anon": stat["nr_anon_pages"],
            "lru_anon": stat["nr_zone_active_anon"]
            + stat["nr_zone_inactive_anon"],
            "isolated": stat["nr_isolated_anon"] + stat["nr_isolated_file"],
            "charged": int((GROUP / "memory.current").read_text()) >> 12}


def more(before, now):
    """{kind: pages} in use beyond the slack."""
    return {kind: now[kind] - before[kind] for kind in now
            if now[kind] - before[kind] > SLACK[kind]}


def leaks(before):
    """Pages in use beyond the slack; repeat, since some are freed late."""
    for _ in range(LOOKS):
        give_back()
        found = more(before, in_use())
        if not found:
            break
        time.sleep(0.5)
    return found


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
    """Between fork and exec: enter the cgroup, allow faults."""
    (GROUP / "cgroup.procs").write_text("0")
    path = Path("/proc/self/make-it-fail")
    if path.exists():
        path.write_text("1\n")


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
        before = vmstat()
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
        after = vmstat()
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
    injector = Injector(random.Random(phases[0]["seed"]))
    injector.prepare()
    (GROUP.parent / "cgroup.subtree_control").write_text("+memory")
    GROUP.mkdir(exist_ok=True)
    result = {"phases": [], "leaks": {}, "injected": injector.counts}
    before = None
    for plan in phases:
        print(f"== {plan}", flush=True)
        result["phases"].append(Phase(plan, injector).run())
        # The first phase, a short one, makes all permanent allocations
        if before is None:
            give_back()
            time.sleep(2)
            give_back()
            before = in_use()
        save(result)
    injector.finish()
    result["leaks"] = leaks(before)
    result["complete"] = True
    save(result)
    return int(bool(result["leaks"])
               or any(phase["status"] for phase in result["phases"]))


if __name__ == "__main__":
    sys.exit(run(json.loads(sys.argv[1])))
