# SPDX-License-Identifier: GPL-2.0
"""Benchmarks in guests that count instructions: steps, rows, records."""
