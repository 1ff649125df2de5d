/* SPDX-License-Identifier: GPL-2.0 */
/* The mark that the guest leaves for the plugin: nopl KPROF_MARK(%rax) */
#ifndef KPROF_MARK_H
#define KPROF_MARK_H

#define KPROF_MARK	0x4b504d4b

#endif /* KPROF_MARK_H */
