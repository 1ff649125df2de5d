# SPDX-License-Identifier: GPL-2.0
"""TAP: parse the output of kselftest, KUnit and our tools, and write it."""

import re
from dataclasses import dataclass

RESULT = re.compile(r"^( *)(not ok|ok)\b *(\d*) *(?:- )?(.*?)"
                    r"(?: *# *(SKIP|TODO|XFAIL)\b:?(.*)| *#.*)?$", re.I)
VERSION = re.compile(r"^( *)K?TAP version \d+")
PLACE = re.compile(r"\.[ch]:\d+|: Test (terminated|exited) ")
PLAN = re.compile(r"^( *)1\.\.(\d+)\b(.*)")
SUBTEST = re.compile(r"^( *)# Subtest: (.*)")
BAIL = re.compile(r"^ *Bail out! *(.*)")
TIMESTAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")

PASS, FAIL, SKIP = "passed", "failed", "skipped"


@dataclass
class Result:
    """One test: its name, PASS, FAIL or SKIP, and why."""
    name: str
    verdict: str
    reason: str = ""


class Parser:
    """Collects the leaf results of (K)TAP, nested to any depth, and of several
    outputs one after another. A parent counts only if it failed and none of
    its children did; fewer results than planned are a failure."""

    def __init__(self):
        self.results = []
        self.subtests = {}    # indentation: name of the subtest in progress
        self.children = {}    # indentation: results since the last parent
        self.plans = {}       # indentation: (planned, index of first result)
        self.seen = {}        # indentation: number of results at this level
        self.comment = ""

    def line(self, text):
        """Take one line."""
        if BAIL.match(text):
            self.add("bail out", FAIL, BAIL.match(text)[1])
        elif SUBTEST.match(text):
            indent, name = SUBTEST.match(text).groups()
            self.subtests[len(indent)] = name.strip()
        elif VERSION.match(text):
            self.close(len(VERSION.match(text)[1]))
        elif PLAN.match(text):
            self.plan(*PLAN.match(text).groups())
        elif RESULT.match(text):
            self.result(*RESULT.match(text).groups())
        elif text.lstrip().startswith("# "):
            # Best is the place of a failed assertion, or the fatal signal
            if not PLACE.search(self.comment):
                self.comment = text.strip()[2:].strip()

    def plan(self, indent, count, more):
        """A plan opens a level, or comes at its end."""
        depth = len(indent)
        if depth not in self.plans and self.seen.get(depth):
            self.plans[depth] = int(count)
            self.close(depth)
            return
        self.close(depth)
        self.plans[depth] = int(count)
        self.seen[depth] = 0
        if count == "0" and not depth:
            self.add("everything", SKIP,
                     more.replace("#", "").replace("SKIP", "").strip())

    def result(self, indent, verdict, _number, name, directive, reason):
        """A result, of a leaf or of a parent."""
        depth = len(indent)
        for level in [level for level in self.plans if level > depth]:
            self.close(level)
        self.seen[depth] = self.seen.get(depth, 0) + 1
        below = self.children.pop(depth, [])
        self.subtests = {level: text for level, text in self.subtests.items()
                         if level <= depth}
        skip = (directive or "").upper() == "SKIP"
        verdict = SKIP if skip else PASS if verdict.lower() == "ok" else FAIL
        if below and (verdict != FAIL or
                      any(child.verdict == FAIL for child in below)):
            return
        path = [text for level, text in sorted(self.subtests.items())
                if text != name or level < depth]
        self.add(".".join([*path, name or "test"]), verdict,
                 (reason or "").strip() or
                 (self.comment if verdict == FAIL else ""), depth)
        self.comment = ""

    def add(self, name, verdict, reason="", depth=0):
        """Add a result, also as a child of the levels above."""
        result = Result(name, verdict, reason)
        self.results.append(result)
        for level in range(0, depth):
            self.children.setdefault(level, []).append(result)

    def close(self, depth):
        """End a level; fails if results are missing."""
        planned = self.plans.pop(depth, None)
        seen = self.seen.pop(depth, 0)
        if planned is not None and seen < planned:
            self.add(self.subtests.get(depth, "plan"), FAIL,
                     f"{seen} results of {planned}", depth)

    def finish(self):
        """End all levels; returns the results."""
        for depth in sorted(self.plans, reverse=True):
            self.close(depth)
        return self.results


def parse(text):
    """Leaf results in the output of tests, or in a kernel log."""
    parser = Parser()
    for line in text.replace("\r", "").splitlines():
        parser.line(TIMESTAMP.sub("", line))
    return parser.finish()


class Writer:
    """Writes TAP; the plan comes last, when the number of tests is known."""

    def __init__(self):
        self.count = self.failed = 0
        print("TAP version 13", flush=True)

    def test(self, name, problems="", skip=None):
        """One test; problems (text, printed as comments before it, as kernel
        tests do) make it fail."""
        self.count += 1
        self.failed += bool(problems)
        for line in problems.splitlines():
            print(f"# {line}")
        print(("not ok" if problems else "ok"), self.count, name
              + (f" # SKIP {skip}" if skip else ""))

    def done(self):
        """Write the plan; returns the exit status."""
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed or not self.count else 0
