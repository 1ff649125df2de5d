# SPDX-License-Identifier: GPL-2.0
"""Boot guests: exit statuses of all outcomes, and services of a guest."""

import hashlib
import json
import os
import pty
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from mofvm import guest, plugin

VM = Path(__file__).resolve().parents[1] / "mof-vm"
SECONDS = 120


def heed_interrupts():
    """A job in the background starts with SIGINT ignored, and so would ours."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments, **popen):
    """Start mof-vm with its output in pipes."""
    return subprocess.Popen([VM, *map(str, arguments)],
                            preexec_fn=heed_interrupts,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **popen)


def vm(*arguments, script=None, **popen):
    """Run mof-vm to its end, with one CPU by default; returns status, output,
    error output."""
    if not {"-t", "--nodes", "--node"} & set(arguments):
        arguments = ("--nodes", 1, "--cpus", 1, *arguments)
    if script:
        arguments += ("--", "sh", "-c", script)
    process = start("--timeout", SECONDS, *arguments, **popen)
    out, err = process.communicate()
    return process.returncode, out, err.decode()


def running():
    """A guest whose command runs."""
    process = start("--accel", "tcg", "--", "sh", "-c", "echo up; sleep 1000")
    assert process.stdout.readline() == b"up\n"
    return process


def child(process):
    """The process id of QEMU, once the guest's init runs."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(100):
        children = path.read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.1)
    raise AssertionError("QEMU was not started")


def gone(pid):
    """Whether a process has ended."""
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.1)
    return False


class TestOutcome(unittest.TestCase):
    def test_success_is_status_0(self):
        status, out, err = vm(script="echo out; echo err >&2")
        self.assertEqual((status, out, err), (0, b"out\n", "err\n"))

    def test_command_status_is_returned(self):
        self.assertEqual(vm(script="exit 77")[0], 77)

    def test_killed_command_is_128_plus_signal(self):
        self.assertEqual(vm(script="kill -SEGV $$")[0], 128 + signal.SIGSEGV)

    def test_unknown_command_is_127(self):
        self.assertEqual(vm("--", "no-such-command")[0], 127)

    def test_panic_is_reported(self):
        status, _, err = vm(script="echo c > /proc/sysrq-trigger")
        self.assertEqual(status, guest.PANIC)
        self.assertIn("kernel panic", err)

    def test_death_of_init_is_a_panic(self):
        status, _, err = vm("--append", "rdinit=/no init=/no", "--", "true")
        self.assertEqual(status, guest.PANIC, err)

    def test_warning_outweighs_success(self):
        status, _, err = vm(script="echo '<4>WARNING: made up' > /dev/kmsg")
        self.assertEqual(status, guest.WARNING)
        self.assertIn("WARNING: made up", err)

    def test_command_status_outweighs_warning(self):
        status, _, err = vm(script="echo '<4>WARNING: x' > /dev/kmsg; exit 9")
        self.assertEqual(status, 9)
        self.assertIn("WARNING: x", err)

    def test_allowed_warning_does_not_count(self):
        status, _, _ = vm("--allow-warnings", "made up",
                          script="echo '<4>WARNING: made up' > /dev/kmsg")
        self.assertEqual(status, 0)

    def test_time_out_is_reported(self):
        begin = time.monotonic()
        process = start("--timeout", 8, "--", "sleep", "1000")
        err = process.communicate()[1].decode()
        self.assertEqual(process.returncode, guest.TIMEOUT)
        self.assertIn("time-out", err)
        self.assertLess(time.monotonic() - begin, 30)

    def test_crash_of_qemu_is_reported(self):
        process = running()
        os.kill(child(process), signal.SIGKILL)
        err = process.communicate()[1].decode()
        self.assertEqual(process.returncode, guest.QEMU_DIED)
        self.assertIn("SIGKILL", err)

    def test_early_abort_of_qemu_is_tried_again(self):
        with tempfile.TemporaryDirectory() as path:
            fake = Path(path) / "qemu-system-x86_64"
            fake.write_text("#!/bin/sh\n"
                            f"echo >> {path}/tries\nkill -ABRT $$\n")
            fake.chmod(0o755)
            status, _, err = vm(
                "--accel", "tcg", "--", "true",
                env=dict(os.environ, PATH=f"{path}:{os.environ['PATH']}"))
            tries = (Path(path) / "tries").read_text()
        self.assertEqual((status, len(tries)),
                         (guest.QEMU_DIED, guest.ATTEMPTS))
        self.assertIn("trying again", err)

    def test_reset_without_token_is_reported(self):
        status, _, err = vm(script="echo b > /proc/sysrq-trigger; sleep 100")
        self.assertEqual(status, guest.NO_TOKEN)
        self.assertIn("without reporting", err)

    def test_forged_token_is_no_success(self):
        status, _, _ = vm(script="echo 0123456789abcdef 0 > /dev/vport0p3;"
                          "echo b > /proc/sysrq-trigger; sleep 100")
        self.assertEqual(status, guest.NO_TOKEN)

    def test_unstartable_qemu_is_reported(self):
        status, _, err = vm("--qemu-arg=-nonsense", "--", "true")
        self.assertEqual(status, guest.CANNOT_START)
        self.assertIn("nonsense", err)

    def test_missing_kernel_says_what_to_run(self):
        for option in (("--kernel", "/no/bzImage"), ("--profile", "nope")):
            status, _, err = vm(*option, "--", "true")
            self.assertEqual(status, guest.CANNOT_START)
            self.assertIn("make kernel", err)

    def test_missing_initramfs_is_reported(self):
        status, _, err = vm("--initrd", "/no/initrd", "--", "true")
        self.assertEqual(status, guest.CANNOT_START)
        self.assertIn("initramfs", err)

    def test_root_without_a_shell_is_reported(self):
        with tempfile.TemporaryDirectory() as path:
            status, _, err = vm("--root", path, "--", "true")
            self.assertEqual(status, guest.CANNOT_START)
            self.assertIn("/bin/sh", err)
            self.assertEqual(os.listdir(path), [])

    def test_missing_qemu_says_what_to_run(self):
        with tempfile.TemporaryDirectory() as path:
            for tool in ("python3", "env"):
                os.symlink(f"/usr/bin/{tool}", f"{path}/{tool}")
            status, _, err = vm("--accel", "tcg", "--", "true",
                                env=dict(os.environ, PATH=path))
        self.assertEqual(status, guest.CANNOT_START)
        self.assertIn("make deps", err)

    def test_wrong_usage_is_reported(self):
        for arguments in ((), ("--no-such-option",),
                          ("-t", "9x9", "--", "true"),
                          ("--node", "mem=1G", "--", "true"),
                          ("--nodes", "2", "--dist", "10", "--", "true"),
                          ("--env", "X", "--", "true"),
                          ("--bind", "0", "--accel", "tcg", "--", "true"),
                          ("--kprof", "/tmp/x", "--accel", "tcg", "--",
                           "true"),
                          ("--icount", "--kprof", "/no/x", "--", "true"),
                          ("--icount", "--kprof", "/tmp/a,b", "--", "true"),
                          ("--functions", "/tmp/x", "--", "true"),
                          ("--numa-model", "/tmp/x", "--accel", "tcg", "--",
                           "true"),
                          ("--icount", "--numa-model", "/no/x", "--", "true"),
                          ("--arch", "arm64", "--", "true"),
                          ("--arch", "arm64", "--root", "/", "--shell"),
                          ("--shell", "--", "true")):
            with self.subTest(arguments):
                status, _, err = vm(*arguments)
                self.assertEqual(status, guest.CANNOT_START)
                self.assertIn("mof-vm: ", err)

    def test_interrupt_stops_qemu(self):
        process = running()
        emulator = child(process)
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, guest.INTERRUPTED)
        self.assertTrue(gone(emulator))

    def test_qemu_does_not_outlive_a_killed_runner(self):
        process = running()
        emulator = child(process)
        process.kill()
        process.communicate()
        self.assertTrue(gone(emulator))


class TestNodes(unittest.TestCase):
    SHOW = ("cd /sys/devices/system/node; echo $(cat online); "
            "echo $(cat has_memory); echo $(cat has_cpu); "
            "for n in node*; do echo $(cat $n/distance); done")

    def nodes(self, *arguments):
        """online, has_memory, has_cpu, and the distances' rows."""
        status, out, err = vm(*arguments, script=self.SHOW)
        self.assertEqual(status, 0, err)
        online, memory, cpu, *rows = out.decode().splitlines()
        return online, memory, cpu, "/".join(rows)

    def test_two_nodes(self):
        self.assertEqual(self.nodes("-t", "2x2"),
                         ("0-1", "0-1", "0-1", "10 21/21 10"))

    def test_four_nodes_in_a_ring(self):
        self.assertEqual(
            self.nodes("-t", "ring"),
            ("0-3", "0-3", "0-3",
             "10 16 22 16/16 10 16 22/22 16 10 16/16 22 16 10"))

    def test_eight_nodes(self):
        self.assertEqual(self.nodes("--nodes", 8, "--cpus", 1,
                                    "--mem", "256M")[:3], ("0-7",) * 3)

    def test_memoryless_node(self):
        self.assertEqual(self.nodes("-t", "memoryless")[:3],
                         ("0-2", "0,2", "0-2"))

    def test_cpuless_node(self):
        self.assertEqual(self.nodes("-t", "cpuless"),
                         ("0-2", "0-2", "0-1",
                          "10 21 31/21 10 31/31 31 10"))

    def test_explicit_nodes_and_lopsided_distances(self):
        self.assertEqual(
            self.nodes("--node", "cpus=2,mem=512M", "--node", "cpus=1,mem=0",
                       "--node", "cpus=0,mem=256M",
                       "--dist", "10,20,40/20,10,30/40,30,10"),
            ("0-2", "0,2", "0-1", "10 20 40/20 10 30/40 30 10"))


class TestProfile(unittest.TestCase):
    def test_profile_has_a_section_for_each_mark(self):
        mark = plugin.built("kprof-mark")
        with tempfile.TemporaryDirectory() as path:
            out = Path(path) / "profile"
            status, _, err = vm("--icount", "--kprof", out, "-t", "1x2",
                                "--functions", Path(path) / "functions",
                                script=f"{mark}; uname; {mark}")
            self.assertEqual(status, 0, err)
            boot, work, _ = json.loads(
                (Path(path) / "functions").read_text())
        self.assertGreater(boot["start_kernel"], 0)
        self.assertNotIn("start_kernel", work)
        self.assertGreater(work["kernel_clone"], 0)


class TestService(unittest.TestCase):
    def test_output_is_binary_clean_beside_kernel_messages(self):
        script = ("(while :; do echo noise > /dev/kmsg; done) & "
                  "python3 -c 'import sys; "
                  "sys.stdout.buffer.write(bytes(range(256)) * 4096)'; kill $!")
        status, out, err = vm(script=script)
        self.assertEqual(status, 0, err)
        self.assertEqual(hashlib.sha256(out).digest(),
                         hashlib.sha256(bytes(range(256)) * 4096).digest())

    def test_log_has_the_kernel_messages_only(self):
        with tempfile.TemporaryDirectory() as path:
            log = Path(path) / "log"
            vm("--log", log, script="echo from-command")
            text = log.read_text()
        self.assertIn("Linux version", text)
        self.assertNotIn("from-command", text)

    def test_standard_streams_can_be_opened_again(self):
        status, out, err = vm(script="echo a > /dev/stdout; "
                              "echo b > /dev/stderr; cat")
        self.assertEqual((status, out, err), (0, b"a\n", "b\n"))

    def test_environment_and_directory(self):
        with tempfile.TemporaryDirectory(prefix="mof ") as path:
            status, out, err = vm("--env", "A=x y'z", "--cwd", "/usr/share",
                                  script='echo "$A"; pwd')
            self.assertEqual((status, out), (0, b"x y'z\n/usr/share\n"), err)
            status, out, err = vm("--", "pwd", cwd=path)
            self.assertEqual(status, guest.CANNOT_START)

    def test_arguments_arrive_as_given(self):
        _, out, _ = vm("--", "printf", "<%s>", "a b", "$HOME", "'", "")
        self.assertEqual(out, b"<a b><$HOME><'><>")

    def test_root_is_read_only_and_tmp_is_not(self):
        status, _, err = vm(script="! touch /mof-test && touch /tmp/t /run/t "
                            "/var/tmp/t /dev/shm/t")
        self.assertEqual(status, 0, err)
        self.assertFalse(Path("/mof-test").exists())

    def test_share_carries_files_out(self):
        with tempfile.TemporaryDirectory() as path:
            status, _, err = vm("--share", path,
                                script='echo result > "$MOF_SHARE/file"')
            self.assertEqual(status, 0, err)
            self.assertEqual((Path(path) / "file").read_text(), "result\n")

    def test_swap_disk(self):
        status, out, err = vm("--swap", "256M",
                              script="grep -c /dev/vda /proc/swaps")
        self.assertEqual((status, out), (0, b"1\n"), err)

    def test_lingering_processes_do_not_delay_the_end(self):
        status, out, err = vm(script="sleep 1000 & echo done; exit 5")
        self.assertEqual((status, out), (5, b"done\n"), err)

    def test_kernel_facilities_are_mounted(self):
        status, _, err = vm(
            script="test -d /sys/kernel/debug/sched && "
            "test -e /sys/kernel/tracing/trace && "
            "grep -q memory /sys/fs/cgroup/cgroup.controllers && "
            "test -e /dev/pts/ptmx && zcat /proc/config.gz | "
            "grep -q CONFIG_NUMA_BALANCING=y")
        self.assertEqual(status, 0, err)

    def test_shell_is_interactive(self):
        pid, terminal = pty.fork()
        if not pid:
            os.execv(VM, [str(VM), "--shell"])
        seen = b""
        sent = False
        while True:
            try:
                seen += os.read(terminal, 4096)
            except OSError:
                break
            if not sent and (b"# " in seen or b"$ " in seen):
                os.write(terminal, b"tty; echo $((6 * 7))=; exit 3\r")
                sent = True
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.assertIn(b"/dev/ttyS1", seen)
        self.assertIn(b"42=", seen)
        self.assertEqual(status, 3)
