# SPDX-License-Identifier: GPL-2.0
"""The overlay as a series of patches against the unpatched kernel."""
