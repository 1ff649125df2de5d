# SPDX-License-Identifier: GPL-2.0
"""Soak tests: plan, guest, injected faults, leaks, record."""
