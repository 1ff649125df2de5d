# SPDX-License-Identifier: GPL-2.0
"""Run one command in one guest, and judge the result."""

import contextlib
import ctypes
import json
import os
import re
import secrets
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import qemu
from .console import Verdict
from .topology import Topology, named

REPO = Path(__file__).resolve().parents[3]
BUILD = REPO / "build"
INIT = REPO / "tools" / "vm" / "guest-init"
ROOT_INIT = Path("/mof-init")            # with a root of its own

# Exit statuses of our own; every other one is that of the command
CANNOT_START = 120
QEMU_DIED = 121
PANIC = 122
WARNING = 123
TIMEOUT = 124
NO_TOKEN = 125
INTERRUPTED = 130

PR_SET_PDEATHSIG = 1

# With several threads, QEMU before 8.1.1 can misdirect the access of one CPU to
# a device while another CPU changes the memory map, as the kernel does when it
# sets up the PCI bus. QEMU may then fail an assertion.
ATTEMPTS = 3


class CannotStart(Exception):
    """The guest cannot be started; the text tells the user what to do."""


@dataclass
class Options:
    """Kernel, machine and command of a guest."""
    topology: Topology
    kernel: Path
    command: list = field(default_factory=list)   # empty: a shell
    arch: str = "x86"        # one of qemu.MACHINES
    root: Path = None        # of the guest's files; None: the host's
    accel: str = "tcg"
    icount: bool = False
    cpu: str = "max"
    bind: list = None
    append: str = ""
    qemu_args: list = field(default_factory=list)
    env: dict = field(default_factory=dict)
    cwd: str = None
    swap: int = 0            # MiB
    share: Path = None       # writable in the guest at $MOF_SHARE
    timeout: float = None    # seconds
    initrd: Path = None      # it has to mount root= and start init=
    gdb: bool = False
    log: Path = None
    allow_warnings: str = None
    verdict: Path = None     # file for the verdict on the kernel log


def complain(text):
    """Print a message of our own; stdout is the command's."""
    print(f"mof-vm: {text}", file=sys.stderr, flush=True)


def die_with_parent():
    """In the child: QEMU must not outlive us, even if we are killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Guest:
    """One boot. Use as a context: leaving it removes everything but the log."""

    def __init__(self, options):
        self.options = options
        self.nonce = secrets.token_hex(8)
        self.process = None
        self.result = ""
        self.timed_out = False

    def __enter__(self):
        (BUILD / "vm").mkdir(parents=True, exist_ok=True)
        self.directory = Path(tempfile.mkdtemp(prefix="run.",
                                               dir=BUILD / "vm"))
        self.log = self.options.log or default_log()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.terminal = None
        if sys.stdin.isatty() and not self.options.command:
            self.terminal = termios.tcgetattr(sys.stdin)
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.terminal:
            termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, self.terminal)
        shutil.rmtree(self.directory, ignore_errors=True)

    def job(self):
        """Write the script that the guest runs."""
        lines = ["unset MOF_JOB MOF_NONCE MOF_KEEP MOF_SHELL MOF_SWAP"]
        lines += [f"export {name}={shlex.quote(value)}"
                  for name, value in self.options.env.items()]
        lines.append(f"cd {shlex.quote(self.options.cwd or os.getcwd())} "
                     "|| exit 126")
        if self.options.command:
            lines.append("exec " + shlex.join(self.options.command))
        else:
            lines.append("exec bash -i")
        (self.directory / "run").write_text("\n".join(lines) + "\n")

    def append(self):
        """The kernel's command line; names in capitals reach guest-init."""
        words = [qemu.MACHINES[self.options.arch].console,
                 "loglevel=7", "oops=panic", "panic=-1",
                 "root=root", "rootfstype=9p",
                 "rootflags=trans=virtio,version=9p2000.L,msize=262144,"
                 "cache=loose", "ro",
                 f"init={ROOT_INIT if self.options.root else INIT}",
                 # Emulated CPUs are slow, and the host may not run them
                 "rcupdate.rcu_cpu_stall_timeout=100",
                 f"MOF_JOB={self.directory}", f"MOF_NONCE={self.nonce}",
                 "MOF_KEEP=" + ":".join(
                     {str(REPO), self.options.cwd or os.getcwd()})]
        if self.options.icount:
            # An instruction takes 1 ns: with HZ=250, a tick has 4 million.
            # Calibration would take most of the instructions of a boot
            words.append("lpj=4000000")
        if self.options.swap:
            words.append("MOF_SWAP=1")
        if self.options.share:
            words.append("MOF_SHARE=1")
        if self.options.root:
            words.append(f"MOF_REPO={REPO}")
        if not self.options.command:
            columns, rows = shutil.get_terminal_size()
            words += ["MOF_SHELL=1", f"MOF_ROWS={rows}", f"MOF_COLS={columns}"]
        if self.options.append:
            words.append(self.options.append)
        return " ".join(words)

    def command_line(self, ports):
        """All of QEMU's arguments; ports: file descriptors for standard
        output, standard error, and the result."""
        options = self.options
        args = qemu.base(options.arch, options.cpu, str(options.kernel),
                         str(self.log), self.append())
        args += qemu.accelerator(options.accel, options.icount)
        args += qemu.numa(options.topology, options.bind)
        args += qemu.share("root", str(options.root or "/"), True)
        if options.root:
            args += qemu.share("repo", str(REPO), True)
        # guest-init knows them as /dev/vport0p1 to 3
        for number, name in enumerate(("stdout", "stderr", "result"), 1):
            args += qemu.port(number, name,
                              f"/proc/self/fd/{ports[number - 1]}")
        if options.share:
            args += qemu.share("share", str(options.share.resolve()), False)
        if options.swap:
            args += qemu.disk(self.memory(options.swap << 20))
        if not options.command:
            args += qemu.terminal()
        if options.initrd:
            args += ["-initrd", str(options.initrd)]
        if options.gdb:
            args += ["-s"]
        return args + options.qemu_args

    def memory(self, size):
        """A file of that many bytes in memory, so that writeback on the host
        does not delay the guest."""
        self.disk = open(os.memfd_create("disk"), "wb")
        self.disk.truncate(size)
        return f"/proc/{os.getpid()}/fd/{self.disk.fileno()}"

    def run(self):
        """Boot, wait for the end; returns our exit status."""
        self.check()
        self.furnish()
        self.job()
        pipes = [os.pipe() for _ in range(3)]
        writers = [writer for _, writer in pipes]
        try:
            with open(self.directory / "qemu", "wb") as errors:
                self.process = subprocess.Popen(
                    self.command_line(writers), pass_fds=writers,
                    stdin=None if not self.options.command
                    else subprocess.DEVNULL,
                    stdout=None if not self.options.command else errors,
                    stderr=errors, preexec_fn=die_with_parent,
                    start_new_session=bool(self.options.command))
        finally:
            for writer in writers:
                os.close(writer)
        self.forward([reader for reader, _ in pipes])
        self.process.wait()
        return self.judge()

    def furnish(self):
        """Put our init, and a mount point for this repository, into a root
        other than the host's."""
        root = self.options.root
        if root:
            shutil.copy(INIT, root / ROOT_INIT.relative_to("/"))
            (root / REPO.relative_to("/")).mkdir(parents=True, exist_ok=True)

    def check(self):
        """Raise CannotStart if anything is missing."""
        machine = qemu.MACHINES[self.options.arch]
        if not shutil.which(machine.qemu):
            raise CannotStart(f"{machine.qemu} is not installed: "
                              "run 'make deps' as root")
        if self.options.root and not (self.options.root / "bin/sh").exists():
            raise CannotStart(f"{self.options.root} is no root of a guest: it "
                              "has no /bin/sh")
        if not self.options.kernel.exists():
            raise CannotStart(f"no kernel {self.options.kernel}: "
                              "run 'make kernel PROFILE=...' first")
        if self.options.initrd and not self.options.initrd.exists():
            raise CannotStart(f"no initramfs {self.options.initrd}")
        for path in (INIT, self.directory, *self.options.env,
                     self.options.cwd or os.getcwd()):
            if re.search(r"[\s,\"]", str(path)):
                raise CannotStart(f"'{path}' must not contain blanks, commas "
                                  "or quotes: the kernel's command line "
                                  "cannot have them")

    def forward(self, readers):
        """Copy the command's output until QEMU closes all three pipes."""
        sinks = dict(zip(readers, (self.to(1), self.to(2), self.collect)))
        end = None
        if self.options.timeout:
            end = time.monotonic() + self.options.timeout
        with selectors.DefaultSelector() as selector:
            for reader in readers:
                selector.register(reader, selectors.EVENT_READ)
            while sinks:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    self.timed_out = True
                    self.process.kill()
                    end = None
                    continue
                for key, _ in selector.select(left):
                    data = os.read(key.fd, 65536)
                    if data:
                        sinks[key.fd](data)
                    else:
                        selector.unregister(key.fd)
                        os.close(key.fd)
                        del sinks[key.fd]

    @staticmethod
    def to(fd):
        """A function that writes all of its data to fd."""
        def write(data):
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view):]
        return write

    def collect(self, data):
        """Append data of the result port."""
        self.result += data.decode("ascii", "replace")

    def status(self):
        """The command's exit status, or None without the token."""
        match = re.search(rf"^{self.nonce} (\d+)$", self.result, re.M)
        return int(match[1]) if match else None

    def aborted_early(self):
        """Whether QEMU aborted before the command was started."""
        return (self.process.returncode == -signal.SIGABRT
                and f"{self.nonce} started" not in self.result)

    def judge(self):
        """Print what went wrong; returns our exit status."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        allowed = self.options.allow_warnings
        verdict = Verdict(text, re.compile(allowed) if allowed else None)
        if self.options.verdict:
            self.options.verdict.write_text(verdict.json())
        status = self.status()
        errors = (self.directory / "qemu").read_text(errors="replace").strip()
        if verdict.stock:
            complain(f"{len(verdict.stock)} data races of the stock kernel")
        if verdict.panic:
            return self.report(PANIC, "kernel panic", verdict.excerpt)
        if self.timed_out:
            return self.report(TIMEOUT, "time-out: the guest was stopped "
                               f"after {self.options.timeout:g} s",
                               text.splitlines()[-10:])
        if self.process.returncode > 0 and not text:
            return self.report(CANNOT_START, f"QEMU does not start: {errors}")
        if self.process.returncode:
            code = self.process.returncode
            cause = f"killed by {signal.Signals(-code).name}. " if code < 0 \
                else f"exit status {code}: "
            return self.report(QEMU_DIED, "QEMU died, " + cause + errors,
                               text.splitlines()[-10:])
        if verdict.warnings:
            ours = self.report(WARNING, f"{len(verdict.warnings)} suspicious "
                               "lines in the kernel log", verdict.excerpt)
            return status or ours
        if status is None:
            return self.report(NO_TOKEN, "the guest went down without "
                               f"reporting its status. {errors}".strip(),
                               text.splitlines()[-10:])
        return status

    def report(self, status, message, excerpt=()):
        """Print a message after the lines of the log that show it."""
        for line in excerpt:
            print(f"  | {line}", file=sys.stderr)
        complain(f"{message} (status {status}; kernel log: {self.log})")
        return status


def default_log(keep=50):
    """A fresh name under build/log/vm/; old logs are removed."""
    directory = BUILD / "log" / "vm"
    directory.mkdir(parents=True, exist_ok=True)
    for old in sorted(directory.glob("*.log"))[:-keep]:
        old.unlink(missing_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return directory / f"{stamp}-{os.getpid()}.log"


def run(options):
    """Run one guest to its end; returns the exit status."""
    try:
        for again in reversed(range(ATTEMPTS)):
            with Guest(options) as guest:
                status = guest.run()
            if not (guest.aborted_early() and again):
                return status
            complain("QEMU aborted before the guest was up, as versions "
                     "before 8.1.1 sometimes do; trying again")
    except CannotStart as reason:
        complain(str(reason))
        return CANNOT_START
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED


def kvm_works(kernel):
    """Whether KVM works: only a guest that has started proves it. The answer
    is cached until the host reboots."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    host = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    cache = BUILD / "vm" / "kvm.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        answer = json.loads(cache.read_text())
        if answer["host"] == host:
            return answer["works"]
    options = Options(topology=named("1x2"), kernel=kernel, command=["true"],
                      accel="kvm", cwd="/", timeout=20,
                      log=BUILD / "log" / "vm" / "kvm-probe.log")
    with open(os.devnull, "w", encoding="ascii") as null, \
            contextlib.redirect_stderr(null):
        works = run(options) == 0
    temporary = cache.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps({"host": host, "works": works}))
    temporary.rename(cache)
    return works
