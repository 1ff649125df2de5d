# SPDX-License-Identifier: GPL-2.0
"""Panics and warnings in a kernel log; data races, of ours or of the stock
kernel."""

import json
import re
import unittest

from mofvm import console
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
    "[    1.0] vmstat_refresh: nr_isolated_anon -3",
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


def report(title, *stacks, end=True):
    """A report as the kernel prints it; a stack is a list of functions."""
    line = "=" * 66
    text = [line, f"BUG: KCSAN: data-race in {title}", ""]
    for number, stack in enumerate(stacks):
        text += [f"{'read' if number else 'write'} to 0xffff888004a1b2c8 of 8 "
                 f"bytes by task {70 + number} on cpu {number}:"]
        text += [f" {name}+0x1f{number}/0x2a0" for name in stack] + [""]
    text += ["value changed: 0x0000000000000001 -> 0x0000000000000002", "",
             "Reported by Kernel Concurrency Sanitizer on:",
             "CPU: 1 UID: 0 PID: 71 Comm: a Not tainted 6.12.0-mof-kcsan #1"]
    text += [line] if end else []
    return "".join(f"[  {number + 10}.1234] {line}\n"
                   for number, line in enumerate(text))


STOCK = report("lru_add / shrink_folio_list",
               ["lru_add", "folio_batch_move_lru", "lru_add_drain"],
               ["shrink_folio_list", "balance_pgdat", "kswapd"])
OURS = report("mof_record / mof_record",
              ["mof_record", "mof_learn", "__mof_fault", "do_numa_page"],
              ["mof_record", "mof_learn", "__mof_fault", "do_numa_page"])
UNDER_OURS = report("folio_mc_copy / lru_add",
                    ["lru_add", "folio_batch_move_lru"],
                    ["folio_mc_copy", "mof_direct.isra.0", "handle_mm_fault"])
UNKNOWN = report("__mof_tick+0x12/0x90", ["__mof_tick", "sched_tick"])
UNKNOWN_STOCK = report("sched_tick+0x12/0x90", ["sched_tick", "timer"])


class TestWhose(unittest.TestCase):
    def test_race_between_stock_functions_is_no_warning(self):
        for text in (STOCK, UNKNOWN_STOCK):
            verdict = Verdict(text)
            self.assertEqual(verdict.warnings, [])
            self.assertEqual(len(verdict.stock), 1)

    def test_race_of_ours_on_either_side_is_a_warning(self):
        for text in (OURS, UNDER_OURS, UNKNOWN):
            verdict = Verdict(text)
            self.assertEqual(len(verdict.warnings), 1, text)
            self.assertEqual(verdict.stock, [])

    def test_excerpt_shows_our_race_not_the_first_one(self):
        verdict = Verdict(STOCK + OURS)
        self.assertEqual(len(verdict.stock), 1)
        self.assertIn("mof_record / mof_record", verdict.warnings[0])
        self.assertTrue(any("__mof_fault" in line for line in verdict.excerpt))

    def test_tracepoints_of_ours_are_ours(self):
        text = report("a / b", ["a", "trace_event_raw_event_mof_fault"], ["b"])
        self.assertEqual(len(Verdict(text).warnings), 1)

    def test_tolerated_race_is_stock_below_ours_but_not_with_ours(self):
        below = report("ktime_get_seconds / timekeeping_advance",
                       ["ktime_get_seconds", "mof_record", "mof_learn"],
                       ["timekeeping_advance", "tick_periodic"])
        self.assertEqual(Verdict(below).warnings, [])
        itself = report("ktime_get_seconds / mof_record",
                        ["ktime_get_seconds"], ["mof_record", "mof_learn"])
        self.assertEqual(len(Verdict(itself).warnings), 1)

    def test_frames_below_an_interrupt_do_not_count(self):
        timer = ["tick", "asm_sysvec_apic_timer_interrupt", "mof_direct"]
        self.assertEqual(Verdict(report("tick / b", timer, ["b"])).warnings,
                         [])
        for other in (["b", "mof_record"], ["mof_tick"] + timer):
            self.assertEqual(
                len(Verdict(report("tick / b", timer, other)).warnings), 1)

    def test_similar_names_are_not_ours(self):
        text = report("a / b", ["a", "remof_x", "mofette", "xmof_y"], ["b"])
        self.assertEqual(Verdict(text).warnings, [])

    def test_report_without_end_is_a_warning(self):
        text = report("a / b", ["a"], ["b"], end=False)
        self.assertEqual(len(Verdict(text).warnings), 1)

    def test_other_warnings_inside_of_a_report_count(self):
        lines = STOCK.splitlines(keepends=True)
        lines.insert(4, "[   11.0] BUG: unable to handle page fault\n")
        verdict = Verdict("".join(lines))
        self.assertEqual(len(verdict.warnings), 1)
        self.assertEqual(len(verdict.stock), 1)

    def test_assertions_are_judged_alike(self):
        for text, warnings in ((STOCK, 0), (OURS, 1)):
            text = text.replace("data-race in", "assert: race in")
            self.assertEqual(len(Verdict(text).warnings), warnings)


class TestPairs(unittest.TestCase):
    def test_pairs_are_counted_in_any_order(self):
        text = STOCK + STOCK.replace("lru_add / shrink_folio_list",
                                     "shrink_folio_list / lru_add") \
            + UNKNOWN_STOCK
        races = [("lru_add / shrink_folio_list", 2), ("sched_tick", 1)]
        self.assertEqual(
            console.by_pair(console.races(text.splitlines())), races)
        self.assertEqual(json.loads(Verdict(text).json())["races"],
                         dict(races))

    def test_compiler_variants_have_the_name_of_the_source(self):
        text = report("a.constprop.0 / b.cold", ["a.constprop.0"], ["b.cold"])
        race, = console.races(text.splitlines())
        self.assertEqual(race.pair, "a / b")
