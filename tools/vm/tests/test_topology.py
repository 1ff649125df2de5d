# SPDX-License-Identifier: GPL-2.0
"""Valid and invalid topologies, and QEMU's arguments for them."""

import unittest

from mofvm import qemu
from mofvm.topology import (NAMED, Node, Topology, TopologyError, matrix,
                            named, node, size)


class TestTopology(unittest.TestCase):
    def test_every_named_topology_is_valid(self):
        for name in NAMED:
            self.assertGreater(named(name).cpus, 0)

    def test_default_distances(self):
        machine = Topology([Node(1, 64), Node(1, 64)])
        self.assertEqual(machine.distances, [[10, 21], [21, 10]])

    def test_sizes(self):
        self.assertEqual([size("512"), size("512M"), size("2g")],
                         [512, 512, 2048])
        for text in ("", "1T", "-1", "x"):
            with self.assertRaises(TopologyError):
                size(text)

    def test_node_description(self):
        self.assertEqual(node("cpus=2,mem=1G"), Node(2, 1024))
        self.assertEqual(node("mem=1G"), Node(0, 1024))
        for text in ("cpus=x", "disk=1", "cpus=2;mem=1G"):
            with self.assertRaises(TopologyError):
                node(text)

    def test_impossible_machines_are_refused(self):
        good = Node(1, 64)
        for nodes, distances in (
                ([], None), ([Node(0, 64)], None), ([Node(1, 0)], None),
                ([good, Node(0, 0)], None),
                ([good, good], [[10, 21]]),
                ([good, good], [[10, 10], [21, 10]]),
                ([good, good], [[11, 21], [21, 10]]),
                ([good, good], [[10, 255], [21, 10]])):
            with self.assertRaises(TopologyError):
                Topology(nodes, distances or [])

    def test_matrix(self):
        self.assertEqual(matrix("10,30/31,10"), [[10, 30], [31, 10]])
        with self.assertRaises(TopologyError):
            matrix("10,far/21,10")

    def test_a_socket_does_not_span_nodes(self):
        self.assertEqual(qemu.smp(named("4x2")), "8,sockets=4,cores=2")
        self.assertEqual(qemu.smp(named("cpuless")), "4,sockets=2,cores=2")
        uneven = Topology([Node(2, 64), Node(1, 64)])
        self.assertEqual(qemu.smp(uneven), "3,sockets=3,cores=1")

    def test_binding_names_the_host_node(self):
        text = " ".join(qemu.numa(named("2x2"), ["0", "1"]))
        self.assertIn("id=mem1,size=1024M,host-nodes=1,policy=bind", text)
