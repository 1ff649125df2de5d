// SPDX-License-Identifier: GPL-2.0
/*
 * A module that is built outside of the kernel's tree, with the package of
 * headers alone: the structures of migrate-on-fault must be the kernel's.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mof.h>

static int __init mof_outside_init(void)
{
	pr_info("mof_outside: struct mm_struct has %zu bytes, LAZY is %#x\n",
		sizeof(struct mm_struct), MPOL_MF_LAZY);
	return 0;
}

static void __exit mof_outside_exit(void)
{
}

module_init(mof_outside_init);
module_exit(mof_outside_exit);
MODULE_DESCRIPTION("Test of the headers of migrate-on-fault");
MODULE_LICENSE("GPL");
