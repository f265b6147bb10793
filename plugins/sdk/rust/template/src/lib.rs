//! my-mechanic: money off for whoever shared the campaign often enough.
#![no_std]

mod hotdrop;
use hotdrop::{both, discount, integer};

#[no_mangle]
pub extern "C" fn quote() {
    if integer("shares.reposts") >= integer("config.reposts") {
        discount(integer("config.amount"), both!("Thanks for sharing", "分享有礼"));
    }
}
