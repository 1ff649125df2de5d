/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Declarations of QEMU's plugin API, as far as used here: Debian 12's QEMU 7.2
 * has the API but ships no header.
 */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PLUGIN_API_VERSION	1
#define PLUGIN_ADD_U64		0	/* QEMU_PLUGIN_INLINE_ADD_U64 */
#define PLUGIN_NO_REGS		0	/* QEMU_PLUGIN_CB_NO_REGS */
#define PLUGIN_MEM_RW		3	/* QEMU_PLUGIN_MEM_RW */

struct qemu_plugin_insn;
struct qemu_plugin_tb;
struct qemu_plugin_hwaddr;

struct qemu_info {
	const char *target_name;
	struct {
		int min;
		int cur;
	} version;
	bool system_emulation;
	struct {
		int smp_vcpus;
		int max_vcpus;
	} system;
};

/* Provided by QEMU; id is that of the plugin */
typedef void (*plugin_simple_fn)(uint64_t id);
typedef void (*plugin_translate_fn)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*plugin_execute_fn)(unsigned int cpu, void *data);
typedef void (*plugin_access_fn)(unsigned int cpu, uint32_t info,
				 uint64_t address, void *data);
typedef void (*plugin_exit_fn)(uint64_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, plugin_translate_fn fn);
void qemu_plugin_register_atexit_cb(uint64_t id, plugin_exit_fn fn, void *data);
void qemu_plugin_reset(uint64_t id, plugin_simple_fn fn);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *counter, uint64_t value);
struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    plugin_execute_fn fn, int registers,
					    void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      plugin_access_fn fn, int registers,
				      int accesses, void *data);
bool qemu_plugin_mem_is_store(uint32_t info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info,
						  uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *where);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *where);

/*
 * QEMU before 8.0 does not reset memory callbacks when an instruction that
 * accesses memory leaves its block, such as iret; the next interrupt calls those
 * of a block that may have been freed. These two functions are internal to QEMU,
 * hence weak.
 */
#pragma weak qemu_plugin_disable_mem_helpers
#pragma weak qemu_get_cpu
void qemu_plugin_disable_mem_helpers(void *cpu);
void *qemu_get_cpu(int number);

static inline void plugin_forget_accesses(unsigned int nr_cpus)
{
	if (!qemu_plugin_disable_mem_helpers || !qemu_get_cpu)
		return;
	for (unsigned int i = 0; i < nr_cpus; i++)
		if (qemu_get_cpu((int)i))
			qemu_plugin_disable_mem_helpers(qemu_get_cpu((int)i));
}

/* Called by QEMU */
extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc,
			char **argv);

/* The number of a mark (see numa-bench/auto/mark.h); 0 for other instructions */
static inline uint32_t plugin_mark_of(const struct qemu_plugin_insn *insn)
{
	static const unsigned char nopl[] = { 0x0f, 0x1f, 0x80 };
	const unsigned char *bytes = qemu_plugin_insn_data(insn);
	uint32_t mark;

	if (qemu_plugin_insn_size(insn) != sizeof(nopl) + sizeof(mark) ||
	    memcmp(bytes, nopl, sizeof(nopl)))
		return 0;
	memcpy(&mark, bytes + sizeof(nopl), sizeof(mark));
	return mark;
}

#endif /* PLUGIN_H */
