# SPDX-License-Identifier: GPL-2.0
"""Data races that KCSAN reports: which of them are ours?

A report names the function that accesses on each side, and has the stack of
both. It is ours if a function of mm/mof/ or kernel/sched/mof.c is in one of them,
but for what an interrupt has interrupted: what we call races because of us, until
somebody has looked, and has put it into TOLERATED. What the compiler has inlined
has the name of the function that it is in, which for a function of ours is one of
ours again. All of them have "mof_" at the start of a word; nothing of the stock
kernel has.
"""

import collections
import re
from dataclasses import dataclass, field

OURS = re.compile(r"(?:^|_)mof_")
# Stock functions that access without a lock on purpose, whoever calls them
TOLERATED = {
    "ktime_get_seconds": "reads one word; its comment says that it needs no "
                         "lock on machines of 64 bits",
    "folio_flags": "asserts that a folio is no tail page: its list is in the "
                   "same word",
    "const_folio_flags": "the same",
    "try_to_migrate_one": "asks mm_cpumask() whether to flush TLBs of other "
                          "CPUs at once, and these come and go",
    "smp_call_function_many_cond": "looks at mm_cpumask(), too, for whoever "
                                   "flushes a range",
}
TITLE = re.compile(r"\bBUG: KCSAN: (?:data-race|assert: race) in (.+)")
FRAME = re.compile(r"(?:^|[\] ])([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")
# The head of a stack, and where the frames of an interrupt end
STACK = re.compile(r"\b(?:read|write) (?:\(\w+\) )?to 0x|\brace at unknown origin")
INTERRUPT = re.compile(r"^asm_(?:sysvec_|common_interrupt)")
END = re.compile(r"={60,}$")
# What the compiler adds to the names of its variants of a function
VARIANT = re.compile(r"\.(?:isra|constprop|part|cold)\b.*")
# Longest report: two stacks of some tens of functions
LONGEST = 300


@dataclass
class Race:
    """A report: its title's functions, and all that are in its stacks."""
    title: str
    first: int                           # line of the log
    last: int = None                     # None: the log ends before it does
    frames: set = field(default_factory=set)
    interrupted: bool = False            # these lines are of somebody else

    def add(self, line):
        """A line of the report: perhaps a frame."""
        if STACK.search(line):
            self.interrupted = False
        for name in map(plain, FRAME.findall(line)):
            if not self.interrupted:
                self.frames.add(name)
            self.interrupted |= bool(INTERRUPT.search(name))

    @property
    def ours(self):
        """Whether we are to look at it. If it is not complete, we are."""
        access = self.title.split(" / ")
        if self.last is None or any(map(OURS.search, access)):
            return True
        return not TOLERATED.keys() & set(access) \
            and any(map(OURS.search, self.frames))

    @property
    def pair(self):
        """The two functions, the same whoever came first."""
        return " / ".join(sorted(self.title.split(" / ")))


def plain(name):
    """The name as in the source."""
    return VARIANT.sub("", name)


def functions(title):
    """Names in a title: of one function with its offset, or of two."""
    return [plain(part.split("+")[0].strip()) for part in title.split(" / ")]


def races(lines):
    """All reports in a log. One that the log's end cuts short has no end."""
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
    """[(pair, how often)], the most frequent one first."""
    return collections.Counter(race.pair for race in all_races).most_common()
