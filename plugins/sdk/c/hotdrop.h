/*
 * hotdrop.h: the C SDK for hotdrop plugins, ABI version 1. One header, no library, no libc.
 *
 * A plugin is one C file that includes this header and defines the hooks its manifest names:
 *
 *     #include "hotdrop.h"
 *
 *     HD_HOOK(quote) {
 *         if (hd_i64("quantity") >= 2)
 *             hd_discount(hd_i64("config.amount"), HD_BOTH("For buying several", "多件优惠"));
 *     }
 *
 * build.sh beside this file builds it.
 *
 * Every decision starts from the same memory, so buffers may be static and need no clearing. Amounts are minor units of
 * the campaign's currency, times Unix milliseconds. What is wrong (a string that does not fit, a count out of range)
 * ends the decision with hd_fail: nothing is ever cut off silently.
 */
#ifndef HOTDROP_H
#define HOTDROP_H

#include <stdbool.h>
#include <stdint.h>

/* The caps of the ABI, in bytes. */
#define HD_MAX_NAME 128
#define HD_MAX_LABEL 256
#define HD_MAX_STRING 4096

/* The longest string a shopper can submit as an input. */
#define HD_MAX_INPUT 1024

/* What hd_kind returns. */
enum { HD_ABSENT = 0, HD_INTEGER = 1, HD_STRING = 2, HD_BOOLEAN = 3, HD_LIST = 4 };

/* A string: bytes with a length, not NUL-terminated, because facts may hold any byte. */
typedef struct {
	const char *at;
	int32_t length;
} hd_str;

/* A literal as hd_str. */
#define HD(literal) ((hd_str){"" literal, (int32_t)sizeof(literal) - 1})

/* A label or text in both languages: English, a unit separator, Chinese. */
#define HD_BOTH(english, chinese) HD(english "\x1f" chinese)

/* Defines and exports a hook: reserve, share, quote, paid or message. */
#define HD_HOOK(name) __attribute__((export_name(#name))) void hd_hook_##name(void)

/* ---- imports: see plugins/abi ---- */

#define HD_IMPORT(name) __attribute__((import_module("hotdrop"), import_name(name)))

HD_IMPORT("fact_kind") int32_t hd_import_fact_kind(const char *path, int32_t path_len);
HD_IMPORT("fact_i64") int64_t hd_import_fact_i64(const char *path, int32_t path_len);
HD_IMPORT("fact_str") int32_t hd_import_fact_str(const char *path, int32_t path_len, char *buffer, int32_t capacity);
HD_IMPORT("fact_len") int32_t hd_import_fact_len(const char *path, int32_t path_len);
HD_IMPORT("fail") __attribute__((noreturn)) void hd_import_fail(const char *text, int32_t length);
HD_IMPORT("log") void hd_import_log(const char *text, int32_t length);

HD_IMPORT("deny")
void hd_import_deny(const char *reason, int32_t reason_len, const char *text, int32_t text_len);
HD_IMPORT("discount") void hd_import_discount(int64_t amount, const char *label, int32_t label_len);
HD_IMPORT("discount_percent")
void hd_import_discount_percent(int64_t basis_points, const char *label, int32_t label_len);
HD_IMPORT("price") void hd_import_price(int64_t amount, const char *label, int32_t label_len);
HD_IMPORT("add")
void hd_import_add(const char *sku, int32_t sku_len, int32_t units, int64_t unit_price, const char *label,
		   int32_t label_len);
HD_IMPORT("deposit") void hd_import_deposit(int64_t amount, int64_t credit);
HD_IMPORT("group") void hd_import_group(int32_t size, int32_t seconds, int64_t price);
HD_IMPORT("take") void hd_import_take(const char *quota, int32_t quota_len, int32_t units);
HD_IMPORT("once") void hd_import_once(const char *key, int32_t key_len);
HD_IMPORT("oblige") void hd_import_oblige(const char *kind, int32_t kind_len, const char *data, int32_t data_len);
HD_IMPORT("grant") void hd_import_grant(const char *pool, int32_t pool_len, int32_t count);
HD_IMPORT("enter") void hd_import_enter(const char *draw, int32_t draw_len, int64_t weight);
HD_IMPORT("tag") void hd_import_tag(const char *key, int32_t key_len, const char *value, int32_t value_len);
HD_IMPORT("notify")
void hd_import_notify(const char *template_name, int32_t template_len, const char *data, int32_t data_len);
HD_IMPORT("reply") void hd_import_reply(const char *text, int32_t text_len);

/* ---- the version ---- */

__attribute__((export_name("hotdrop_abi_1"))) void hd_abi_version(void) {}

/* ---- ending and logging ---- */

/* Ends the decision with an error text; does not return. */
__attribute__((noreturn)) static inline void hd_fail(hd_str text) { hd_import_fail(text.at, text.length); }

/* Writes a line for the plugin's author. */
static inline void hd_log(hd_str text) { hd_import_log(text.at, text.length); }

/* ---- facts ---- */

/* The kind of a fact, the path being a literal. */
#define hd_kind(path) hd_import_fact_kind("" path, (int32_t)sizeof(path) - 1)

/* An integer, or a boolean as 0 or 1; 0 if absent. */
#define hd_i64(path) hd_import_fact_i64("" path, (int32_t)sizeof(path) - 1)

/* A boolean; false if absent. */
#define hd_bool(path) (hd_i64(path) != 0)

/* The number of a list's elements; 0 if absent. */
#define hd_count(path) hd_import_fact_len("" path, (int32_t)sizeof(path) - 1)

/* A string, read into an array; empty if absent. */
#define hd_string(path, array) hd_read(HD(path), (array), (int32_t)sizeof(array))

/* Reads a string fact into a buffer of the caller. One that does not fit fails the decision. */
static inline hd_str hd_read(hd_str path, char *buffer, int32_t capacity) {
	int32_t length = hd_import_fact_str(path.at, path.length, buffer, capacity);
	if (length > capacity)
		hd_fail(HD("a string is longer than its buffer"));
	return (hd_str){buffer, length < 0 ? 0 : length};
}

/* Reports whether two strings have the same bytes. */
static inline bool hd_equal(hd_str a, hd_str b) {
	if (a.length != b.length)
		return false;
	for (int32_t i = 0; i < a.length; i++)
		if (a.at[i] != b.at[i])
			return false;
	return true;
}

/* The path of a list's element: "config.brands" and 12 make "config.brands.12" in the buffer of HD_MAX_NAME bytes. */
static inline hd_str hd_element_path(hd_str list, int32_t index, char *buffer) {
	char digits[10];
	int32_t count = 0, length = 0;
	do {
		digits[count++] = (char)('0' + index % 10);
		index /= 10;
	} while (index > 0);
	if (list.length + 1 + count > HD_MAX_NAME)
		hd_fail(HD("a path is longer than 128 bytes"));
	for (; length < list.length; length++)
		buffer[length] = list.at[length];
	buffer[length++] = '.';
	while (count > 0)
		buffer[length++] = digits[--count];
	return (hd_str){buffer, length};
}

/* Reads element index of a list of strings into a buffer. */
static inline hd_str hd_read_element(hd_str list, int32_t index, char *buffer, int32_t capacity) {
	char path[HD_MAX_NAME];
	return hd_read(hd_element_path(list, index, path), buffer, capacity);
}

/* Reads element index of a list of integers. */
static inline int64_t hd_i64_element(hd_str list, int32_t index) {
	char path[HD_MAX_NAME];
	hd_str element = hd_element_path(list, index, path);
	return hd_import_fact_i64(element.at, element.length);
}

/* ---- JSON: a flat object, written field by field ---- */

/* Declare it static. Fields in the order of their names make the text canonical. */
typedef struct {
	char text[HD_MAX_STRING];
	int32_t length;
} hd_json;

static inline void hd_json_byte(hd_json *json, char c) {
	if (json->length >= HD_MAX_STRING)
		hd_fail(HD("JSON data is longer than 4096 bytes"));
	json->text[json->length++] = c;
}

static inline void hd_json_string(hd_json *json, hd_str s) {
	static const char hex[] = "0123456789abcdef";
	hd_json_byte(json, '"');
	for (int32_t i = 0; i < s.length; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c == '"' || c == '\\')
			hd_json_byte(json, '\\');
		if (c >= ' ') {
			hd_json_byte(json, (char)c);
			continue;
		}
		hd_json_byte(json, '\\');
		hd_json_byte(json, 'u');
		hd_json_byte(json, '0');
		hd_json_byte(json, '0');
		hd_json_byte(json, hex[c >> 4]);
		hd_json_byte(json, hex[c & 15]);
	}
	hd_json_byte(json, '"');
}

static inline void hd_json_name(hd_json *json, hd_str name) {
	hd_json_byte(json, json->length > 0 ? ',' : '{');
	hd_json_string(json, name);
	hd_json_byte(json, ':');
}

/* Begins an object. */
static inline void hd_json_begin(hd_json *json) {
	json->length = 0;
}

/* Adds a field with a string. */
static inline void hd_json_str(hd_json *json, hd_str name, hd_str value) {
	hd_json_name(json, name);
	hd_json_string(json, value);
}

/* Adds a field with an integer. */
static inline void hd_json_i64(hd_json *json, hd_str name, int64_t value) {
	char digits[20];
	int32_t count = 0;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	hd_json_name(json, name);
	if (value < 0)
		hd_json_byte(json, '-');
	do {
		digits[count++] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	while (count > 0)
		hd_json_byte(json, digits[--count]);
}

/* Adds a field with a boolean. */
static inline void hd_json_bool(hd_json *json, hd_str name, bool value) {
	hd_json_name(json, name);
	for (const char *c = value ? "true" : "false"; *c; c++)
		hd_json_byte(json, *c);
}

/* Ends the object and returns its text. */
static inline hd_str hd_json_end(hd_json *json) {
	if (json->length == 0)
		hd_json_byte(json, '{');
	hd_json_byte(json, '}');
	return (hd_str){json->text, json->length};
}

/* ---- effects ---- */

/* A count as the ABI wants it; one that 32 bits do not hold fails the decision. */
static inline int32_t hd_units(int64_t count) {
	if (count < INT32_MIN || count > INT32_MAX)
		hd_fail(HD("a count does not fit 32 bits"));
	return (int32_t)count;
}

/* Refuse: reason is a stable code, text is shown. */
static inline void hd_deny(hd_str reason, hd_str text) {
	hd_import_deny(reason.at, reason.length, text.at, text.length);
}

/* Money off the order. */
static inline void hd_discount(int64_t amount, hd_str label) { hd_import_discount(amount, label.at, label.length); }

/* Hundredths of a percent off the running total. */
static inline void hd_discount_percent(int64_t basis_points, hd_str label) {
	hd_import_discount_percent(basis_points, label.at, label.length);
}

/* This price per unit instead. */
static inline void hd_price(int64_t amount, hd_str label) { hd_import_price(amount, label.at, label.length); }

/* Another line. */
static inline void hd_add(hd_str sku, int64_t units, int64_t unit_price, hd_str label) {
	hd_import_add(sku.at, sku.length, hd_units(units), unit_price, label.at, label.length);
}

/* Pay amount now, the rest later; it counts for credit. */
static inline void hd_deposit(int64_t amount, int64_t credit) { hd_import_deposit(amount, credit); }

/* Needs a group of size within seconds, at price per unit. */
static inline void hd_group(int64_t size, int64_t seconds, int64_t price) {
	hd_import_group(hd_units(size), hd_units(seconds), price);
}

/* Units of a named quota, atomically with the order. */
static inline void hd_take(hd_str quota, int64_t units) { hd_import_take(quota.at, quota.length, hd_units(units)); }

/* At most once per campaign, key and shopper. */
static inline void hd_once(hd_str key) { hd_import_once(key.at, key.length); }

/* The order carries a duty. */
static inline void hd_oblige(hd_str kind, hd_str data) {
	hd_import_oblige(kind.at, kind.length, data.at, data.length);
}

/* Vouchers from a pool. */
static inline void hd_grant(hd_str pool, int64_t count) { hd_import_grant(pool.at, pool.length, hd_units(count)); }

/* Entries into a draw. */
static inline void hd_enter(hd_str draw, int64_t weight) { hd_import_enter(draw.at, draw.length, weight); }

/* Customer data. */
static inline void hd_tag(hd_str key, hd_str value) { hd_import_tag(key.at, key.length, value.at, value.length); }

/* A message to the shopper. */
static inline void hd_notify(hd_str template_name, hd_str data) {
	hd_import_notify(template_name.at, template_name.length, data.at, data.length);
}

/* An answer to an inbox message. */
static inline void hd_reply(hd_str text) { hd_import_reply(text.at, text.length); }

#endif
