// SPDX-License-Identifier: GPL-2.0
/*
 * kprof-mark: end a section of the profile and begin the next one. Run it in the
 * guest; elsewhere it does nothing.
 */
#include "../../numa-bench/auto/mark.h"

int main(void)
{
	PLUGIN_MARK(KPROF_MARK);
	return 0;
}
