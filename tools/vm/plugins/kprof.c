// SPDX-License-Identifier: GPL-2.0
/*
 * kprof: a TCG plugin for QEMU that writes instruction profiles of a guest. It
 * counts the instructions of each translation block that is entered. When the
 * guest runs kprof-mark, and at exit, it writes a section: a line "address count"
 * for each block, then "end"; and resets all counts.
 *
 *   -plugin kprof.so,out=FILE
 *
 * kprof-report sums a profile up by function; see ../README.rst.
 *
 * Counters are not locked: with -icount, one thread runs all CPUs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../numa-bench/auto/mark.h"
#include "qemu-plugin.h"

#define SLOT_BITS	20
#define NR_SLOTS	0x100000
#define MAX_SLOTS	(NR_SLOTS / 4 * 3)	/* limits the length of searches */
#define HASH		0x9e3779b97f4a7c15ull

struct slot {
	uint64_t address;
	uint64_t count;
};

static struct slot *slots;
static struct slot others;	/* address 0: blocks without a slot */
static unsigned int used;
static FILE *out;

int qemu_plugin_version = PLUGIN_API_VERSION;

/* Open addressing. Slots must not move, since QEMU increments them. */
static struct slot *slot_of(uint64_t address)
{
	uint64_t i = (address * HASH) >> (64 - SLOT_BITS);

	while (slots[i].address && slots[i].address != address)
		i = (i + 1) % NR_SLOTS;
	if (slots[i].address)
		return &slots[i];
	if (used == MAX_SLOTS)
		return &others;
	used++;
	slots[i].address = address;
	return &slots[i];
}

static void put(struct slot *slot)
{
	if (slot->count)
		fprintf(out, "%llx %llu\n", (unsigned long long)slot->address,
			(unsigned long long)slot->count);
	slot->count = 0;
}

static void write_section(void)
{
	put(&others);
	for (unsigned int i = 0; i < NR_SLOTS; i++)
		put(&slots[i]);
	fputs("end\n", out);
	if (fflush(out))
		perror("kprof");
}

static void on_mark(unsigned int cpu, void *data)
{
	write_section();
}

static void find_marks(struct qemu_plugin_tb *tb)
{
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (plugin_mark_of(insn) == KPROF_MARK)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
							       PLUGIN_NO_REGS,
							       NULL);
	}
}

static void on_translate(uint64_t id, struct qemu_plugin_tb *tb)
{
	struct slot *slot = slot_of(qemu_plugin_tb_vaddr(tb));

	qemu_plugin_register_vcpu_tb_exec_inline(tb, PLUGIN_ADD_U64,
						 &slot->count,
						 qemu_plugin_tb_n_insns(tb));
	find_marks(tb);
}

static void on_end(uint64_t id, void *data)
{
	write_section();
	fclose(out);
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc,
			char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fputs("kprof: out=FILE is needed\n", stderr);
		return -1;
	}
	slots = calloc(NR_SLOTS, sizeof(*slots));
	out = fopen(argv[0] + 4, "w");
	if (!slots || !out) {
		perror(argv[0]);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_end, NULL);
	return 0;
}
