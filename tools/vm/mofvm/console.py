# SPDX-License-Identifier: GPL-2.0
"""Judge a kernel log: a panic, warnings, or neither.

A report of KCSAN has the accessing function and the stack of each side. A data
race is ours if a function of mm/mof/ or kernel/sched/mof.c is in one of the
stacks, above any interrupt frame: a stock function that we call may race
because of us. Stock functions known to be harmless are in TOLERATED. Inlined
functions appear under their caller's name, which for ours starts with mof_ as
well. Names of ours have "mof_" at the start of a word, and no stock function
has.
"""

import collections
import json
import re
from dataclasses import dataclass, field

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
    r"vmstat_refresh: nr_isolated",
    r"kmemleak: [1-9]\d* new suspected memory leak",
    r"Call Trace:",
)))

# An OOM kill prints a call trace as well, and is no bug
OOM_KILLER = re.compile(r" invoked oom-killer: ")
TRACE = re.compile(r"Call Trace:")

CONTEXT = 25

OURS = re.compile(r"(?:^|_)mof_")
# Stock functions that access without a lock on purpose, with any caller
TOLERATED = {
    "ktime_get_seconds": "reads one word; its comment says that 64-bit "
                         "machines need no lock",
    "folio_flags": "asserts that a folio is no tail page, by a word that it "
                   "shares with the LRU list",
    "const_folio_flags": "the same",
    "try_to_migrate_one": "reads mm_cpumask() to decide whether to batch the "
                          "TLB flush; other CPUs update it",
    "smp_call_function_many_cond": "reads mm_cpumask() as well, for a range "
                                   "flush",
}
TITLE = re.compile(r"\bBUG: KCSAN: (?:data-race|assert: race) in (.+)")
FRAME = re.compile(r"(?:^|[\] ])([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")
# The head of a stack, and the last frame of an interrupt
STACK = re.compile(r"\b(?:read|write) (?:\(\w+\) )?to 0x"
                   r"|\brace at unknown origin")
INTERRUPT = re.compile(r"^asm_(?:sysvec_|common_interrupt)")
END = re.compile(r"={60,}$")
# Suffixes of the compiler's variants of a function
VARIANT = re.compile(r"\.(?:isra|constprop|part|cold)\b.*")
# Longest report: two stacks of some tens of functions
LONGEST = 300


@dataclass
class Race:
    """A report: the functions of its title and of its stacks."""
    title: str
    first: int                           # line of the log
    last: int = None                     # None: the log ends within it
    frames: set = field(default_factory=set)
    interrupted: bool = False            # below an interrupt: another context

    def add(self, line):
        """Take a line of the report, which may be a frame."""
        if STACK.search(line):
            self.interrupted = False
        for name in map(plain, FRAME.findall(line)):
            if not self.interrupted:
                self.frames.add(name)
            self.interrupted |= bool(INTERRUPT.search(name))

    @property
    def ours(self):
        """Whether it is ours; an incomplete report counts as ours."""
        access = self.title.split(" / ")
        if self.last is None or any(map(OURS.search, access)):
            return True
        return not TOLERATED.keys() & set(access) \
            and any(map(OURS.search, self.frames))

    @property
    def pair(self):
        """The two functions, sorted."""
        return " / ".join(sorted(self.title.split(" / ")))


def plain(name):
    """The name as in the source."""
    return VARIANT.sub("", name)


def functions(title):
    """Names in a title: of one function with its offset, or of two."""
    return [plain(part.split("+")[0].strip()) for part in title.split(" / ")]


def races(lines):
    """All reports in a log."""
    found = []
    race = None
    for number, line in enumerate(lines):
        title = TITLE.search(line)
        if title:
            names = functions(title[1])
            race = Race(" / ".join(names), number, frames=set(names))
            found.append(race)
        elif race and number - race.first > LONGEST:
            race = None
        elif race and END.search(line):
            race.last = number
            race = None
        elif race:
            race.add(line)
    return found


def by_pair(all_races):
    """[(pair, reports)], most frequent first."""
    return collections.Counter(race.pair for race in all_races).most_common()


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
        self.stock = [race for race in races(lines) if not race.ours]
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
                           "races": dict(by_pair(self.stock))})
