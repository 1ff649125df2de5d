/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of QEMU's plugin API that kprof uses. Debian 12's QEMU 7.2 offers
 * the API but ships no header for it.
 */
#ifndef KPROF_H
#define KPROF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KPROF_API_VERSION	1
#define KPROF_ADD_U64		0	/* QEMU_PLUGIN_INLINE_ADD_U64 */
#define KPROF_NO_REGS		0	/* QEMU_PLUGIN_CB_NO_REGS */

struct qemu_plugin_insn;
struct qemu_plugin_tb;

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

/* Offered by QEMU; the number of the plugin comes first */
typedef void (*kprof_translate_fn)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*kprof_execute_fn)(unsigned int cpu, void *data);
typedef void (*kprof_exit_fn)(uint64_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, kprof_translate_fn fn);
void qemu_plugin_register_atexit_cb(uint64_t id, kprof_exit_fn fn, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *counter, uint64_t value);
struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    kprof_execute_fn fn, int registers,
					    void *data);

/* Offered to QEMU */
extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc,
			char **argv);

#endif /* KPROF_H */
