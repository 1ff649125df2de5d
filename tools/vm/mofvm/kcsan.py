# SPDX-License-Identifier: GPL-2.0
"""Data races that KCSAN reports, and whether they are ours.

A report has the accessing function and the stack of each side. It is ours if a
function of mm/mof/ or kernel/sched/mof.c is in one of the stacks, above any
interrupt frame: a stock function that we call may race because of us. Stock
functions known to be harmless are in TOLERATED. Inlined functions appear under
their caller's name, which for ours starts with mof_ as well. Names of ours have
"mof_" at the start of a word, and no stock function has.
"""

import collections
import re
from dataclasses import dataclass, field

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
