// repost-discount: money off in tiers for a shopper whose link was reposted and brought visitors. Whose visit counts is the
// engine's to say: never the shopper's own.
import * as hotdrop from "../../../sdk/assemblyscript/hotdrop";
export { hotdrop_abi_1 } from "../../../sdk/assemblyscript/hotdrop";

export function quote(): void {
  if (!discountedItem()) return;
  const tiers = hotdrop.count("config.amounts");
  if (hotdrop.count("config.reposts") != tiers || hotdrop.count("config.visitors") != tiers) {
    hotdrop.deny("misconfigured", hotdrop.both("This offer is not set up correctly.", "活动配置有误，暂不可用。"));
    return;
  }
  const amount = bestAmount();
  if (!amount) return;
  hotdrop.discount(amount, hotdrop.both("Thank you for reposting", "转发立减"));
  if (hotdrop.boolean("config.once")) hotdrop.once("repost-discount");
}

/** An empty config.sku means any item. */
function discountedItem(): bool {
  const wanted = hotdrop.text("config.sku");
  return !wanted || wanted == hotdrop.text("item.sku");
}

/**
 * The most money off that a reached tier gives, 0 if none is reached. A tier that asks for nothing is nobody's: it would be a
 * discount for everyone by a blank.
 */
function bestAmount(): i64 {
  const reposts = hotdrop.integer("shares.reposts");
  const visitors = hotdrop.integer("shares.visitors");
  const leastReposts = hotdrop.integers("config.reposts");
  const leastVisitors = hotdrop.integers("config.visitors");
  const amounts = hotdrop.integers("config.amounts");
  let best: i64 = 0;
  for (let i = 0; i < amounts.length; i++) {
    const asksForSomething = leastReposts[i] + leastVisitors[i] > 0;
    if (asksForSomething && reposts >= leastReposts[i] && visitors >= leastVisitors[i]) best = max(best, amounts[i]);
  }
  return best;
}
