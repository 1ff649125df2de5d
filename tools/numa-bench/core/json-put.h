/* SPDX-License-Identifier: GPL-2.0 */
/* Shorthands for json-c. */
#ifndef NB_JSON_PUT_H
#define NB_JSON_PUT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

static inline void put(struct json_object *obj, const char *key, struct json_object *val)
{
	json_object_object_add(obj, key, val);
}

static inline void put_str(struct json_object *obj, const char *key, const char *val)
{
	put(obj, key, json_object_new_string(val));
}

static inline void put_u64(struct json_object *obj, const char *key, uint64_t val)
{
	put(obj, key, json_object_new_uint64(val));
}

static inline void put_double(struct json_object *obj, const char *key, double val)
{
	put(obj, key, json_object_new_double(val));
}

static inline void append_str(struct json_object *list, const char *val)
{
	json_object_array_add(list, json_object_new_string(val));
}

/* output.c: parts common to the results of all commands */
struct json_object *json_head(const char *workload, bool instructions);
void json_machine(struct json_object *obj);
int json_save(struct json_object *obj, const char *path);

#endif /* NB_JSON_PUT_H */
