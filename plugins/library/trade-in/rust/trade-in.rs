//! trade-in: money off for handing in a device of a listed brand. The order takes one trade-in per unit from the quota
//! "trade-in" and carries the duty to hand the device in.
#![no_std]

#[path = "../../../sdk/rust/hotdrop.rs"]
mod hotdrop;
use hotdrop::{both, discount, integer, oblige, string, strings, take, Data};

#[no_mangle]
pub extern "C" fn quote() {
    let offered = string("input.trade_in.brand");
    if offered.is_empty() || !sold_for_trade_in() || !strings("config.brands").any(|brand| *brand == *offered) {
        return;
    }
    discount(integer("config.amount"), both!("Trade-in", "折抵"));
    take("trade-in", integer("quantity"));
    oblige("trade_in", Data::new().str("brand", &offered).str("model", &string("input.trade_in.model")));
}

/// An empty config.sku means any item.
fn sold_for_trade_in() -> bool {
    let wanted = string("config.sku");
    wanted.is_empty() || *wanted == *string("item.sku")
}
