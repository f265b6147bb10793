// trade-in: money off for handing in a listed device, by its model, or by its brand, and by its condition. The order takes
// one trade-in per unit from the quota "trade-in" and carries the duty to hand the device in.
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
  const model = hotdrop.text("input.trade_in.model");
  if (brand == "") return;
  const condition = indexOf("config.conditions", hotdrop.text("input.trade_in.condition"));
  const amount = fullAmount(brand, model);
  if (!amount) leaveOut("not_taken_in", hotdrop.both("This device is not taken in.", "该旧机不在折抵范围内。"));
  else if (conditions && condition < 0)
    leaveOut("condition_not_taken_in", hotdrop.both("A device in this condition is not taken in.", "此成色的旧机不可折抵。"));
  else takeIn(brand, model, inCondition(amount, condition));
}

/** Denies where the binding wants devices that are not taken in refused; else the order has the list price. */
function leaveOut(reason: string, text: string): void {
  if (hotdrop.text("config.unlisted") == "refuse") hotdrop.deny(reason, text);
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

function takeIn(brand: string, model: string, amount: i64): void {
  hotdrop.discount(amount, hotdrop.both("Trade-in", "折抵"));
  hotdrop.take("trade-in", hotdrop.integer("quantity"));
  hotdrop.oblige("trade_in", new hotdrop.Data().str("brand", brand).str("model", model));
}

/** The part of the amount that the listed condition leaves, rounded half up; all of it for -1. */
function inCondition(amount: i64, condition: i32): i64 {
  return condition < 0 ? amount : (amount * hotdrop.integers("config.percents")[condition] + 50) / 100;
}

/** The money off for the device in full, 0 if it is not taken in. A table of models is the whole table, whatever the brands. */
function fullAmount(brand: string, model: string): i64 {
  if (!hotdrop.count("config.models")) return indexOf("config.brands", brand) < 0 ? 0 : hotdrop.integer("config.amount");
  const listed = listedModel(brand, model);
  return listed < 0 ? 0 : hotdrop.integers("config.amounts")[listed];
}

/**
 * The index of the device in config.models, else that of its brand for all its models, else -1. A brand with a space never is
 * in there, so that nobody has a model's amount for another by writing the model into the brand.
 */
function listedModel(brand: string, model: string): i32 {
  const listed = indexOf("config.models", brand + " " + model);
  return listed < 0 && !brand.includes(" ") ? indexOf("config.models", brand) : listed;
}
