# SPDX-License-Identifier: GPL-2.0
"""Third-party programs: their table, how they are compiled, and a comparison
of their results on several kernels."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mof import debian, tap
from mof.build import BUILD, LOGS, PRISTINE, Failure, logged, objdir

PLACE = BUILD / "outside"
TREE = PLACE / "linux"
SELFTESTS = Path("tools/testing/selftests")
OURS = ("mm", "cgroup")                  # copied, since compiled in place
NUMACTL = PLACE / "numactl"
# Sources of libnuma for tests that use its internals
INSIDE = {"node-parse": ["util.c"], "prefered": ["util.c"],
          "tbitmap": ["util.c"]}
# The tests expect these programs in the parent directory
INSTALLED = ("numactl", "numademo", "memhog", "migratepages", "migspeed")

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
class Program:
    """A row of the table."""
    name: str
    command: str                         # {mm}: see places()
    short: bool = False                  # seconds: part of "make test-all"


def mm(words, short=False, below=""):
    """A program of tools/testing/selftests/mm; below: a wrapper command."""
    return Program(f"mm: {words}", f"{below} {{mm}}/{words}", short)


def numactl(words, short=True):
    """A program or script of numactl's own tests."""
    return Program(f"numactl: {words}", f"{{numactl}}/test/{words}", short)


def stress(words, short=True, below=""):
    """A verifying stressor of stress-ng; below: a wrapper command."""
    return Program(f"stress-ng: {words}",
                   f"{below} stress-ng {words} --verify --timeout 4 -q", short)


PROGRAMS = (
    mm("cow"),
    mm("compaction_test"),
    mm("droppable"),
    mm("gup_longterm", short=True),
    mm("gup_test -u -m 8", short=True),
    mm("gup_test -a -m 8 -w", short=True),
    mm("gup_test -b -m 8 -w -S"),
    mm("gup_test -L -m 8 -T", short=True),
    mm("hmm-tests"),
    mm("khugepaged all:anon"),
    mm("khugepaged madvise:anon", short=True),
    mm("khugepaged all:shmem"),
    mm("ksm_functional_tests"),
    mm("ksm_tests -M -p 10", short=True),
    mm("ksm_tests -U", short=True),
    mm("ksm_tests -Z -p 10 -z 0"),
    mm("ksm_tests -Z -p 10 -z 1"),
    mm("ksm_tests -N -m 1", short=True),
    mm("ksm_tests -N -m 0", short=True),
    mm("madv_populate", short=True),
    mm("map_fixed_noreplace", short=True),
    mm("map_populate", short=True),
    mm("mdwe_test", short=True),
    mm("memfd_secret", short=True),
    mm("migration"),
    mm("mkdirty", short=True),
    mm("mlock-random-test", short=True),
    mm("mlock2-tests", short=True),
    mm("mrelease_test", short=True),
    mm("mremap_dontunmap", short=True),
    mm("mremap_test"),
    mm("mseal_test", short=True),
    mm("on-fault-limit", short=True),
    mm("pagemap_ioctl"),
    mm("soft-dirty"),
    # Address randomisation places its heap in the way one time in 130
    mm("split_huge_page_test", below="setarch -R"),
    mm("thuge-gen"),
    mm("transhuge-stress -d 10"),
    mm("uffd-stress anon 20 8"),
    mm("uffd-stress shmem 20 8"),
    mm("uffd-unit-tests"),
    Program("cgroup: test_memcontrol", "{cgroup}/test_memcontrol"),
    numactl("bind_range", short=False),
    numactl("checkaffinity", short=False),
    numactl("checktopology", short=False),
    numactl("distance"),
    numactl("mbind_mig_pages"),
    numactl("migrate_pages"),
    numactl("move_pages"),
    numactl("nodemap"),
    numactl("numademo", short=False),
    numactl("pagesize"),
    numactl("realloc_test"),
    numactl("regress", short=False),
    numactl("tbitmap"),
    numactl("tshared"),
    stress("--numa 2"),
    stress("--vm 2 --vm-bytes 32M"),
    stress("--mremap 2 --mremap-bytes 8M"),
    stress("--fork 2"),
    stress("--userfaultfd 2 --userfaultfd-bytes 4M"),
    # With this capability, it poisons pages, and is killed on access
    stress("--madvise 2", below="setpriv --bounding-set=-sys_admin"),
    stress("--migrate 2", short=False),
    stress("--mlock 2", short=False),
    stress("--pagemove 2", short=False),
    stress("--mmapfork 1", short=False),
    stress("--vm-rw 1 --vm-rw-bytes 16M", short=False),
    stress("--remap 1", short=False),
)


def link_all(source, target, but=()):
    """Make links in target to the entries of source."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        link = target / entry.name
        if entry.name not in but and not link.is_symlink():
            link.symlink_to(entry)


def tree():
    """Make links to the unpatched tree, with copies of OURS to compile in."""
    path = Path()
    for part in SELFTESTS.parts:
        link_all(PRISTINE / path, TREE / path, but=(part,))
        path /= part
    link_all(PRISTINE / path, TREE / path, but=OURS)
    for name in OURS:
        shutil.copytree(PRISTINE / path / name, TREE / path / name,
                        dirs_exist_ok=True)


def kernel_selftests():
    """Compile those of mm and cgroup; one of mm lacks KSFT_SKIP."""
    tree()
    logged("headers", "outside-headers.log",
           ["make", "-C", PRISTINE, f"O={objdir('stock')}", "headers"])
    for name in OURS:
        place = TREE / SELFTESTS / name
        # Run by another make, the makefile leaves OUTPUT empty
        logged(f"selftests of {name}", f"outside-{name}.log",
               ["make", "-C", place, f"OUTPUT={place}",
                "EXTRA_CFLAGS=-DKSFT_SKIP=4",
                f"KHDR_INCLUDES=-isystem {objdir('stock')}/usr/include"])


def numactl_source():
    """Unpack the source package of the installed numactl."""
    found = sorted(PLACE.glob("numactl-*/test"))
    if not found:
        debian.download("numactl", PLACE, "outside-apt.log")
        for path in PLACE.glob("numactl_*.orig.tar.*"):
            subprocess.run(["tar", "-xf", path, "-C", PLACE], check=True)
        found = sorted(PLACE.glob("numactl-*/test"))
    if not found:
        raise Failure(f"{PLACE} has no tests of numactl's source package")
    return found[-1].parent


def numactl_tests():
    """Compile numactl's tests with the installed libnuma; those that numactl
    does not compile either may fail."""
    source = numactl_source()
    shutil.copytree(source / "test", NUMACTL / "test", dirs_exist_ok=True)
    with open(LOGS / "outside-numactl.log", "w", encoding="utf-8") as log:
        for path in sorted((source / "test").glob("*.c")):
            more = [source / name for name in INSIDE.get(path.stem, ())]
            subprocess.run(
                ["gcc", "-O2", "-w", "-D_GNU_SOURCE", f"-I{source}", path,
                 *more, "-lnuma", "-lm", "-o", NUMACTL / "test" / path.stem],
                stdout=log, stderr=log, check=False)
    for name in INSTALLED:
        link = NUMACTL / name
        if not link.is_symlink():
            link.symlink_to(shutil.which(name) or "/nonexistent")


def places():
    """The directories of the programs, by their names in the table."""
    return {"mm": TREE / SELFTESTS / "mm",
            "cgroup": TREE / SELFTESTS / "cgroup", "numactl": NUMACTL}


def everything(programs):
    """Compile missing programs; returns {program: reason} of those that remain
    missing: only numactl's may, since its source may be unavailable."""
    PLACE.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    if not (TREE / SELFTESTS / "cgroup" / "test_memcontrol").exists():
        kernel_selftests()
    why = None
    if not (NUMACTL / "numactl").is_symlink():
        try:
            numactl_tests()
        except Failure as failure:
            why = str(failure).split("\n", maxsplit=1)[0]
    absent = {}
    for program in programs:
        words = program.command.format(**places()).split()
        path = next((word for word in words if word.startswith(str(PLACE))),
                    words[0])
        if not shutil.which(path):
            if not why or not path.startswith(str(NUMACTL)):
                raise Failure(f"{program.name}: no {path}, see "
                              "build/log/outside-*.log")
            absent[program.name] = why
    return absent


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


def differences(stock, patched):
    """Tests of a program with a verdict of no run on the unpatched kernel, a
    line each.

    stock: {test: verdict} of each run there; patched: {test: verdict} of a run
    """
    lines = []
    for test in sorted(set(patched).union(*stock)):
        before = [run.get(test) for run in stock]
        verdict = patched.get(test)
        if verdict not in before:
            seen = ", ".join(sorted(set(filter(None, before))))
            lines.append(f"{test}: {verdict or 'missing'}; unpatched: "
                         + (seen or "missing"))
    return lines


def tells_nothing(runs):
    """The reason to skip a program: it passes nothing on any kernel."""
    said = {verdict for run in runs for verdict in run.values()}
    if tap.PASS in said:
        return None
    return "on the unpatched kernel: " + ", ".join(sorted(said))
