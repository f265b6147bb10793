//! repost-discount: money off in tiers for a shopper whose link was reposted and brought visitors. Whose visit counts is the
//! engine's to say: never the shopper's own.
#![no_std]

#[path = "../../../sdk/rust/hotdrop.rs"]
mod hotdrop;
use hotdrop::{boolean, both, count, deny, discount, integer, integers, once, string};

#[no_mangle]
pub extern "C" fn quote() {
    if !discounted_item() {
        return;
    }
    let tiers = count("config.amounts");
    if count("config.reposts") != tiers || count("config.visitors") != tiers {
        return deny("misconfigured", both!("This offer is not set up correctly.", "活动配置有误，暂不可用。"));
    }
    if let Some(amount) = best_amount() {
        discount(amount, both!("Thank you for reposting", "转发立减"));
        if boolean("config.once") {
            once("repost-discount");
        }
    }
}

/// An empty config.sku means any item.
fn discounted_item() -> bool {
    let wanted = string("config.sku");
    wanted.is_empty() || *wanted == *string("item.sku")
}

/// The most money off that a reached tier gives. A tier that asks for nothing is nobody's: it would be a discount for everyone
/// by a blank.
fn best_amount() -> Option<i64> {
    let (reposts, visitors) = (integer("shares.reposts"), integer("shares.visitors"));
    let least = integers("config.reposts").zip(integers("config.visitors"));
    let reached = least.map(|(least_reposts, least_visitors)| {
        least_reposts + least_visitors > 0 && reposts >= least_reposts && visitors >= least_visitors
    });
    integers("config.amounts").zip(reached).filter(|&(_, reached)| reached).map(|(amount, _)| amount).max()
}
