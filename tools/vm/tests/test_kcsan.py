# SPDX-License-Identifier: GPL-2.0
"""Data races reported by KCSAN: ours, or of the stock kernel."""

import json
import unittest

from mofvm import kcsan
from mofvm.console import Verdict

LINE = "=" * 66


def report(title, *stacks, end=True):
    """A report as the kernel prints it; a stack is a list of functions."""
    text = [LINE, f"BUG: KCSAN: data-race in {title}", ""]
    for number, stack in enumerate(stacks):
        text += [f"{'read' if number else 'write'} to 0xffff888004a1b2c8 of 8 "
                 f"bytes by task {70 + number} on cpu {number}:"]
        text += [f" {name}+0x1f{number}/0x2a0" for name in stack] + [""]
    text += ["value changed: 0x0000000000000001 -> 0x0000000000000002", "",
             "Reported by Kernel Concurrency Sanitizer on:",
             "CPU: 1 UID: 0 PID: 71 Comm: a Not tainted 6.12.0-mof-kcsan #1"]
    text += [LINE] if end else []
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
        self.assertEqual(kcsan.by_pair(kcsan.races(text.splitlines())), races)
        self.assertEqual(json.loads(Verdict(text).json())["races"],
                         dict(races))

    def test_compiler_variants_have_the_name_of_the_source(self):
        text = report("a.constprop.0 / b.cold", ["a.constprop.0"], ["b.cold"])
        race, = kcsan.races(text.splitlines())
        self.assertEqual(race.pair, "a / b")
