// SPDX-License-Identifier: GPL-2.0
/*
 * kprof-mark: end a section of the profile and begin the next one. To be run in
 * the guest; does nothing anywhere else.
 */
#include "../../numa-bench/auto/mark.h"

int main(void)
{
	PLUGIN_MARK(KPROF_MARK);
	return 0;
}
