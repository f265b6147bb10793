// my-mechanic: money off for whoever buys several.
import * as hotdrop from "./hotdrop";
export { hotdrop_abi_1 } from "./hotdrop";

export function quote(): void {
  if (hotdrop.integer("quantity") >= hotdrop.integer("config.quantity")) {
    hotdrop.discount(hotdrop.integer("config.amount"), hotdrop.both("For buying several", "多件优惠"));
  }
}
