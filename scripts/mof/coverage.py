# SPDX-License-Identifier: GPL-2.0
"""Line coverage of mm/mof/ and kernel/sched/mof.c: guests with the kernel of
profile gcov, their counters, and the sum."""

import json
import re
import shutil
import subprocess
from collections import Counter, defaultdict

from mof import selftest
from mof import tap
from mof.build import BUILD, LOGS, REPO, VM, Failure, ending, objdir, watch

PROFILE = "gcov"
PLACE = BUILD / "coverage"
SECONDS = 3000


def window(pages):
    """Another default of the window, in pages."""
    return ("--append", f"sysctl.vm.mof_window_pages={pages}")


# {name: (options of mof-vm, kselftests)}; no kselftests: all of them
BOOTS = {
    "kunit": (("--append", "kunit.enable=1 kunit.filter_glob=mof* "
               "numa_balancing=lazy"), ("mof_flags",)),
    "all": (("--topology", "uneven"), ()),
    "window0": (window(0), selftest.WINDOWED),
    "window1": (window(1), selftest.WINDOWED),
    "hotplug": (("--append", "movablecore=1G"), ("mof_hotplug",)),
}


def sources():
    """Our source files, as the kernel's tree names them."""
    return ["kernel/sched/mof.c",
            *sorted(str(path.relative_to(REPO))
                    for path in (REPO / "mm/mof").glob("*.c"))]


def script(programs):
    """The guest's commands. The files of gcov have no size, so tar does not
    copy them."""
    counters = f"/sys/kernel/debug/gcov{objdir(PROFILE)}"
    lines = [selftest.script(programs), f"cd {counters} || exit 1"]
    for source in sources():
        file = re.sub(r"\.c$", ".gcda", source)
        lines.append(f"mkdir -p \"$MOF_SHARE/$(dirname {file})\" && "
                     f"cat {file} > \"$MOF_SHARE/{file}\" || exit 1")
    return "\n".join(lines)


def run(boot):
    """Boot, save counters in build/coverage/NAME; returns failed tests."""
    options, only = BOOTS[boot]
    place = PLACE / boot
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"coverage-{boot}.log"
    programs = [name for name in selftest.build()
                if not only or name in only]
    command = [VM, "--profile", PROFILE, *options, "--timeout", SECONDS,
               "--share", place,
               "--log", LOGS / f"coverage-{boot}-console.log",
               "--", "sh", "-c", script(programs)]
    status = watch(f"guest {boot}", command, log)
    if status:
        raise Failure(f"guest {boot}: status {status}; see {log}:\n"
                      + ending(log))
    return [result.name
            for result in tap.parse(log.read_text(errors="replace"))
            if result.verdict == tap.FAIL]


def gcov(counters, notes):
    """gcov's JSON of an object. gcov needs the notes beside the counters, and
    takes missing ones for zeroes."""
    shutil.copy(notes, counters.with_suffix(".gcno"))
    done = subprocess.run(["gcov", "--json-format", "--stdout", counters],
                          capture_output=True, text=True, check=False)
    if done.stderr:
        raise Failure(f"gcov {counters}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def lines_of(report, source):
    """{line: count} of a source file. gcov has a line for each function that
    it was inlined into."""
    found = Counter()
    for file in report["files"]:
        if file["file"].endswith("/" + source):
            for line in file["lines"]:
                found[line["line_number"]] += line["count"]
    return found


def collect(boot):
    """{source: {line: count}} of a guest."""
    found = {}
    for source in sources():
        stem = source[:-len(".c")]
        report = gcov(PLACE / boot / f"{stem}.gcda",
                      objdir(PROFILE) / f"{stem}.gcno")
        found[source] = lines_of(report, source)
        if not found[source]:
            raise Failure(f"gcov knows no line of {source}")
    return found


def merged(guests):
    """The sum over guests."""
    total = defaultdict(Counter)
    for guest in guests:
        for source, lines in guest.items():
            # Unlike +, update() keeps zeroes
            total[source].update(lines)
    return dict(total)


def rows(total):
    """(file, lines, lines that ran, percent) of each file, and the total."""
    table = [(source, len(lines), sum(count > 0 for count in lines.values()))
             for source, lines in sorted(total.items())]
    _, lines, ran = zip(*table)
    table.append(("total", sum(lines), sum(ran)))
    return [(*row, 100 * row[2] / row[1]) for row in table]


def never(total):
    """(source, line) of the lines that never ran."""
    return [(source, line) for source, lines in sorted(total.items())
            for line, count in sorted(lines.items()) if not count]


def function_at(lines, number):
    """The function of a line: the last name at the left margin before it that
    is followed by a parenthesis."""
    for line in reversed(lines[:number]):
        match = re.match(r"[a-z_].*?\b(\w+)\(", line)
        if match:
            return match[1]
    raise Failure(f"line {number} is in no function")


def by_function(missed):
    """(source, function, number of lines) of the lines that never ran."""
    texts = {source: (REPO / source).read_text().splitlines()
             for source, _ in missed}
    found = Counter((source, function_at(texts[source], line))
                    for source, line in missed)
    return [(*place, str(lines)) for place, lines in found.items()]
