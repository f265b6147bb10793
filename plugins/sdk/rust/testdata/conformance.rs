//! Calls everything that hotdrop.rs offers, with values at the edges; ../../conformance_test.go knows what must arrive.
#![no_std]

#[path = "../hotdrop.rs"]
mod hotdrop;
use core::fmt::Write;
use hotdrop::{both, Data, Kind, Str};

#[no_mangle]
pub extern "C" fn reserve() {
    hotdrop::log("reserving");
    hotdrop::deny("too_late", both!("Come earlier", "请早点来"));
    hotdrop::once("");
}

#[no_mangle]
pub extern "C" fn share() {
    hotdrop::enter("phone", i64::MAX);
    if hotdrop::kind("shopper.tags") == Kind::List
        && hotdrop::kind("shopper.tier") == Kind::Absent
        && hotdrop::kind("now") == Kind::Integer
        && hotdrop::kind("shopper.id") == Kind::String
        && hotdrop::kind("input.fair") == Kind::Boolean
    {
        hotdrop::tag("tier", &hotdrop::string("shopper.tier"));
    }
    for tag in hotdrop::strings("shopper.tags") {
        hotdrop::tag("tag", &tag);
    }
}

#[no_mangle]
pub extern "C" fn quote() {
    hotdrop::discount(hotdrop::integers("config.ids").last().unwrap_or(0), "");
    if hotdrop::boolean("input.fair") {
        hotdrop::discount_percent(1, "fair");
    }
    hotdrop::price(hotdrop::integer("item.price"), &hotdrop::read::<2>("shopper.id"));
    hotdrop::add("case", i32::MAX.into(), i64::MIN, "free");
    hotdrop::deposit(1, 2);
    hotdrop::group(3, i32::MIN.into(), 4);
    hotdrop::take("trade-in", 5);
    let mut data = Data::new();
    data.bool("false", hotdrop::boolean("input.unfair")).int("least", i64::MIN).int("most", i64::MAX).int("none", 0);
    hotdrop::oblige("all", data.str("text", "\"\\\n\x7f退").bool("true", true));
    hotdrop::oblige("nothing", &mut data);
}

#[no_mangle]
pub extern "C" fn paid() {
    hotdrop::grant("pool", 1);
    hotdrop::notify("thanks", Data::new().int("n", -10));
    let mut facts = Data::new();
    for path in hotdrop::strings("config.paths") {
        write_fact(&mut facts, &path);
    }
    hotdrop::notify("facts", &mut facts);
}

/// Writes the fact under its path, a list as its elements.
fn write_fact(facts: &mut Data, path: &str) {
    match hotdrop::kind(path) {
        Kind::Integer => _ = facts.int(path, hotdrop::integer(path)),
        Kind::Boolean => _ = facts.bool(path, hotdrop::boolean(path)),
        Kind::String => _ = facts.str(path, &hotdrop::string(path)),
        Kind::List => {
            for i in 0..hotdrop::count(path) {
                let mut element = Str::<128>::new();
                write!(element, "{path}.{i}").unwrap();
                write_fact(facts, &element);
            }
        }
        Kind::Absent => {}
    }
}

#[no_mangle]
pub extern "C" fn message() {
    match &*hotdrop::string("message.text") {
        "help" => hotdrop::reply("how?"),
        "count" => hotdrop::take("q", i64::MAX),
        "data" => {
            let mut data = Data::new();
            for _ in 0..1000 {
                data.str("text", "data");
            }
        }
        "panic" => panic!("on {}", "purpose"),
        _ => hotdrop::fail("no idea"),
    }
}
