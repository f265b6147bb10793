/*
 * hotdrop.ts: the AssemblyScript SDK for hotdrop plugins, ABI version 1. One file, no package.
 *
 * A plugin is one file that exports the ABI's version and the hooks its manifest names:
 *
 *     import * as hotdrop from "./hotdrop";
 *     export { hotdrop_abi_1 } from "./hotdrop";
 *
 *     export function quote(): void {
 *       if (hotdrop.integer("quantity") >= 2)
 *         hotdrop.discount(hotdrop.integer("config.amount"), hotdrop.both("For buying several", "多件优惠"));
 *     }
 *
 * build.sh beside this file builds it.
 *
 * Every decision starts from the same memory: nothing has to be freed or reset, and nothing can be kept. That is why the
 * stub runtime, which never frees, is enough. Amounts are minor units of the campaign's currency, times Unix milliseconds.
 * What is wrong (a count out of range, data that is too long, an abort) ends the decision with fail: nothing is ever cut
 * off silently.
 */

/** The cap of the ABI on a text, a tag's value, data, an error and a log line, in bytes. */
export const MAX_STRING: i32 = 4096;

// ---- imports: see plugins/abi ----

@external("hotdrop", "fact_kind") declare function import_fact_kind(path: usize, path_len: i32): i32;
@external("hotdrop", "fact_i64") declare function import_fact_i64(path: usize, path_len: i32): i64;
@external("hotdrop", "fact_str") declare function import_fact_str(path: usize, path_len: i32, buffer: usize, capacity: i32): i32;
@external("hotdrop", "fact_len") declare function import_fact_len(path: usize, path_len: i32): i32;
@external("hotdrop", "fail") declare function import_fail(text: usize, text_len: i32): void;
@external("hotdrop", "log") declare function import_log(text: usize, text_len: i32): void;
@external("hotdrop", "deny") declare function import_deny(reason: usize, reason_len: i32, text: usize, text_len: i32): void;
@external("hotdrop", "discount") declare function import_discount(amount: i64, label: usize, label_len: i32): void;
@external("hotdrop", "discount_percent") declare function import_discount_percent(basis_points: i64, label: usize, label_len: i32): void;
@external("hotdrop", "price") declare function import_price(amount: i64, label: usize, label_len: i32): void;
@external("hotdrop", "add")
declare function import_add(sku: usize, sku_len: i32, units: i32, unit_price: i64, label: usize, label_len: i32): void;
@external("hotdrop", "deposit") declare function import_deposit(amount: i64, credit: i64): void;
@external("hotdrop", "group") declare function import_group(size: i32, seconds: i32, price: i64): void;
@external("hotdrop", "take") declare function import_take(quota: usize, quota_len: i32, units: i32): void;
@external("hotdrop", "once") declare function import_once(key: usize, key_len: i32): void;
@external("hotdrop", "oblige") declare function import_oblige(kind: usize, kind_len: i32, data: usize, data_len: i32): void;
@external("hotdrop", "grant") declare function import_grant(pool: usize, pool_len: i32, count: i32): void;
@external("hotdrop", "enter") declare function import_enter(draw: usize, draw_len: i32, weight: i64): void;
@external("hotdrop", "tag") declare function import_tag(key: usize, key_len: i32, value: usize, value_len: i32): void;
@external("hotdrop", "notify") declare function import_notify(template: usize, template_len: i32, data: usize, data_len: i32): void;
@external("hotdrop", "reply") declare function import_reply(text: usize, text_len: i32): void;

export function hotdrop_abi_1(): void {}

// ---- strings: UTF-16 here, UTF-8 there ----

/** Where strings become UTF-8 on their way to the host, which takes two at most, and where they arrive from it. */
const FIRST: usize = memory.data(3 * MAX_STRING);
const SECOND: usize = memory.data(3 * MAX_STRING);
const ARRIVED: usize = memory.data(MAX_STRING);

/** Writes a string to a place and returns its length in bytes. The host refuses what is too long for its purpose. */
function utf8(text: string, place: usize): i32 {
  if (text.length > MAX_STRING) fail("a string is longer than 4096 bytes");
  let from = changetype<usize>(text);
  let to = place;
  const end = from + (<usize>text.length << 1);
  // Four ASCII characters at a time, which is what paths and names are made of, then whatever is left.
  for (; from + 8 <= end; from += 8, to += 4) {
    let four = load<u64>(from);
    if (four & 0xff80ff80ff80ff80) break;
    four = (four | (four >> 8)) & 0x0000ffff0000ffff;
    store<u32>(to, <u32>(four | (four >> 16)));
  }
  to += String.UTF8.encodeUnsafe(from, <i32>((end - from) >> 1), to, false, String.UTF8.ErrorMode.REPLACE);
  return <i32>(to - place);
}

/** Writes the decimal digits of n and returns how many. toString would do it too, with tables of 2 KB. */
function digits(n: u64, at: usize): i32 {
  let length = 1;
  for (let rest = n / 10; rest; rest /= 10) length++;
  for (let i = length - 1; i >= 0; i--, n /= 10) store<u8>(at + i, 0x30 + <u8>(n % 10));
  return length;
}

// ---- ending and logging ----

/** Ends the decision with an error text; does not return. */
export function fail(text: string): void {
  import_fail(FIRST, utf8(text, FIRST));
  unreachable();
}

/** What asc calls for a failed assertion, a throw, an index out of bounds: build.sh says --use abort=hotdrop_abort. */
// @ts-ignore: decorator
@global
function hotdrop_abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const at = String.UTF8.decodeUnsafe(SECOND, digits(line, SECOND));
  fail("abort: " + (message ? message : "") + " at " + (file ? file : "") + ":" + at);
}

/** Writes a line for the plugin's author. */
export function log(text: string): void {
  import_log(FIRST, utf8(text, FIRST));
}

// ---- facts ----

/** The kinds of facts. An empty string and an empty list are absent. */
export enum Kind {
  Absent,
  Integer,
  String,
  Boolean,
  List,
}

/** The kind of a fact. */
export function kind(path: string): Kind {
  return import_fact_kind(FIRST, utf8(path, FIRST));
}

/** An integer; 0 if it is absent. */
export function integer(path: string): i64 {
  return import_fact_i64(FIRST, utf8(path, FIRST));
}

/** A boolean; false if it is absent. */
export function boolean(path: string): bool {
  return integer(path) != 0;
}

/** A string; "" if it is absent. One of more than MAX_STRING bytes fails the decision. */
export function text(path: string): string {
  return read(utf8(path, FIRST));
}

/** Reads the string at the path of so many bytes in FIRST. */
function read(path_len: i32): string {
  const length = import_fact_str(FIRST, path_len, ARRIVED, MAX_STRING);
  if (length > MAX_STRING) fail("a string is longer than its buffer");
  return length > 0 ? String.UTF8.decodeUnsafe(ARRIVED, length) : "";
}

/** The number of a list's elements; 0 if it is absent. */
export function count(path: string): i32 {
  return import_fact_len(FIRST, utf8(path, FIRST));
}

/** A list of strings. */
export function texts(path: string): StaticArray<string> {
  const list = new StaticArray<string>(count(path));
  const stem = utf8(path, FIRST);
  for (let i = 0; i < list.length; i++) unchecked((list[i] = read(element(stem, i))));
  return list;
}

/** A list of integers. */
export function integers(path: string): StaticArray<i64> {
  const list = new StaticArray<i64>(count(path));
  const stem = utf8(path, FIRST);
  for (let i = 0; i < list.length; i++) unchecked((list[i] = import_fact_i64(FIRST, element(stem, i))));
  return list;
}

/** Turns the list's path of so many bytes in FIRST into that of its element: "config.brands" into "config.brands.12". */
function element(stem: i32, index: i32): i32 {
  store<u8>(FIRST + stem, 0x2e);
  return stem + 1 + digits(index, FIRST + stem + 1);
}

// ---- data: a flat JSON object, written field by field ----

/** What oblige and notify hand over. Fields in the order of their names make the text canonical. */
export class Data {
  private bytes: StaticArray<u8> = new StaticArray<u8>(MAX_STRING);
  private length: i32 = 0;

  /** Adds a field with a string. */
  str(name: string, value: string): Data {
    this.name(name);
    this.quoted(value);
    return this;
  }

  /** Adds a field with an integer. */
  int(name: string, value: i64): Data {
    this.name(name);
    if (value < 0) this.byte(0x2d);
    this.copy(SECOND, digits(value < 0 ? 0 - <u64>value : <u64>value, SECOND));
    return this;
  }

  /** Adds a field with a boolean. */
  bool(name: string, value: bool): Data {
    this.name(name);
    this.copy(SECOND, utf8(value ? "true" : "false", SECOND));
    return this;
  }

  private name(name: string): void {
    this.byte(this.length ? 0x2c : 0x7b);
    this.quoted(name);
    this.byte(0x3a);
  }

  private quoted(text: string): void {
    const end = SECOND + utf8(text, SECOND);
    this.byte(0x22);
    let plain = SECOND; // where the bytes begin that need no escape
    for (let at = SECOND; at < end; at++) {
      const c = load<u8>(at);
      if (c >= 0x20 && c != 0x22 && c != 0x5c) continue;
      this.copy(plain, <i32>(at - plain));
      this.escape(c);
      plain = at + 1;
    }
    this.copy(plain, <i32>(end - plain));
    this.byte(0x22);
  }

  private escape(c: u8): void {
    this.byte(0x5c);
    if (c >= 0x20) return this.byte(c);
    this.byte(0x75);
    this.byte(0x30);
    this.byte(0x30);
    this.byte(0x30 + (c >> 4));
    this.byte((c & 15) < 10 ? 0x30 + (c & 15) : 0x57 + (c & 15));
  }

  private copy(from: usize, length: i32): void {
    if (length > MAX_STRING - this.length) fail("JSON data is longer than 4096 bytes");
    memory.copy(changetype<usize>(this.bytes) + this.length, from, length);
    this.length += length;
  }

  private byte(c: u8): void {
    if (this.length >= MAX_STRING) fail("JSON data is longer than 4096 bytes");
    unchecked((this.bytes[this.length++] = c));
  }

  /** Ends the object; its text is at the address, length bytes long. */
  end(): usize {
    if (!this.length) this.byte(0x7b);
    this.byte(0x7d);
    return changetype<usize>(this.bytes);
  }

  /** The length of the object's text in bytes; after that the object has no fields again. */
  taken(): i32 {
    const length = this.length;
    this.length = 0;
    return length;
  }
}

// ---- effects. A label or text is English, or made by both ----

/** A label or text in both languages. */
export function both(english: string, chinese: string): string {
  return english + "\x1f" + chinese;
}

/** A count as the ABI wants it; one that 32 bits do not hold fails the decision. */
function units(count: i64): i32 {
  if (count != <i64>(<i32>count)) fail("a count does not fit 32 bits");
  return <i32>count;
}

/** Refuse: reason is a stable code, text is shown. */
export function deny(reason: string, text: string): void {
  import_deny(FIRST, utf8(reason, FIRST), SECOND, utf8(text, SECOND));
}

/** Money off the order. */
export function discount(amount: i64, label: string): void {
  import_discount(amount, FIRST, utf8(label, FIRST));
}

/** Hundredths of a percent off the running total. */
export function discountPercent(basisPoints: i64, label: string): void {
  import_discount_percent(basisPoints, FIRST, utf8(label, FIRST));
}

/** This price per unit instead. */
export function price(amount: i64, label: string): void {
  import_price(amount, FIRST, utf8(label, FIRST));
}

/** Another line. */
export function add(sku: string, count: i64, unitPrice: i64, label: string): void {
  import_add(FIRST, utf8(sku, FIRST), units(count), unitPrice, SECOND, utf8(label, SECOND));
}

/** Pay amount now, the rest later; it counts for credit. */
export function deposit(amount: i64, credit: i64): void {
  import_deposit(amount, credit);
}

/** Needs a group of size within seconds, at price per unit. */
export function group(size: i64, seconds: i64, price: i64): void {
  import_group(units(size), units(seconds), price);
}

/** Units of a named quota, atomically with the order. */
export function take(quota: string, count: i64): void {
  import_take(FIRST, utf8(quota, FIRST), units(count));
}

/** At most once per campaign, key and shopper. */
export function once(key: string): void {
  import_once(FIRST, utf8(key, FIRST));
}

/** The order carries a duty. */
export function oblige(kind: string, data: Data): void {
  import_oblige(FIRST, utf8(kind, FIRST), data.end(), data.taken());
}

/** Vouchers from a pool. */
export function grant(pool: string, count: i64): void {
  import_grant(FIRST, utf8(pool, FIRST), units(count));
}

/** Entries into a draw. */
export function enter(draw: string, weight: i64): void {
  import_enter(FIRST, utf8(draw, FIRST), weight);
}

/** Customer data. */
export function tag(key: string, value: string): void {
  import_tag(FIRST, utf8(key, FIRST), SECOND, utf8(value, SECOND));
}

/** A message to the shopper. */
export function notify(template: string, data: Data): void {
  import_notify(FIRST, utf8(template, FIRST), data.end(), data.taken());
}

/** An answer to an inbox message. */
export function reply(text: string): void {
  import_reply(FIRST, utf8(text, FIRST));
}
