# SPDX-License-Identifier: GPL-2.0
"""Ratios of instruction counts: measured, compared with the recorded ones."""
