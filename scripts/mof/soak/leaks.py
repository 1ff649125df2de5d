# SPDX-License-Identifier: GPL-2.0
"""In the guest: pages in use, and whether there are more than before."""

import re
import time
from pathlib import Path

GROUP = Path("/sys/fs/cgroup/soak")
# Pages that may be in use without a leak: caches of other processes, and data
# of a debugging kernel for each allocation and stack trace
SLACK = {"unknown": 4096, "slab": 16384, "anon": 512, "lru_anon": 512,
         "isolated": 0, "charged": 512}
# Lines of /proc/meminfo with the uses of pages
USES = ("MemFree", "Buffers", "Cached", "SwapCached", "AnonPages", "Slab",
        "KernelStack", "PageTables", "SecPageTables", "Percpu", "VmallocUsed")
LOOKS = 20                              # tenths of a second


def vmstat(text=None):
    """{name: value} of /proc/vmstat."""
    text = text or Path("/proc/vmstat").read_text()
    return {name: int(value) for name, value in
            (line.split() for line in text.splitlines())}


def make_group():
    """A memory cgroup for the programs."""
    (GROUP.parent / "cgroup.subtree_control").write_text("+memory")
    GROUP.mkdir(exist_ok=True)


def enter_group():
    """In a child: enter the cgroup."""
    (GROUP / "cgroup.procs").write_text("0")


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


def found(before):
    """Pages in use beyond the slack; repeat, since some are freed late."""
    for _ in range(LOOKS):
        give_back()
        leaks = more(before, in_use())
        if not leaks:
            break
        time.sleep(0.5)
    return leaks
