// trade-in: money off for handing in a device of a listed brand. The order takes one trade-in per unit from the quota
// "trade-in" and carries the duty to hand the device in.
import * as hotdrop from "../../../sdk/assemblyscript/hotdrop";
export { hotdrop_abi_1 } from "../../../sdk/assemblyscript/hotdrop";

export function quote(): void {
  const offered = hotdrop.text("input.trade_in.brand");
  if (!offered || !soldForTradeIn() || !hotdrop.texts("config.brands").includes(offered)) return;
  hotdrop.discount(hotdrop.integer("config.amount"), hotdrop.both("Trade-in", "折抵"));
  hotdrop.take("trade-in", hotdrop.integer("quantity"));
  hotdrop.oblige("trade_in", new hotdrop.Data().str("brand", offered).str("model", hotdrop.text("input.trade_in.model")));
}

/** An empty config.sku means any item. */
function soldForTradeIn(): bool {
  const wanted = hotdrop.text("config.sku");
  return !wanted || wanted == hotdrop.text("item.sku");
}
