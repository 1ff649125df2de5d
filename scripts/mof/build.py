# SPDX-License-Identifier: GPL-2.0
"""Paths, profiles, and commands with logs and progress.

Layout of build/, which may be deleted at any time:

  pristine/linux     the kernel as Debian ships it, never written to
  pristine/O/stock   the kernel built from it
  linux              the kernel with patches/ applied and our files linked in
  O/PROFILE          kernels built from it
  series/patches     patches for the kernel's lists
  series/linux       the kernel with those applied, after their test
  log/               one log per step
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
# scripts/versions sets another directory inside the repository
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
    """Toolchain and kernel image of an architecture."""
    fragment: str
    target: str               # of make, and file below arch/.../boot/
    cross: str = ""           # CROSS_COMPILE
    name: str = "x86"


X86 = Architecture("mof-x86", "bzImage")
ARM64 = Architecture("mof-arm64", "Image", "aarch64-linux-gnu-", "arm64")


class Profile:
    """A kernel to build: config fragments on top of allnoconfig (those of the
    guest and of the architecture come first), options switched off again,
    variables of make, and the source tree."""

    def __init__(self, *fragments, without=(), variables=(), tree=LINUX,
                 outdir=BUILD / "O", arch=X86):
        self.fragments = ("mof-guest", arch.fragment, *fragments)
        self.without = without
        self.variables = variables
        self.tree = tree
        self.outdir = outdir
        self.arch = arch


# Ends the commands of all threads
STOP = threading.Event()
CLEAR = "\r\033[K"              # a line of a terminal
ERROR = re.compile(r": (fatal )?error: |undefined reference|\*\*\* ")

# At the same depth below build/ as the patched tree and its objects, so that
# compilers see the same relative paths: objects compare equal, and ccache
# shares them
STOCK = {"tree": PRISTINE, "outdir": BUILD / "pristine" / "O"}

# kernel/sched/Makefile disables KCSAN for all its files
RACES = ("KCSAN_SANITIZE_mof.o=y",)
# gcov for our objects only; make expands this for each object
COUNTED = ("GCOV_PROFILE=$(filter-out mm/mof/tests/%,"
           "$(filter mm/mof/%.o kernel/sched/mof.o,$@))",)

PROFILES = {
    "guest":  Profile("mof"),
    "debug":  Profile("mof", "mof-debug", "mof-lockdep"),
    "kasan":  Profile("mof", "mof-debug", "mof-lockdep", "mof-kasan"),
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

# For scripts/package --test, which adds the other options
PACKAGED = {"packaged": Profile("mof-modules")}

THP = ("TRANSPARENT_HUGEPAGE", "TRANSPARENT_HUGEPAGE_MADVISE")

# scripts/matrix compiles directories with these
VARIANTS = {
    "no-thp":        Profile("mof", without=THP),
    "no-memcg":      Profile("mof", without=("MEMCG",)),
    "no-swap":       PROFILES["noswap"],
    # THP selects COMPACTION
    "no-compaction": Profile("mof", without=("COMPACTION", *THP)),
    "no-balancing":  Profile(without=("NUMA_BALANCING",
                                      "NUMA_BALANCING_DEFAULT_ENABLED")),
}

# For scripts/upstream: an unpatched tree with the series applied
SERIES = {"tree": BUILD / "series" / "linux", "outdir": BUILD / "series" / "O"}

# For scripts/check (W=1) and scripts/upstream
CHECKS = {
    "check":       Profile("mof"),
    "check-stock": Profile(**STOCK),
    "series-on":   Profile("mof", **SERIES),
    "series-off":  Profile(**SERIES),
}


class Failure(Exception):
    """An error for the user, without a traceback."""


def profile(name):
    """Look up a profile by name."""
    known = PROFILES | ARM | PACKAGED | VARIANTS | CHECKS
    if name not in known:
        raise Failure(f"no profile '{name}'; there are: " + " ".join(known))
    return known[name]


def objdir(name):
    """The O= directory of a profile."""
    return profile(name).outdir / name


def say(text):
    """Print a line at once."""
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


def listed(parser, text, known):
    """The items of an option's list, such as "a,b"."""
    words = text.split(",")
    if set(words) - set(known):
        parser.error(f"there are: {', '.join(known)}")
    return words


def ending(path, lines=20):
    """The reason of a failure in a log: compilers' errors, or else its end.
    With several jobs, make continues for long after the first error."""
    text = Path(path).read_text(errors="replace").splitlines()
    errors = [line for line in text if ERROR.search(line)]
    return "\n".join((errors or text[-lines:])[:lines])


def last_line(path):
    """The last complete line of a file."""
    with open(path, "rb") as log:
        log.seek(max(0, os.path.getsize(path) - 500))
        lines = log.read().decode(errors="replace").split("\n")
    return lines[-2] if len(lines) > 1 else ""


def watch(title, command, log, errors=subprocess.STDOUT, timeout=None,
          mode="wb", cwd=REPO, show=last_line):
    """Run command with its output in the file log. show(log) is its progress,
    in a line that is rewritten on a terminal; elsewhere, a line every 20 s.

    Returns the exit status, or None after a time-out.
    """
    terminal = sys.stdout.isatty()
    start = shown = time.monotonic()
    with open(log, mode) as out, subprocess.Popen(
            [str(word) for word in command], cwd=cwd, stdout=out,
            stderr=errors, start_new_session=True) as process:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(0.1)
                if STOP.is_set():
                    raise KeyboardInterrupt
                now = time.monotonic()
                if timeout and now - start > timeout:
                    os.killpg(process.pid, signal.SIGKILL)
                    return None
                if now - shown < (0.2 if terminal else 20):
                    continue
                shown = now
                line = f"  {title}: {now - start:4.0f} s, {show(log)}"
                if terminal:
                    print(CLEAR + line[:100], end="", flush=True)
                else:
                    say(line)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
        finally:
            if terminal:
                print(CLEAR, end="", flush=True)


def logged(title, log, command, count=lambda line: True, cwd=REPO):
    """Run command with its output in build/log/LOG, showing progress.

    count(line) selects the lines that count as steps. Raises Failure with the
    reason in the log if the command fails.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / log
    path.write_text("$ " + " ".join(map(str, command)) + "\n")

    def steps():
        lines = path.read_text(errors="replace").splitlines()[1:]
        return f"{sum(map(count, lines))} steps"

    begin = time.monotonic()
    status = watch(title, command, path, mode="ab", cwd=cwd, show=lambda log:
                   f"{steps()},{last_line(log)}")
    say(f"  {title}: {'FAILED' if status else steps()}, "
        f"{time.monotonic() - begin:.0f} s")
    if status:
        raise Failure(f"{title} failed, see {path.relative_to(REPO)}:\n"
                      + ending(path))


def captured(*command, **options):
    """Run a command; returns its exit status, and its output as text."""
    done = subprocess.run([str(word) for word in command], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors="replace", check=False, **options)
    return done.returncode, done.stdout


def make_in(tree, objects, arch=X86):
    """The command that runs make for a kernel tree and an O= directory."""
    command = ["make", "-C", str(tree), f"O={objects}",
               f"-j{os.cpu_count()}", "--no-print-directory"]
    if arch.cross:
        command += [f"ARCH={arch.name}", f"CROSS_COMPILE={arch.cross}"]
    if ccache():
        command.append(f"CC=ccache {arch.cross}gcc")
    return command


# For reproducible builds
IDENTITY = ["KBUILD_BUILD_TIMESTAMP=2025-01-01", "KBUILD_BUILD_USER=mof",
            "KBUILD_BUILD_HOST=mof", "KBUILD_BUILD_VERSION=1"]


def make(profile_name, *targets):
    """The command that runs make in the O= directory of a profile."""
    chosen = profile(profile_name)
    command = make_in(chosen.tree, objdir(profile_name), chosen.arch)
    return [*command, *IDENTITY, *chosen.variables, *targets]


def ccache():
    """Whether ccache is installed; make all trees share its objects."""
    if not shutil.which("ccache"):
        return False
    os.environ.setdefault("CCACHE_BASEDIR", str(BUILD))
    os.environ.setdefault("CCACHE_NOHASHDIR", "1")
    os.environ.setdefault("CCACHE_SLOPPINESS", "time_macros")
    return True


def compiled(name, log, *goals):
    """Configure a profile and compile goals; returns errors and warnings.
    Output goes to stderr, since the caller writes TAP."""
    with redirect_stdout(sys.stderr):
        try:
            subprocess.run([REPO / "scripts/kernel", "--config-only", name],
                           check=True, stdout=sys.stderr,
                           stderr=subprocess.STDOUT)
            logged(f"compile {log}", f"{log}.log", make(name, "-k", *goals))
        except (subprocess.CalledProcessError, Failure) as failure:
            return str(failure)
    text = (LOGS / f"{log}.log").read_text()
    return "\n".join(line for line in text.splitlines() if "warning:" in line)


def build_numa_bench():
    """Compile numa-bench."""
    logged("numa-bench", "numa-bench.log",
           ["make", "-C", REPO / "tools/numa-bench", f"O={BUILD}/numa-bench"])
