# SPDX-License-Identifier: GPL-2.0
"""Apply the series to an unpatched tree, compile after each patch, compare.

The tree persists between runs, so that only the files that a patch changes are
compiled after it: git updates their time stamps.
"""

import filecmp
import gzip
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

from mof import tap, upstream
from mof.build import (LINUX, PRISTINE, SERIES, captured, compiled, logged,
                       make, objdir)
from mof.source import series, touched
from mof.style import COMMON, EXCUSED

TREE = SERIES["tree"]
GIT = TREE.with_name("git")
ON, OFF = "series-on", "series-off"
# --all compiles these directories
DIRECTORIES = ["mm/", "kernel/sched/", "fs/proc/", "kernel/fork.o"]
# Our symbols; objects that are not compiled here define the others
OURS = re.compile(r"mof|(?:^|_)interleave_nid$")
WHO = ("Test of the series", "test@example.org")
PAGES = {"man2/mbind.2": "/usr/share/man/man2/mbind.2.gz",
         "man5/proc.5": "/usr/share/man/man5/proc.5.gz",
         "man7/numa.7": "/usr/share/man/man7/numa.7.gz"}
# The base of patches/upstream/man-pages.diff
PAGES_RELEASE = "Linux man-pages 6.03"


def unpatched(files):
    """An unpatched tree with a repository of these files; the tree of an
    earlier run is reset."""
    if not (TREE / "Makefile").exists() or \
            not (TREE / "Makefile").samefile(PRISTINE / "Makefile"):
        shutil.rmtree(TREE.parent / "O", ignore_errors=True)
        shutil.rmtree(TREE, ignore_errors=True)
        TREE.parent.mkdir(parents=True, exist_ok=True)
        logged("link build/series/linux", "link-series.log",
               ["cp", "-al", PRISTINE, TREE])
    repository = upstream.Repository(GIT, TREE, WHO)
    if GIT.exists():
        repository.git("reset", "-q", "--hard", "base", check=False)
    repository.start(files, "unpatched")
    # Objects of later patches would define missing symbols
    for profile in (ON, OFF):
        shutil.rmtree(objdir(profile) / "mm/mof", ignore_errors=True)
        (objdir(profile) / "kernel/sched/mof.o").unlink(missing_ok=True)
    return repository


def style(out, path):
    """Run checkpatch on a patch, and ignore accepted warnings."""
    _, text = captured(
        LINUX / "scripts/checkpatch.pl", "--strict", "--no-tree", "--terse",
        f"--root={LINUX}", "--show-types", "--showfile", "--no-summary",
        "--ignore", ",".join(COMMON), path)
    left = []
    for line in text.splitlines():
        match = re.match(r"(\S+?):\d+: [A-Z]+:(\w+):", line)
        if not match or match[2] not in EXCUSED.get(match[1], ()):
            left.append(line)
    out.test(f"checkpatch {path.name}", "\n".join(left))


def objects(files):
    """The goals to compile after a change of these files. With the option off,
    make would compile mm/mof/ nevertheless if it were named."""
    found = {ON: set(), OFF: set()}
    for file in files:
        if file.startswith("mm/mof/"):
            found[ON].add("mm/mof/")
            continue
        goal = "kernel/sched/" if file.startswith("kernel/sched/") \
            else file[:-2] + ".o"
        if file.endswith(".c") and not file.startswith("tools/"):
            found[ON].add(goal)
            found[OFF].add(goal)
    return found


def goals(texts, whole):
    """The goals to compile after each patch: the objects that it changes;
    after the first and the last patch with code, those that any patch changes.
    With whole: the directories, after each patch with code."""
    changed = [re.findall(r"^\+\+\+ b/(\S+)$", text, re.M) for text in texts]
    plans = [objects(files) for files in changed]
    coded = [at for at, plan in enumerate(plans) if plan[ON]]
    for at in coded[:1] + coded[-1:]:
        hooks = objects(touched(series()))
        plans[at] = {ON: hooks[ON] | {"mm/mof/"}, OFF: hooks[OFF]}
    if whole:
        plans = [{ON: DIRECTORIES, OFF: DIRECTORIES} if plan[ON] else plan
                 for plan in plans]
    return plans


def unresolved(profile):
    """Our symbols that no object defines: the kernel would not link."""
    needed, had = set(), set()
    for path in objdir(profile).rglob("*.o"):
        if not path.is_relative_to(objdir(profile) / "scripts"):
            listing = subprocess.run(["nm", path], capture_output=True,
                                     text=True, check=False).stdout
            for line in listing.splitlines():
                *_, kind, name = line.split()
                (needed if kind == "U" else had).add(name)
    missing = sorted(name for name in needed - had if OURS.search(name))
    return f"undefined: {' '.join(missing)}" if missing else ""


def build(out, name, plan):
    """Compile with the option on and off."""
    for profile in (ON, OFF):
        if not plan[profile]:
            continue
        option = profile.split("-")[1]
        wrong = compiled(profile, f"series-{name[:4]}-{option}",
                         *sorted(plan[profile]))
        out.test(f"{name} builds with the option {option}",
                 wrong or unresolved(profile))


def apply(out, repository, path):
    """Apply one patch with git am."""
    done = repository.git("am", "-q", path, check=False)
    out.test(f"{path.name} applies", done.stdout if done.returncode else "")
    return not done.returncode


def walk(tree):
    """All files of a kernel tree except quilt's, by name."""
    for top, directories, files in os.walk(tree):
        directories[:] = [name for name in directories if name != ".pc"]
        for name in files:
            path = Path(top) / name
            yield str(path.relative_to(tree)), path


def expected(name, path):
    """Whether the series results in this file of build/linux."""
    other = TREE / name
    if name == str(upstream.MAINTAINERS):
        return other.read_text() == upstream.maintained(path.read_text(), WHO)
    if path.is_symlink() and not path.exists():
        return other.is_symlink() and os.readlink(other) == os.readlink(path)
    return path.samefile(other) or filecmp.cmp(path, other, shallow=False)


def difference(not_sent):
    """Differences between build/linux and the series' tree; not_sent: the
    files that are not part of the series."""
    wanted, found = dict(walk(LINUX)), dict(walk(TREE))
    lines = [f"{name}: only in build/linux"
             for name in sorted(set(wanted) - set(found) - set(not_sent))]
    lines += [f"{name}: only in the series"
              for name in sorted(set(found) - set(wanted))]
    lines += [f"{name}: sent, against {upstream.NOT_SENT}"
              for name in sorted(set(found) & set(not_sent))]
    lines += [f"{name}: differs" for name in sorted(set(found) & set(wanted))
              if not expected(name, wanted[name])]
    return "\n".join(lines)


def tools(out):
    """Build the user space programs from the series' tree."""
    where = TREE.with_name("tools")
    headers = f"KHDR_INCLUDES=-isystem {objdir(ON)}/usr/include"
    with redirect_stdout(sys.stderr):
        logged("headers", "series-headers.log", make(ON, "headers"))
    (where / "selftests").mkdir(parents=True, exist_ok=True)
    for name, words in (
            ("tools/numa-bench", [f"O={where}/numa-bench"]),
            ("tools/testing/selftests/mof",
             [f"OUTPUT={where}/selftests", headers])):
        status, text = captured("make", f"-j{os.cpu_count()}", "-C",
                                TREE / name, *words)
        out.test(f"{name} builds", text if status else "")


def man_pages(out):
    """Apply the patch for the man pages to Debian's."""
    name = f"{upstream.MAN_PAGES} applies to {PAGES_RELEASE}"
    holder = TREE.with_name("man-pages")
    shutil.rmtree(holder, ignore_errors=True)
    for page, source in PAGES.items():
        try:
            with gzip.open(source, "rt") as text:
                content = text.read()
        except FileNotFoundError:
            out.test(name, skip=f"no {source}: install manpages-dev, manpages")
            return
        if PAGES_RELEASE not in content:
            out.test(name, skip=f"{source} is of another release")
            return
        (holder / page).parent.mkdir(parents=True, exist_ok=True)
        (holder / page).write_text(content)
    status, text = captured("patch", "-f", "-p1", "--fuzz=0", "-i",
                            upstream.OUT / upstream.MAN_PAGES, cwd=holder)
    out.test(name, text if status else "")


def run(whole):
    """Run all tests, as TAP."""
    out = tap.Writer()
    parts, wrong = upstream.read()
    out.test("each file and hook is in one patch", "\n".join(wrong))
    if wrong:
        return out.done()
    names = upstream.write(parts[:-1], WHO)
    for name in names:
        style(out, upstream.OUT / name)
    with redirect_stdout(sys.stderr):
        repository = unpatched(touched(series()))
    texts = [(upstream.OUT / name).read_text() for name in names]
    for name, plan in zip(names, goals(texts, whole)):
        if not apply(out, repository, upstream.OUT / name):
            break
        build(out, name, plan)
    out.test("the tree is that of build/linux", difference(parts[-1].files))
    tools(out)
    man_pages(out)
    return out.done()
