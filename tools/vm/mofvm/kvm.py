# SPDX-License-Identifier: GPL-2.0
"""Whether KVM works: only a guest that has started proves it."""

import contextlib
import json
import os
from pathlib import Path

from . import guest
from .topology import named

CACHE = guest.BUILD / "vm" / "kvm.json"
PROBE_SECONDS = 20


def host():
    """Identifies this boot of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def works(kernel):
    """Whether a guest with this kernel starts under KVM. The answer is cached
    until the host reboots."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with contextlib.suppress(OSError, ValueError, KeyError):
        answer = json.loads(CACHE.read_text())
        if answer["host"] == host():
            return answer["works"]
    answer = {"host": host(), "works": probe(kernel)}
    temporary = CACHE.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(answer))
    temporary.rename(CACHE)
    return answer["works"]


def probe(kernel):
    """Boot a small guest under KVM, quietly."""
    options = guest.Options(topology=named("1x2"), kernel=kernel,
                            command=["true"], accel="kvm", cwd="/",
                            timeout=PROBE_SECONDS,
                            log=guest.BUILD / "log" / "vm" / "kvm-probe.log")
    with open(os.devnull, "w", encoding="ascii") as null, \
            contextlib.redirect_stderr(null):
        return guest.run(options) == 0
