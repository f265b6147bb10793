// trade-in: money off for handing in a device of a listed brand, by its model and condition. The order takes one trade-in
// per unit from the quota "trade-in" and carries the duty to hand the device in.
import * as hotdrop from "../../../sdk/assemblyscript/hotdrop";
export { hotdrop_abi_1 } from "../../../sdk/assemblyscript/hotdrop";

export function quote(): void {
  if (!soldForTradeIn()) return;
  const conditions = hotdrop.count("config.conditions");
  // The lists of a table belong together: a table with a gap gives nothing away.
  if (hotdrop.count("config.models") != hotdrop.count("config.amounts") || conditions != hotdrop.count("config.percents")) {
    hotdrop.deny("misconfigured", hotdrop.both("This offer is not set up correctly.", "活动配置有误，暂不可用。"));
    return;
  }
  const brand = hotdrop.text("input.trade_in.brand");
  const condition = indexOf("config.conditions", hotdrop.text("input.trade_in.condition"));
  if ((!conditions || condition >= 0) && indexOf("config.brands", brand) >= 0) takeIn(brand, condition);
  else if (brand != "" && hotdrop.text("config.unlisted") == "refuse")
    hotdrop.deny("not_taken_in", hotdrop.both("This device is not taken in.", "该旧机不在折抵范围内。"));
}

/** An empty config.sku means any item. */
function soldForTradeIn(): bool {
  const wanted = hotdrop.text("config.sku");
  return !wanted || wanted == hotdrop.text("item.sku");
}

/** The index of the first element that is the string, -1 if none is. An empty string is in no list. */
function indexOf(list: string, wanted: string): i32 {
  return wanted == "" ? -1 : hotdrop.texts(list).indexOf(wanted);
}

function takeIn(brand: string, condition: i32): void {
  const model = hotdrop.text("input.trade_in.model");
  let amount = fullAmount(brand + " " + model);
  if (condition >= 0) amount = (amount * hotdrop.integers("config.percents")[condition] + 50) / 100; // half up
  hotdrop.discount(amount, hotdrop.both("Trade-in", "折抵"));
  hotdrop.take("trade-in", hotdrop.integer("quantity"));
  hotdrop.oblige("trade_in", new hotdrop.Data().str("brand", brand).str("model", model));
}

/** The money off for the device in full: that of its model, which is listed with its brand, or the one for all others. */
function fullAmount(device: string): i64 {
  const listed = indexOf("config.models", device);
  return listed >= 0 ? hotdrop.integers("config.amounts")[listed] : hotdrop.integer("config.amount");
}
