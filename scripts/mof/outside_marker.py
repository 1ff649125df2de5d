#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""outside_marker.py lazy|eager: move memory between nodes until killed, beside
the programs under test. lazy marks it and touches it from one CPU after
another; eager, for the unpatched kernel without MPOL_MF_LAZY, moves it in the
call."""

import ctypes
import mmap
import os
import sys
import time

MBIND = 237                              # of x86-64
MPOL_LOCAL, MPOL_MF_MOVE, MPOL_MF_LAZY = 4, 2, 8
BYTES = 4 << 20
PAUSE = 0.05                             # seconds


def run(how):
    """Mark or move, change CPU, touch; repeat."""
    flags = {"lazy": MPOL_MF_MOVE | MPOL_MF_LAZY, "eager": MPOL_MF_MOVE}[how]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    memory = mmap.mmap(-1, BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    cpus = sorted(os.sched_getaffinity(0))
    for turn in range(sys.maxsize):
        if libc.syscall(MBIND, ctypes.c_void_p(address), ctypes.c_ulong(BYTES),
                        MPOL_LOCAL, None, ctypes.c_ulong(0), flags):
            return f"marker: {os.strerror(ctypes.get_errno())}"
        os.sched_setaffinity(0, {cpus[turn % len(cpus)]})
        for place in range(0, BYTES, mmap.PAGESIZE):
            memory[place] = turn % 256
        time.sleep(PAUSE)
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1]))
