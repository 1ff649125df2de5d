# SPDX-License-Identifier: GPL-2.0
"""In the guest: faults that the kernel injects at random, into the tasks that
have asked for them by /proc/self/make-it-fail, and their children.

Most faults hit allocations that may fail at any time, as they do not reclaim:
programs notice nothing. Those of slabs may hit all others, too: then system
calls fail with ENOMEM.
"""

from pathlib import Path

DEBUG = Path("/sys/kernel/debug")
# Functions of ours that may fail by name, with what they return
STEPS = {"mof_copy_folio": "0xffffffffffffff7b",          # -EHWPOISON
         "mof_direct_alloc": "0", "mof_isolate": "0", "mof_node_is_full": "1",
         "mof_extent_put": "0", "mof_mm_get": "0"}
# The kernel counts down from here: what is missing has been injected
TIMES = 1 << 30
COMMON = {"task-filter": "Y", "verbose": 0, "space": 0, "interval": 1}
KINDS = {
    "fail_page_alloc": {"min-order": 0, "ignore-gfp-highmem": "N",
                        "ignore-gfp-wait": "Y"},
    "failslab": {"cache-filter": "N"},
    "fail_function": {},
}
# Of a hundred, at most: more, and programs do nothing but fail
MOST = {"fail_page_alloc": 30, "failslab": 30, "fail_function": 10}
# One of so many is hit, where programs notice
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
        """Set what stays as it is, if this kernel can inject faults at all."""
        if not self.able:
            return
        for name, retval in STEPS.items():
            put(self.root / "fail_function" / "inject", name)
            put(self.root / "fail_function" / name / "retval", retval)
        for kind, files in KINDS.items():
            for file, value in (COMMON | files).items():
                put(self.root / kind / file, value)

    def start(self, noticed):
        """Inject faults of all kinds, of some probability; with noticed, also
        such that make system calls fail."""
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
        """Inject no more; add up what was injected."""
        if not self.on:
            return
        for kind in KINDS:
            put(self.root / kind / "probability", 0)
            left = int((self.root / kind / "times").read_text(), 0)
            self.counts[kind] += TIMES - left
        self.on = False

    def finish(self):
        """As it was before."""
        self.stop()
        for name in STEPS if self.able else ():
            put(self.root / "fail_function" / "inject", f"!{name}")


def mark_task():
    """In a child that is to run a program: let faults hit it."""
    path = Path("/proc/self/make-it-fail")
    if path.exists():
        path.write_text("1\n")
