// my-mechanic: money off for whoever shared the campaign often enough.
import * as hotdrop from "./hotdrop";
export { hotdrop_abi_1 } from "./hotdrop";

export function quote(): void {
  if (hotdrop.integer("shares.reposts") >= hotdrop.integer("config.reposts")) {
    hotdrop.discount(hotdrop.integer("config.amount"), hotdrop.both("Thanks for sharing", "分享有礼"));
  }
}
