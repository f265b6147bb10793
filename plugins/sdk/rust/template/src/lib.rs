//! my-mechanic: money off for whoever buys several.
#![no_std]

mod hotdrop;
use hotdrop::{both, discount, integer};

#[no_mangle]
pub extern "C" fn quote() {
    if integer("quantity") >= integer("config.quantity") {
        discount(integer("config.amount"), both!("For buying several", "多件优惠"));
    }
}
