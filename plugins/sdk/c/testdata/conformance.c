/*
 * Calls everything that hotdrop.h offers, with values at the edges; ../../conformance_test.go knows what must arrive.
 */
#include "hotdrop.h"

static char text[HD_MAX_INPUT];
static hd_json data;

HD_HOOK(reserve) {
	hd_log(HD("reserving"));
	hd_deny(HD("too_late"), HD_BOTH("Come earlier", "请早点来"));
	hd_once(HD(""));
}

HD_HOOK(share) {
	hd_enter(HD("phone"), INT64_MAX);
	if (hd_kind("shopper.tags") == HD_LIST && hd_kind("shopper.tier") == HD_ABSENT && hd_kind("now") == HD_INTEGER &&
	    hd_kind("shopper.id") == HD_STRING && hd_kind("input.fair") == HD_BOOLEAN)
		hd_tag(HD("tier"), hd_string("shopper.tier", text));
	for (int32_t i = 0; i < hd_count("shopper.tags"); i++)
		hd_tag(HD("tag"), hd_read_element(HD("shopper.tags"), i, text, sizeof(text)));
}

HD_HOOK(quote) {
	hd_discount(hd_i64_element(HD("config.ids"), 11), HD(""));
	hd_discount_percent(hd_bool("input.fair"), HD("fair"));
	hd_price(hd_i64("item.price"), hd_string("shopper.id", text));
	hd_add(HD("case"), INT32_MAX, INT64_MIN, HD("free"));
	hd_deposit(1, 2);
	hd_group(3, INT32_MIN, 4);
	hd_take(HD("trade-in"), 5);
	hd_json_begin(&data);
	hd_json_bool(&data, HD("false"), hd_bool("input.unfair"));
	hd_json_i64(&data, HD("least"), INT64_MIN);
	hd_json_i64(&data, HD("most"), INT64_MAX);
	hd_json_i64(&data, HD("none"), 0);
	hd_json_str(&data, HD("text"), HD("\"\\\n\x7f退"));
	hd_json_bool(&data, HD("true"), true);
	hd_oblige(HD("all"), hd_json_end(&data));
	hd_json_begin(&data);
	hd_oblige(HD("nothing"), hd_json_end(&data));
}

/* Writes the fact under its path, a list as its elements. */
static void write_fact(hd_str path) {
	char element[HD_MAX_NAME];
	int32_t count;
	switch (hd_import_fact_kind(path.at, path.length)) {
	case HD_INTEGER:
		hd_json_i64(&data, path, hd_import_fact_i64(path.at, path.length));
		break;
	case HD_BOOLEAN:
		hd_json_bool(&data, path, hd_import_fact_i64(path.at, path.length) != 0);
		break;
	case HD_STRING:
		hd_json_str(&data, path, hd_read(path, text, sizeof(text)));
		break;
	case HD_LIST:
		count = hd_import_fact_len(path.at, path.length);
		for (int32_t i = 0; i < count; i++)
			write_fact(hd_element_path(path, i, element));
	}
}

HD_HOOK(paid) {
	char path[HD_MAX_NAME];
	hd_grant(HD("pool"), 1);
	hd_json_begin(&data);
	hd_json_i64(&data, HD("n"), -10);
	hd_notify(HD("thanks"), hd_json_end(&data));
	hd_json_begin(&data);
	for (int32_t i = 0; i < hd_count("config.paths"); i++)
		write_fact(hd_read_element(HD("config.paths"), i, path, sizeof(path)));
	hd_notify(HD("facts"), hd_json_end(&data));
}

static void fail_on_purpose(hd_str how) {
	if (hd_equal(how, HD("count")))
		hd_take(HD("q"), INT64_MAX);
	for (;;)
		hd_json_str(&data, HD("text"), how);
}

HD_HOOK(message) {
	hd_str said = hd_string("message.text", text);
	if (hd_equal(said, HD("help")))
		hd_reply(HD("how?"));
	else if (hd_equal(said, HD("count")) || hd_equal(said, HD("data")))
		fail_on_purpose(said);
	else if (hd_equal(said, HD("panic")))
		__builtin_trap();
	else
		hd_fail(HD("no idea"));
}
