# SPDX-License-Identifier: GPL-2.0
"""Counts of local and remote accesses: the node map, and known accesses."""

import collections
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from mofvm import guest, plugin
from mofvm.topology import Node, Topology, named

from test_guest import vm

LINE = 64
SMALL, HUGE = 256 << 10, 2 << 20    # fits the private cache; does not
ROUNDS = 3
# CPUs 0 and 1 on node 0, 2 on node 1 without memory; node 2 has a hole in it
MACHINE = ("--node", "cpus=2,mem=1536M", "--node", "cpus=1,mem=0",
           "--node", "cpus=0,mem=1536M")
# CPU, node of the memory, bytes; node of the CPU
RUNS = [(0, 0, SMALL), (0, 2, SMALL), (2, 0, SMALL), (2, 2, SMALL),
        (1, 2, HUGE), (1, 0, HUGE)]
NODE_OF = (0, 0, 1)
OTHER = {0: 2, 2: 0}            # with memory, too


class TestMap(unittest.TestCase):
    def test_blocks_begin_at_twice_their_address(self):
        words = plugin.node_map(named("2x2"), (7, 2))
        self.assertEqual(words[:3], ["cpus=0:0:1:1", "start=0:0x80000000",
                                     "end=0x40000000:0xc0000000"])

    def test_physical_addresses_have_a_hole_below_4_gib(self):
        machine = Topology([Node(1, 1536), Node(1, 1536)])
        self.assertEqual(
            plugin.physical(machine),
            [((0, 0x60000000), (0x100000000, 0x100000000)),
             ((0x60000000, 0x80000000), (0x100000000, 0x140000000))])

    def test_a_small_machine_has_no_hole(self):
        self.assertEqual(plugin.physical(named("2x2"))[1],
                         ((0x40000000, 0x80000000),
                          (0x100000000, 0x100000000)))

    def test_a_node_without_memory_has_no_address(self):
        for ranges in (plugin.of_blocks, plugin.physical):
            for start, end in ranges(named("memoryless"))[1]:
                self.assertEqual(start, end)

    def test_distances_are_in_rows(self):
        words = plugin.node_map(named("cpuless"), (7, 2))
        self.assertIn("dist=0xa:0x15:0x1f:0x15:0xa:0x1f:0x1f:0x1f:0xa", words)


class TestCaches(unittest.TestCase):
    def test_caches_and_arguments_pass_their_unit_test(self):
        done = subprocess.run(
            ["make", "-s", "-C", plugin.SOURCE, f"O={plugin.PLACE}", "check"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("ok 1 - ", done.stdout)


def user(section):
    """{(CPU, local or remote): accesses and misses} of programs, not 0."""
    found = {}
    for part in section["slices"]:
        for number, cpu in enumerate(part["cpus"]):
            for where in ("local", "remote"):
                old = found.get((number, where), (0, 0, 0))
                found[number, where] = tuple(
                    map(sum, zip(old, cpu["user"][where])))
    return {key: counts for key, counts in found.items() if any(counts)}


class TestKnownAccesses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as path:
            out = Path(path) / "counts"
            known = plugin.built("known")
            script = "\n".join(
                f"{known} {cpu} {node} {size} {ROUNDS} {OTHER[node]}"
                " || exit 1"
                for cpu, node, size in RUNS)
            status, _, err = vm("--icount", "--numa-model", out,
                                "--numa-model-options", "check=1,slice=50000",
                                *MACHINE, script=script)
            if status:
                raise AssertionError(err)
            cls.counts = json.loads(out.read_text())

    def sections(self, label):
        """Of each run, the section of that label."""
        return zip(RUNS, (section for section in self.counts["sections"]
                          if section["label"] == label))

    def key(self, cpu, node):
        """Under which user() has the accesses of a run."""
        return cpu, "local" if NODE_OF[cpu] == node else "remote"

    def test_each_run_has_its_sections(self):
        self.assertEqual(
            [section["label"] for section in self.counts["sections"]],
            ["nothing", "load", "store", "move"] * len(RUNS))

    def test_no_access_is_counted_where_there_is_none(self):
        for _, section in self.sections("nothing"):
            self.assertEqual(user(section), {})

    def test_loads_are_counted_exactly(self):
        for (cpu, node, size), section in self.sections("load"):
            lines = size // LINE
            # LRU: a sweep over more than the cache misses in each round
            private = lines if size == SMALL else ROUNDS * lines
            self.assertEqual(user(section), {
                self.key(cpu, node): (ROUNDS * lines, private, lines)})

    def test_stores_are_counted_exactly(self):
        for (cpu, node, size), section in self.sections("store"):
            lines = size // LINE
            self.assertEqual(user(section), {
                self.key(cpu, node): (lines, lines, lines)})

    def test_memory_that_moves_is_counted_where_it_is(self):
        for (cpu, node, size), section in self.sections("move"):
            found, wanted = user(section), collections.Counter()
            for each in (node, OTHER[node]):
                wanted[self.key(cpu, each)] += size // LINE
            self.assertEqual({key: counts[0] for key, counts in found.items()},
                             wanted)

    def test_the_kernel_is_counted_apart(self):
        accesses = sum(cpu["kernel"]["local"][0]
                       for section in self.counts["sections"]
                       for part in section["slices"] for cpu in part["cpus"])
        self.assertGreater(accesses, 0)

    def test_slices_are_as_long_as_asked_for(self):
        for (_, _, size), section in self.sections("load"):
            lengths = [part["instructions"] for part in section["slices"]]
            loop = 4 * ROUNDS * size // LINE
            self.assertGreaterEqual(sum(lengths), loop)
            self.assertEqual(len(lengths), 1 + (sum(lengths) - 1) // 50000)

    def test_cycles_are_instructions_and_waiting(self):
        for (cpu, node, _), section in self.sections("store"):
            model = self.counts["model"]
            cycles = sum(part["cycles"] - part["instructions"]
                         for part in section["slices"])
            misses = user(section)[self.key(cpu, node)][2]
            self.assertGreaterEqual(
                cycles, misses * model["memory_cycles"][NODE_OF[cpu]][node])

    def test_cached_translations_agree_with_qemu(self):
        self.assertEqual({section["disagreed"]
                          for section in self.counts["sections"]}, {0})

    def test_all_memory_is_of_a_node(self):
        for section in self.counts["sections"]:
            for part in section["slices"]:
                for cpu in part["cpus"]:
                    self.assertEqual((cpu["user"]["elsewhere"],
                                      cpu["kernel"]["elsewhere"]), (0, 0))


class TestUsage(unittest.TestCase):
    def test_the_plugin_names_a_wrong_option(self):
        with tempfile.TemporaryDirectory() as path:
            status, _, err = vm("--icount", "--numa-model", f"{path}/x",
                                "--numa-model-options", "line=48", "--", "true")
        self.assertEqual(status, guest.CANNOT_START, err)
        self.assertIn("a line has to be a power of two", err)
