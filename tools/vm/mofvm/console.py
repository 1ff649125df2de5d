# SPDX-License-Identifier: GPL-2.0
"""Judge a kernel log: a panic, warnings, or neither."""

import json
import re

from . import kcsan

PANIC = re.compile(r"Kernel panic - not syncing")

# Reports of a bug in the kernel
WARNINGS = re.compile("|".join((
    r"WARNING: ",
    r"\bBUG: ",
    r"kernel BUG at ",
    r"\bOops: ",
    r"general protection fault",
    r"Unable to handle kernel",
    r"\bK(A|C|M)SAN: ",
    r"UBSAN: ",
    r"INFO: possible recursive locking",
    r"INFO: possible circular locking",
    r"possible irq lock inversion",
    r"inconsistent lock state",
    r"INFO: trying to register non-static key",
    r"INFO: suspicious RCU usage",
    r"DEBUG_LOCKS_WARN_ON",
    r"BUG: sleeping function",
    r"INFO: task .* blocked for more than",
    r"rcu: INFO: .* (stall|detected)",
    r"Bad (page|rss-counter|swap)",
    r"list_(add|del) corruption",
    r"refcount_t: ",
    r"scheduling while atomic",
    r"unreferenced object 0x",
    r"kmemleak: [1-9]\d* new suspected memory leak",
    r"Call Trace:",
)))

# An OOM kill prints a call trace as well, and is no bug
OOM_KILLER = re.compile(r" invoked oom-killer: ")
TRACE = re.compile(r"Call Trace:")

CONTEXT = 25


def judged(lines, allowed):
    """The lines, with allowed warnings and their call traces, and call traces
    of the OOM killer, replaced by empty lines."""
    called = False
    for line in lines:
        ours = bool(allowed and allowed.search(line))
        called |= bool(OOM_KILLER.search(line)) or ours and "WARNING: " in line
        if ours or called and TRACE.search(line):
            called &= ours
            yield ""
        else:
            yield line


class Verdict:
    """Panic and warnings of a log; excerpt shows the first one. Data races
    of the stock kernel are in stock and are no warnings."""

    def __init__(self, text, allowed=None):
        self.panic = False
        self.warnings = []
        self.excerpt = []
        lines = text.replace("\r", "").splitlines()
        self.stock = [race for race in kcsan.races(lines) if not race.ours]
        passed = {race.first for race in self.stock}
        for number, line in enumerate(judged(lines, allowed)):
            if number in passed:
                continue
            if PANIC.search(line):
                self.panic = True
            elif WARNINGS.search(line):
                self.warnings.append(line)
            else:
                continue
            if not self.excerpt:
                self.excerpt = lines[max(0, number - 2):number + CONTEXT]

    def json(self):
        """The verdict for other programs; races by pair of functions."""
        return json.dumps({"panic": self.panic, "warnings": self.warnings,
                           "races": dict(kcsan.by_pair(self.stock))})
