/*
 * extism.c: the other side of hotdrop.h's imports for a guest that runs in Extism. The mechanic is compiled unchanged
 * from its own source; here its facts come from the call's input and its effects go to the call's output.
 *
 * Input, little-endian, without JSON so that no time is spent on it: for each fact, path length (u16), kind (u8), value
 * length (u32), path, value (an integer is 8 bytes; a list is its length as an integer, its elements are facts).
 * Output: for each effect its name, the numbers and the strings, ended by a line feed.
 */
#include <stdint.h>

#define EXTISM(name) __attribute__((import_module("extism:host/env"), import_name(name)))

EXTISM("input_length") uint64_t input_length(void);
EXTISM("input_load_u8") uint32_t input_load_u8(uint64_t offset);
EXTISM("input_load_u64") uint64_t input_load_u64(uint64_t offset);
EXTISM("alloc") uint64_t alloc(uint64_t length);
EXTISM("store_u8") void store_u8(uint64_t offset, uint32_t byte);
EXTISM("store_u64") void store_u64(uint64_t offset, uint64_t word);
EXTISM("output_set") void output_set(uint64_t offset, uint64_t length);

void hd_hook_quote(void);

static union {
	uint64_t words[1024];
	unsigned char bytes[8192];
} input, output;
static int32_t input_size, output_size;

static const unsigned char *find(const char *path, int32_t path_len, uint8_t *kind, uint32_t *length) {
	for (int32_t at = 0; at < input_size;) {
		const unsigned char *entry = input.bytes + at;
		int32_t named = entry[0] | entry[1] << 8;
		uint32_t size;
		__builtin_memcpy(&size, entry + 3, 4);
		at += 7 + named + (int32_t)size;
		if (named != path_len)
			continue;
		int32_t i = 0;
		while (i < named && (char)entry[7 + i] == path[i])
			i++;
		if (i < named)
			continue;
		*kind = entry[2];
		*length = size;
		return entry + 7 + named;
	}
	return 0;
}

static int64_t integer(const char *path, int32_t path_len) {
	uint8_t kind;
	uint32_t length;
	int64_t value = 0;
	const unsigned char *found = find(path, path_len, &kind, &length);
	if (found)
		__builtin_memcpy(&value, found, 8);
	return value;
}

int64_t hd_import_fact_i64(const char *path, int32_t path_len) { return integer(path, path_len); }

int32_t hd_import_fact_len(const char *path, int32_t path_len) { return (int32_t)integer(path, path_len); }

int32_t hd_import_fact_str(const char *path, int32_t path_len, char *buffer, int32_t capacity) {
	uint8_t kind;
	uint32_t length;
	const unsigned char *found = find(path, path_len, &kind, &length);
	if (!found)
		return -1;
	for (uint32_t i = 0; i < length && i < (uint32_t)capacity; i++)
		buffer[i] = (char)found[i];
	return (int32_t)length;
}

void hd_import_fail(const char *text, int32_t length) {
	(void)text, (void)length;
	__builtin_trap();
}

static void put(const char *bytes, int32_t length) {
	for (int32_t i = 0; i < length; i++)
		output.bytes[output_size++] = (unsigned char)bytes[i];
}

static void put_number(int64_t n) { put((const char *)&n, 8); }

void hd_import_deny(const char *reason, int32_t reason_len, const char *text, int32_t text_len) {
	put("deny ", 5);
	put(reason, reason_len);
	put(" ", 1);
	put(text, text_len);
	put("\n", 1);
}

void hd_import_discount(int64_t amount, const char *label, int32_t label_len) {
	put("discount ", 9);
	put_number(amount);
	put(label, label_len);
	put("\n", 1);
}

void hd_import_take(const char *quota, int32_t quota_len, int32_t units) {
	put("take ", 5);
	put_number(units);
	put(quota, quota_len);
	put("\n", 1);
}

void hd_import_oblige(const char *kind, int32_t kind_len, const char *data, int32_t data_len) {
	put("oblige ", 7);
	put(kind, kind_len);
	put(" ", 1);
	put(data, data_len);
	put("\n", 1);
}

__attribute__((export_name("decide"))) int32_t decide(void) {
	uint64_t length = input_length(), at = 0;
	for (; at + 8 <= length; at += 8)
		input.words[at / 8] = input_load_u64(at);
	for (; at < length; at++)
		input.bytes[at] = (unsigned char)input_load_u8(at);
	input_size = (int32_t)length;
	output_size = 0;
	hd_hook_quote();
	uint64_t block = alloc((uint64_t)output_size);
	int32_t done = 0;
	for (; done + 8 <= output_size; done += 8)
		store_u64(block + (uint64_t)done, output.words[done / 8]);
	for (; done < output_size; done++)
		store_u8(block + (uint64_t)done, output.bytes[done]);
	output_set(block, (uint64_t)output_size);
	return 0;
}
