/* SPDX-License-Identifier: GPL-2.0 */
/* Declarations shared by the unit tests. */
#ifndef NB_UNIT_H
#define NB_UNIT_H

#include <stdbool.h>

void ok(bool good, const char *name);
void skip(const char *name, const char *reason);

void test_area(void);
void test_auto(void);
void test_compare(void);
void test_results(const char *migrate_json_path, const char *latency_json_path);

#endif /* NB_UNIT_H */
