//! The Rust SDK for hotdrop plugins, ABI version 1: one file, no crate, no allocator, no std.
//!
//! A plugin is a `#![no_std]` cdylib with this file as a module. It exports the hooks its manifest names:
//!
//! ```
//! #![no_std]
//! mod hotdrop;
//! use hotdrop::{both, discount, integer};
//!
//! #[no_mangle]
//! pub extern "C" fn quote() {
//!     if integer("quantity") >= 2 {
//!         discount(integer("config.amount"), both!("For buying several", "多件优惠"));
//!     }
//! }
//! ```
//!
//! build.sh beside this file builds it, with cargo's toolchain or with Debian's rustc 1.63.
//!
//! Every decision starts from the same memory: nothing has to be freed or reset, and nothing can be kept. Amounts are
//! minor units of the campaign's currency, times Unix milliseconds. What is wrong (a string that does not fit, a count
//! out of range, a panic) ends the decision with [`fail`]: nothing is ever cut off silently.
#![allow(dead_code)]

use core::fmt::Write;
use core::mem::MaybeUninit;
use core::ops::Deref;

/// The caps of the ABI on names and on texts, values, data, errors and log lines, in bytes.
pub const MAX_NAME: usize = 128;
pub const MAX_STRING: usize = 4096;

/// The longest string a shopper can submit as an input, in bytes.
pub const MAX_INPUT: usize = 1024;

/// The imports: see plugins/abi.
mod import {
    #[link(wasm_import_module = "hotdrop")]
    extern "C" {
        pub fn fact_kind(path: *const u8, path_len: usize) -> i32;
        pub fn fact_i64(path: *const u8, path_len: usize) -> i64;
        pub fn fact_str(path: *const u8, path_len: usize, buffer: *mut u8, capacity: usize) -> i32;
        pub fn fact_len(path: *const u8, path_len: usize) -> i32;
        pub fn fail(text: *const u8, text_len: usize) -> !;
        pub fn log(text: *const u8, text_len: usize);
        pub fn deny(reason: *const u8, reason_len: usize, text: *const u8, text_len: usize);
        pub fn discount(amount: i64, label: *const u8, label_len: usize);
        pub fn discount_percent(basis_points: i64, label: *const u8, label_len: usize);
        pub fn price(amount: i64, label: *const u8, label_len: usize);
        pub fn add(sku: *const u8, sku_len: usize, units: i32, unit_price: i64, label: *const u8, label_len: usize);
        pub fn deposit(amount: i64, credit: i64);
        pub fn group(size: i32, seconds: i32, price: i64);
        pub fn take(quota: *const u8, quota_len: usize, units: i32);
        pub fn once(key: *const u8, key_len: usize);
        pub fn oblige(kind: *const u8, kind_len: usize, data: *const u8, data_len: usize);
        pub fn grant(pool: *const u8, pool_len: usize, count: i32);
        pub fn enter(draw: *const u8, draw_len: usize, weight: i64);
        pub fn tag(key: *const u8, key_len: usize, value: *const u8, value_len: usize);
        pub fn notify(template: *const u8, template_len: usize, data: *const u8, data_len: usize);
        pub fn reply(text: *const u8, text_len: usize);
    }
}

#[no_mangle]
pub extern "C" fn hotdrop_abi_1() {}

// ---- ending and logging ----

/// Ends the decision with an error text; does not return.
pub fn fail(text: &str) -> ! {
    unsafe { import::fail(text.as_ptr(), text.len()) }
}

/// Writes a line for the plugin's author.
pub fn log(text: &str) {
    unsafe { import::log(text.as_ptr(), text.len()) }
}

#[panic_handler]
fn panicked(info: &core::panic::PanicInfo) -> ! {
    let mut text = Str::<512>::new();
    let _ = write!(text, "{}", info); // what does not fit is left out
    fail(&text)
}

// ---- strings ----

/// A string of at most `N` bytes on the stack. It derefs to `str`.
pub struct Str<const N: usize = MAX_INPUT> {
    bytes: [MaybeUninit<u8>; N],
    length: usize,
}

impl<const N: usize> Str<N> {
    pub fn new() -> Self {
        Str { bytes: [MaybeUninit::uninit(); N], length: 0 }
    }

    fn at(&self) -> *const u8 {
        self.bytes.as_ptr().cast()
    }
}

impl<const N: usize> Deref for Str<N> {
    type Target = str;

    fn deref(&self) -> &str {
        // The first `length` bytes are UTF-8: the host wrote a whole string, or `write_str` did.
        unsafe { core::str::from_utf8_unchecked(core::slice::from_raw_parts(self.at(), self.length)) }
    }
}

impl<const N: usize> Write for Str<N> {
    /// Appends; a text that does not fit is an error and appends nothing.
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self.bytes.get_mut(self.length..self.length + text.len()).ok_or(core::fmt::Error)?;
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = MaybeUninit::new(from);
        }
        self.length += text.len();
        Ok(())
    }
}

// ---- facts ----

/// The kind of a fact. An empty string and an empty list are absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Absent,
    Integer,
    String,
    Boolean,
    List,
}

/// The kind of a fact.
pub fn kind(path: &str) -> Kind {
    match unsafe { import::fact_kind(path.as_ptr(), path.len()) } {
        1 => Kind::Integer,
        2 => Kind::String,
        3 => Kind::Boolean,
        4 => Kind::List,
        _ => Kind::Absent,
    }
}

/// An integer; 0 if it is absent.
pub fn integer(path: &str) -> i64 {
    unsafe { import::fact_i64(path.as_ptr(), path.len()) }
}

/// A boolean; false if it is absent.
pub fn boolean(path: &str) -> bool {
    integer(path) != 0
}

/// A string of an input's length or shorter; empty if it is absent.
pub fn string(path: &str) -> Str {
    read(path)
}

/// A string of at most `N` bytes; empty if it is absent. One that does not fit fails the decision.
pub fn read<const N: usize>(path: &str) -> Str<N> {
    let mut s = Str::new();
    let length = unsafe { import::fact_str(path.as_ptr(), path.len(), s.bytes.as_mut_ptr().cast(), N) };
    if length > N as i32 {
        fail("a string is longer than its buffer");
    }
    s.length = length.max(0) as usize;
    s
}

/// The number of a list's elements; 0 if it is absent.
pub fn count(path: &str) -> usize {
    unsafe { import::fact_len(path.as_ptr(), path.len()) as usize }
}

/// Iterates over a list of strings.
pub fn strings(path: &str) -> impl Iterator<Item = Str> + '_ {
    (0..count(path)).map(move |i| string(&element(path, i)))
}

/// Iterates over a list of integers.
pub fn integers(path: &str) -> impl Iterator<Item = i64> + '_ {
    (0..count(path)).map(move |i| integer(&element(path, i)))
}

/// The path of a list's element: "config.brands" and 12 make "config.brands.12".
fn element(list: &str, index: usize) -> Str<MAX_NAME> {
    let mut path = Str::new();
    if path.write_str(list).and(path.write_str(".")).and(path.write_str(&digits(index as u64))).is_err() {
        fail("a path is longer than 128 bytes");
    }
    path
}

/// The decimal digits of n. core::fmt would do it too, in thrice the code.
fn digits(n: u64) -> Str<20> {
    let mut s = Str::new();
    let mut power = 1;
    while n / power >= 10 {
        power *= 10;
    }
    while power > 0 {
        s.bytes[s.length] = MaybeUninit::new(b'0' + (n / power % 10) as u8);
        s.length += 1;
        power /= 10;
    }
    s
}

// ---- data: a flat JSON object, written field by field ----

/// What [`oblige`] and [`notify`] hand over. Fields in the order of their names make the text canonical.
pub struct Data(Str<MAX_STRING>);

impl Data {
    pub fn new() -> Self {
        Data(Str::new())
    }

    /// Adds a field with a string.
    pub fn str(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.quoted(value)
    }

    /// Adds a field with an integer.
    pub fn int(&mut self, name: &str, value: i64) -> &mut Self {
        self.name(name);
        if value < 0 {
            self.push("-");
        }
        self.push(&digits(value.unsigned_abs()))
    }

    /// Adds a field with a boolean.
    pub fn bool(&mut self, name: &str, value: bool) -> &mut Self {
        self.name(name);
        self.push(if value { "true" } else { "false" })
    }

    fn name(&mut self, name: &str) {
        self.push(if self.0.is_empty() { "{" } else { "," });
        self.quoted(name).push(":");
    }

    fn quoted(&mut self, text: &str) -> &mut Self {
        self.push("\"");
        for c in text.bytes() {
            if c == b'"' || c == b'\\' {
                self.byte(b'\\').byte(c);
            } else if c < b' ' {
                self.push("\\u00").byte(b'0' + (c >> 4)).byte(b"0123456789abcdef"[c as usize & 15]);
            } else {
                self.byte(c);
            }
        }
        self.push("\"")
    }

    fn push(&mut self, text: &str) -> &mut Self {
        for c in text.bytes() {
            self.byte(c);
        }
        self
    }

    fn byte(&mut self, c: u8) -> &mut Self {
        match self.0.bytes.get_mut(self.0.length) {
            Some(to) => *to = MaybeUninit::new(c),
            None => fail("JSON data is longer than 4096 bytes"),
        }
        self.0.length += 1;
        self
    }

    /// Ends the object and hands its text over; after that it has no fields again.
    fn hand_over(&mut self, to: unsafe extern "C" fn(*const u8, usize, *const u8, usize), name: &str) {
        self.push(if self.0.is_empty() { "{}" } else { "}" });
        unsafe { to(name.as_ptr(), name.len(), self.0.as_ptr(), self.0.len()) }
        self.0.length = 0;
    }
}

// ---- effects. A label or text is English, or made by both! ----

/// A label or text in both languages, from literals.
macro_rules! both {
    ($english:literal, $chinese:literal) => {
        concat!($english, "\x1f", $chinese)
    };
}
pub(crate) use both;

/// A count as the ABI wants it; one that 32 bits do not hold fails the decision.
fn units(count: i64) -> i32 {
    if count != count as i32 as i64 {
        fail("a count does not fit 32 bits");
    }
    count as i32
}

/// Refuse: reason is a stable code, text is shown.
pub fn deny(reason: &str, text: &str) {
    unsafe { import::deny(reason.as_ptr(), reason.len(), text.as_ptr(), text.len()) }
}

/// Money off the order.
pub fn discount(amount: i64, label: &str) {
    unsafe { import::discount(amount, label.as_ptr(), label.len()) }
}

/// Hundredths of a percent off the running total.
pub fn discount_percent(basis_points: i64, label: &str) {
    unsafe { import::discount_percent(basis_points, label.as_ptr(), label.len()) }
}

/// This price per unit instead.
pub fn price(amount: i64, label: &str) {
    unsafe { import::price(amount, label.as_ptr(), label.len()) }
}

/// Another line.
pub fn add(sku: &str, count: i64, unit_price: i64, label: &str) {
    unsafe { import::add(sku.as_ptr(), sku.len(), units(count), unit_price, label.as_ptr(), label.len()) }
}

/// Pay amount now, the rest later; it counts for credit.
pub fn deposit(amount: i64, credit: i64) {
    unsafe { import::deposit(amount, credit) }
}

/// Needs a group of size within seconds, at price per unit.
pub fn group(size: i64, seconds: i64, price: i64) {
    unsafe { import::group(units(size), units(seconds), price) }
}

/// Units of a named quota, atomically with the order.
pub fn take(quota: &str, count: i64) {
    unsafe { import::take(quota.as_ptr(), quota.len(), units(count)) }
}

/// At most once per campaign, key and shopper.
pub fn once(key: &str) {
    unsafe { import::once(key.as_ptr(), key.len()) }
}

/// The order carries a duty.
pub fn oblige(kind: &str, data: &mut Data) {
    data.hand_over(import::oblige, kind);
}

/// Vouchers from a pool.
pub fn grant(pool: &str, count: i64) {
    unsafe { import::grant(pool.as_ptr(), pool.len(), units(count)) }
}

/// Entries into a draw.
pub fn enter(draw: &str, weight: i64) {
    unsafe { import::enter(draw.as_ptr(), draw.len(), weight) }
}

/// Customer data.
pub fn tag(key: &str, value: &str) {
    unsafe { import::tag(key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

/// A message to the shopper.
pub fn notify(template: &str, data: &mut Data) {
    data.hand_over(import::notify, template);
}

/// An answer to an inbox message.
pub fn reply(text: &str) {
    unsafe { import::reply(text.as_ptr(), text.len()) }
}
