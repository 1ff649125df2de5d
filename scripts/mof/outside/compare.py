# SPDX-License-Identifier: GPL-2.0
"""Compare the results of programs on several kernels."""

import re
from dataclasses import dataclass

from mof import tap

BEGIN, END = "##begin", "##end"
TIMEOUT, NOT_RUN = "time-out", "no end"
STATUS = {0: tap.PASS, 4: tap.SKIP, 124: TIMEOUT, 137: TIMEOUT}
# Some programs print "Collapse one page... OK" instead of TAP
PLAIN = re.compile(r"([^\r\n]+?)\.{3,} *(?:\x1b\[\d+m)?"
                   r"(OK|Fail|Skip|done|failed|skipped)\b")
SAID = {"OK": tap.PASS, "done": tap.PASS, "Skip": tap.SKIP,
        "skipped": tap.SKIP}
# Addresses, process IDs and times differ between runs
VARYING = re.compile(r"0x[0-9a-f]+|\b\d{4,}\b|\b\d+\.\d+\b")


@dataclass(frozen=True)
class Explained:
    """An expected difference, with the reason."""
    program: str
    test: str                            # pattern of the whole name
    verdict: str                         # on the patched kernel
    reason: str


@dataclass(frozen=True)
class Difference:
    """A test with a verdict that it never had on the unpatched kernel."""
    program: str
    test: str
    stock: tuple                         # verdicts there
    verdict: str                         # None: no result

    def __str__(self):
        return (f"{self.test}: {self.verdict or 'missing'}; unpatched: "
                + (", ".join(self.stock) or "missing"))


def numbered(names):
    """Make names unique: the second "x" is "x #2"."""
    seen = {}
    for name in names:
        name = VARYING.sub("N", name)
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name} #{seen[name]}"


def verdicts(output, status):
    """{test: verdict} of one program, with its exit status as a test."""
    results = tap.parse(output) or [
        tap.Result(name.strip(), SAID.get(said, tap.FAIL))
        for name, said in PLAIN.findall(output)]
    found = dict(zip(numbered(result.name for result in results),
                     (result.verdict for result in results)))
    found["exit status"] = NOT_RUN if status is None else \
        STATUS.get(status, tap.FAIL)
    return found


def programs(text):
    """{program: {test: verdict}} of a guest's output."""
    found = {}
    for part in re.split(rf"^{BEGIN} ", text, flags=re.M)[1:]:
        name, _, output = part.partition("\n")
        end = re.search(rf"^{END} {re.escape(name)} (\d+)$", output, re.M)
        found[name] = verdicts(output[:end.start()] if end else output,
                               int(end[1]) if end else None)
    return found


def missing(names):
    """The results of programs that were not started."""
    return {name: {"exit status": NOT_RUN} for name in names}


def differences(program, stock, patched):
    """Tests of a program with a verdict of no run on the unpatched kernel.

    stock: {test: verdict} of each run there; patched: {test: verdict} of a run
    """
    found = []
    for test in sorted(set(patched).union(*stock)):
        before = [run.get(test) for run in stock]
        if patched.get(test) not in before:
            found.append(Difference(
                program, test, tuple(sorted(set(filter(None, before)))),
                patched.get(test)))
    return found


def unexplained(found, explained):
    """The differences without an explanation."""
    return [one for one in found
            if not any(e.program == one.program and e.verdict == one.verdict
                       and re.fullmatch(e.test, one.test)
                       for e in explained)]


def tells_nothing(runs):
    """The reason to skip a program: it passes nothing on any kernel."""
    said = {verdict for run in runs for verdict in run.values()}
    if tap.PASS in said:
        return None
    return "on the unpatched kernel: " + ", ".join(sorted(said))
