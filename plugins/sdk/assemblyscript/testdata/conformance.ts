// Calls everything that hotdrop.ts offers, with values at the edges; ../../conformance_test.go knows what must arrive.
import * as hotdrop from "../hotdrop";
export { hotdrop_abi_1 } from "../hotdrop";

export function reserve(): void {
  hotdrop.log("reserving");
  hotdrop.deny("too_late", hotdrop.both("Come earlier", "请早点来"));
  hotdrop.once("");
}

export function share(): void {
  hotdrop.enter("phone", i64.MAX_VALUE);
  if (
    hotdrop.kind("shopper.tags") == hotdrop.Kind.List &&
    hotdrop.kind("shopper.tier") == hotdrop.Kind.Absent &&
    hotdrop.kind("now") == hotdrop.Kind.Integer &&
    hotdrop.kind("shopper.id") == hotdrop.Kind.String &&
    hotdrop.kind("input.fair") == hotdrop.Kind.Boolean
  ) {
    hotdrop.tag("tier", hotdrop.text("shopper.tier"));
  }
  const tags = hotdrop.texts("shopper.tags");
  for (let i = 0; i < tags.length; i++) hotdrop.tag("tag", tags[i]);
}

export function quote(): void {
  const ids = hotdrop.integers("config.ids");
  hotdrop.discount(ids[ids.length - 1], "");
  if (hotdrop.boolean("input.fair")) hotdrop.discountPercent(1, "fair");
  hotdrop.price(hotdrop.integer("item.price"), hotdrop.text("shopper.id"));
  hotdrop.add("case", i32.MAX_VALUE, i64.MIN_VALUE, "free");
  hotdrop.deposit(1, 2);
  hotdrop.group(3, i32.MIN_VALUE, 4);
  hotdrop.take("trade-in", 5);
  const data = new hotdrop.Data().bool("false", hotdrop.boolean("input.unfair"));
  data.int("least", i64.MIN_VALUE).int("most", i64.MAX_VALUE).int("none", 0);
  hotdrop.oblige("all", data.str("text", '"\\\n\x7f退').bool("true", true));
  hotdrop.oblige("nothing", data);
}

export function paid(): void {
  hotdrop.grant("pool", 1);
  hotdrop.notify("thanks", new hotdrop.Data().int("n", -10));
  const facts = new hotdrop.Data();
  const paths = hotdrop.texts("config.paths");
  for (let i = 0; i < paths.length; i++) writeFact(facts, paths[i]);
  hotdrop.notify("facts", facts);
}

/** Writes the fact under its path, a list as its elements. */
function writeFact(facts: hotdrop.Data, path: string): void {
  switch (hotdrop.kind(path)) {
    case hotdrop.Kind.Integer:
      facts.int(path, hotdrop.integer(path));
      break;
    case hotdrop.Kind.Boolean:
      facts.bool(path, hotdrop.boolean(path));
      break;
    case hotdrop.Kind.String:
      facts.str(path, hotdrop.text(path));
      break;
    case hotdrop.Kind.List:
      for (let i = 0, count = hotdrop.count(path); i < count; i++) writeFact(facts, path + "." + i.toString());
  }
}

export function message(): void {
  const said = hotdrop.text("message.text");
  if (said == "help") hotdrop.reply("how?");
  else if (said == "count") hotdrop.take("q", i64.MAX_VALUE);
  else if (said == "data") {
    const data = new hotdrop.Data();
    for (let i = 0; i < 1000; i++) data.str("text", "data");
  } else if (said == "panic") throw new Error("on purpose");
  else hotdrop.fail("no idea");
}
