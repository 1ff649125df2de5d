# SPDX-License-Identifier: GPL-2.0
"""Programs of others, run on the patched kernel and on the unpatched one."""
