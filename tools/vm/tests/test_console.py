# SPDX-License-Identifier: GPL-2.0
"""Panics and warnings in a kernel log."""

import json
import re
import unittest

from mofvm.console import Verdict

HARMLESS = """\
[    0.1] RCU CPU stall warnings timeout set to 100
[    0.2] kmemleak: Kernel memory leak detector initialized
[    0.3] page_owner is disabled
[    0.4] Warning: unable to open an initial console.
[    0.5] kasan: KernelAddressSanitizer initialized
[    0.6] ACPI: [Firmware Bug]: something of the host's
"""

SUSPICIOUS = (
    "[    1.0] WARNING: CPU: 1 PID: 77 at mm/mof/fault.c:12 mof_fault+0x1/0x2",
    "[    1.0] BUG: KASAN: slab-use-after-free in foo+0x1/0x2",
    "[    1.0] BUG: unable to handle page fault for address: 0000000000001000",
    "[    1.0] BUG: Bad page state in process a  pfn:12345",
    "[    1.0] BUG: Bad rss-counter state mm:00000000 type:MM_ANONPAGES val:1",
    "[    1.0] kernel BUG at mm/rmap.c:1!",
    "[    1.0] Oops: general protection fault, probably for address 0xdead",
    "[    1.0] UBSAN: array-index-out-of-bounds in mm/x.c:1:2",
    "[    1.0] WARNING: possible circular locking dependency detected",
    "[    1.0] WARNING: possible recursive locking detected",
    "[    1.0] WARNING: inconsistent lock state",
    "[    1.0] WARNING: suspicious RCU usage",
    "[    1.0] BUG: sleeping function called from invalid context at mm/x.c:1",
    "[    1.0] BUG: scheduling while atomic: a/1/0x2",
    "[    1.0] INFO: task a:1 blocked for more than 120 seconds.",
    "[    1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "[    1.0] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug)",
    "[    1.0] list_del corruption. prev->next should be 0",
    "[    1.0] refcount_t: underflow; use-after-free.",
    "[    1.0] BUG: KCSAN: data-race in a / b",
)


class TestConsole(unittest.TestCase):
    def test_verdict_can_be_read_by_other_programs(self):
        self.assertEqual(json.loads(Verdict(SUSPICIOUS[0]).json()), {
            "panic": False, "warnings": [SUSPICIOUS[0]], "races": {}})

    def test_harmless_lines_are_no_warning(self):
        verdict = Verdict(HARMLESS)
        self.assertFalse(verdict.panic)
        self.assertEqual(verdict.warnings, [])

    def test_each_kind_of_report_is_seen(self):
        for line in SUSPICIOUS:
            with self.subTest(line):
                self.assertEqual(Verdict(HARMLESS + line).warnings, [line])

    def test_panic_is_no_warning(self):
        verdict = Verdict("[ 1.0] Kernel panic - not syncing: sysrq\n")
        self.assertTrue(verdict.panic)
        self.assertEqual(verdict.warnings, [])

    def test_trace_of_an_allowed_warning_does_not_count_but_the_next_does(self):
        allowed = re.compile("at mm/mof/fault.c")
        trace = "[    1.1] Call Trace:"
        text = f"{SUSPICIOUS[0]}\n{trace}\n[    1.2]  mof_fault+0x1/0x2\n"
        self.assertEqual(Verdict(text, allowed).warnings, [])
        self.assertEqual(Verdict(text + trace, allowed).warnings, [trace])

    def test_allowed_lines_do_not_count(self):
        allowed = re.compile("at mm/mof/fault.c")
        self.assertEqual(Verdict(SUSPICIOUS[0], allowed).warnings, [])

    def test_oom_kill_is_no_warning_but_a_trace_after_it_is(self):
        oom = "[    2.0] cc1 invoked oom-killer: gfp_mask=0xcc0, order=0\n" \
            "[    2.1] CPU: 1 UID: 0 PID: 9 Comm: cc1\n" \
            "[    2.2] Call Trace:\n[    2.3]  dump_header+0x3f/0x130\n"
        self.assertEqual(Verdict(oom).warnings, [])
        trace = "[    3.0] Call Trace:"
        self.assertEqual(Verdict(oom + trace).warnings, [trace])

    def test_excerpt_starts_before_the_first_report(self):
        verdict = Verdict(HARMLESS + SUSPICIOUS[0] + "\nafter")
        self.assertEqual(verdict.excerpt[-2:], [SUSPICIOUS[0], "after"])
