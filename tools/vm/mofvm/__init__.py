# SPDX-License-Identifier: GPL-2.0
"""Boot a NUMA guest in QEMU, run a command in it, judge what happened."""
