# SPDX-License-Identifier: GPL-2.0
"""Kernels for real machines."""
