# SPDX-License-Identifier: GPL-2.0
"""In the guest: faults that the kernel injects at random into tasks that have
set /proc/self/make-it-fail, and their children.

Most faults hit allocations that may fail at any time, since they do not
reclaim: programs do not notice. Faults of slabs may hit all other allocations
as well: then system calls fail with ENOMEM.
"""

from pathlib import Path

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


def mark_task():
    """In a child, before it runs a program: allow faults."""
    path = Path("/proc/self/make-it-fail")
    if path.exists():
        path.write_text("1\n")
