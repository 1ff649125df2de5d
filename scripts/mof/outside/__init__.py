# SPDX-License-Identifier: GPL-2.0
"""Third-party programs on the patched and the unpatched kernel."""
