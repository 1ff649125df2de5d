# SPDX-License-Identifier: GPL-2.0
"""What the scripts of this directory share: paths, profiles, logged commands.

build/ looks like this; everything in it can be deleted:

  pristine/linux     the kernel as Debian ships it, never written to
  pristine/O/stock   the kernel built from it
  linux              the same with patches/ applied and our files linked in
  O/PROFILE          the kernels built from that
  series/patches     the same as patches for the kernel's lists
  series/linux       the kernel with those applied, if they have been tested
  log/               one log per step
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
# Another place, inside of the repository, for scripts/versions
BUILD = Path(os.environ.get("MOF_BUILD") or REPO / "build")
PRISTINE = BUILD / "pristine" / "linux"
LINUX = BUILD / "linux"
LOGS = BUILD / "log"
CONFIGS = REPO / "kernel" / "configs"
VM = REPO / "tools" / "vm" / "mof-vm"
TARBALL = Path(os.environ.get("LINUX_TARBALL",
                              "/usr/src/linux-source-6.12.tar.xz"))


@dataclass(frozen=True)
class Architecture:
    """What to call for an architecture, and where its kernel is."""
    fragment: str
    target: str               # of make, and file below arch/.../boot/
    cross: str = ""           # CROSS_COMPILE
    name: str = "x86"

    def image(self, objects):
        """Path of the kernel that was built there."""
        return objects / "arch" / self.name / "boot" / self.target


X86 = Architecture("mof-x86", "bzImage")
ARM64 = Architecture("mof-arm64", "Image", "aarch64-linux-gnu-", "arm64")


class Profile:
    """A kernel to build: config fragments on allnoconfig (that of the guest,
    and that of the architecture, come first), source tree, names of options
    that are switched off again, and variables of make."""

    def __init__(self, *fragments, without=(), variables=(), tree=LINUX,
                 outdir=BUILD / "O", arch=X86):
        self.fragments = ("mof-guest", arch.fragment, *fragments)
        self.without = without
        self.variables = variables
        self.tree = tree
        self.outdir = outdir
        self.arch = arch

    def objdir(self, name):
        """The O= directory."""
        return self.outdir / name


# Set when commands that run in other threads have to end
STOP = threading.Event()
ERROR = re.compile(r": (fatal )?error: |undefined reference|\*\*\* ")

# Same depth below build/ as the patched tree and its objects: compilers see
# the same relative paths, so objects can be compared and ccache shares them.
STOCK = {"tree": PRISTINE, "outdir": BUILD / "pristine" / "O"}

# kernel/sched/ switches KCSAN off for all its files
RACES = ("KCSAN_SANITIZE_mof.o=y",)
# Objects of ours count the lines they run; make expands it for each object
COUNTED = ("GCOV_PROFILE=$(filter-out mm/mof/tests/%,"
           "$(filter mm/mof/%.o kernel/sched/mof.o,$@))",)

PROFILES = {
    "guest":  Profile("mof"),
    "debug":  Profile("mof", "mof-debug", "mof-kasan"),
    "kcsan":  Profile("mof", "mof-debug", "mof-kcsan", variables=RACES),
    "gcov":   Profile("mof", "mof-debug", "mof-gcov", variables=COUNTED),
    "bpf":    Profile("mof", "mof-bpf"),
    "noswap": Profile("mof", without=("SWAP", "ZRAM", "ZRAM_BACKEND_LZO")),
    "off":    Profile(),
    "stock":  Profile(**STOCK),
}

# Cross-compiled, with pages of 4 and 64 KiB
ARM = {
    "arm64":     Profile("mof", arch=ARM64),
    "arm64-64k": Profile("mof", "mof-64k", arch=ARM64),
}

# For the test of scripts/package, which switches the rest on
PACKAGED = {"packaged": Profile("mof-modules")}

THP = ("TRANSPARENT_HUGEPAGE", "TRANSPARENT_HUGEPAGE_MADVISE")

# Only compiled, in part
VARIANTS = {
    "no-thp":        Profile("mof", without=THP),
    "no-memcg":      Profile("mof", without=("MEMCG",)),
    "no-swap":       PROFILES["noswap"],
    # THP selects COMPACTION
    "no-compaction": Profile("mof", without=("COMPACTION", *THP)),
    "no-balancing":  Profile(without=("NUMA_BALANCING",
                                      "NUMA_BALANCING_DEFAULT_ENABLED")),
}

# For scripts/upstream: the series, applied to an unpatched tree
SERIES = {"tree": BUILD / "series" / "linux", "outdir": BUILD / "series" / "O"}

# For scripts/check, which compiles with W=1
CHECKS = {
    "check":       Profile("mof"),
    "check-stock": Profile(**STOCK),
    "series-on":   Profile("mof", **SERIES),
    "series-off":  Profile(**SERIES),
}


class Failure(Exception):
    """Something that the user has to know and act upon; no traceback."""


def profile(name):
    """Look up a profile by name."""
    known = PROFILES | ARM | PACKAGED | VARIANTS | CHECKS
    if name not in known:
        raise Failure(f"no profile '{name}'; there are: " + " ".join(known))
    return known[name]


def objdir(name):
    """The O= directory of the profile called name."""
    return profile(name).objdir(name)


def say(text):
    """Tell the user what happens."""
    print(text, flush=True)


def main(function):
    """Run function(argv), turning Failure into a message and status 1."""
    try:
        sys.exit(function(sys.argv[1:]))
    except Failure as failure:
        print(f"{Path(sys.argv[0]).name}: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


class Progress:
    """One line that is rewritten on a terminal, or a line every 20 s."""

    PERIOD = 20

    def __init__(self, title):
        self.title = title
        self.start = self.last = time.monotonic()
        self.tty = sys.stdout.isatty()

    def seconds(self):
        """Time since the start."""
        return time.monotonic() - self.start

    def update(self, text):
        """Show text, if it is time to."""
        now = time.monotonic()
        if now - self.last < (0.2 if self.tty else self.PERIOD):
            return
        self.last = now
        line = f"  {self.title}: {self.seconds():4.0f} s, {text}"
        if self.tty:
            print("\r\033[K" + line[:100], end="", flush=True)
        else:
            say(line)

    def clear(self):
        """Remove the line from a terminal."""
        if self.tty:
            print("\r\033[K", end="", flush=True)

    def done(self, text="done"):
        """Finish the line."""
        self.clear()
        say(f"  {self.title}: {text}, {self.seconds():.0f} s")


def ending(path, lines=20):
    """What a log says about a failure: compilers' errors, or its end. With
    several jobs, make goes on for long after the first error."""
    text = Path(path).read_text(errors="replace").splitlines()
    errors = [line for line in text if ERROR.search(line)]
    return "\n".join((errors or text[-lines:])[:lines])


def watch(title, command, log, errors=subprocess.STDOUT, timeout=None):
    """Run command with its output in the file log, showing its last line.

    Returns the exit status, or None after a time-out.
    """
    progress = Progress(title)
    with open(log, "wb") as out, subprocess.Popen(
            [str(word) for word in command], cwd=REPO, stdout=out,
            stderr=errors, start_new_session=True) as process:
        try:
            while process.poll() is None:
                time.sleep(0.1)
                if STOP.is_set():
                    raise KeyboardInterrupt
                if timeout and progress.seconds() > timeout:
                    os.killpg(process.pid, signal.SIGKILL)
                    return None
                progress.update(last_line(log))
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
        finally:
            progress.clear()
        return process.returncode


def last_line(path):
    """The last line of a file that is being written."""
    with open(path, "rb") as log:
        log.seek(max(0, os.path.getsize(path) - 500))
        lines = log.read().decode(errors="replace").split("\n")
    return lines[-2] if len(lines) > 1 else ""


def logged(title, log, command, count=lambda line: True, **popen):
    """Run command with its output in build/log/LOG, showing progress.

    count(line) says which lines of output are a step forward. Returns how many
    there were. Raises Failure with the end of the log if the command fails.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / log
    progress = Progress(title)
    steps = 0
    with open(path, "w", encoding="utf-8", errors="replace") as out:
        out.write("$ " + " ".join(map(str, command)) + "\n")
        out.flush()
        with subprocess.Popen(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              errors="replace", start_new_session=True,
                              **popen) as process:
            try:
                for line in process.stdout:
                    out.write(line)
                    if count(line):
                        steps += 1
                        progress.update(f"{steps} steps,{line.rstrip()}")
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)
                raise
    if process.returncode:
        progress.done("FAILED")
        raise Failure(f"{title} failed, see {path.relative_to(REPO)}:\n"
                      + ending(path))
    progress.done(f"{steps} steps")
    return steps


def make_in(tree, objects, arch=X86):
    """The command that runs make for a kernel tree and an O= directory."""
    command = ["make", "-C", str(tree), f"O={objects}",
               f"-j{os.cpu_count()}", "--no-print-directory"]
    if arch.cross:
        command += [f"ARCH={arch.name}", f"CROSS_COMPILE={arch.cross}"]
    if ccache():
        command.append(f"CC=ccache {arch.cross}gcc")
    return command


# The same sources give the same kernel
IDENTITY = ["KBUILD_BUILD_TIMESTAMP=2025-01-01", "KBUILD_BUILD_USER=mof",
            "KBUILD_BUILD_HOST=mof", "KBUILD_BUILD_VERSION=1"]


def make(profile_name, *targets):
    """The command that runs make in the O= directory of a profile."""
    chosen = profile(profile_name)
    command = make_in(chosen.tree, objdir(profile_name), chosen.arch)
    return [*command, *IDENTITY, *chosen.variables, *targets]


def ccache():
    """Whether ccache is there; sets it up so that all trees share objects."""
    for directory in os.environ.get("PATH", "").split(":"):
        if os.access(os.path.join(directory, "ccache"), os.X_OK):
            os.environ.setdefault("CCACHE_BASEDIR", str(BUILD))
            os.environ.setdefault("CCACHE_NOHASHDIR", "1")
            os.environ.setdefault("CCACHE_SLOPPINESS", "time_macros")
            return True
    return False


def build_numa_bench():
    """Compile numa-bench."""
    logged("numa-bench", "numa-bench.log",
           ["make", "-C", REPO / "tools/numa-bench", f"O={BUILD}/numa-bench"])
