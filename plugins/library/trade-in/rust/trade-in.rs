//! trade-in: money off for handing in a device of a listed brand, by its model and condition. The order takes one trade-in
//! per unit from the quota "trade-in" and carries the duty to hand the device in.
#![no_std]

#[path = "../../../sdk/rust/hotdrop.rs"]
mod hotdrop;
use hotdrop::{both, count, deny, discount, integer, integers, oblige, string, strings, take, Data};

#[no_mangle]
pub extern "C" fn quote() {
    if !sold_for_trade_in() {
        return;
    }
    let conditions = count("config.conditions");
    // The lists of a table belong together: a table with a gap gives nothing away.
    if count("config.models") != count("config.amounts") || conditions != count("config.percents") {
        return deny("misconfigured", both!("This offer is not set up correctly.", "活动配置有误，暂不可用。"));
    }
    let brand = string("input.trade_in.brand");
    let condition = index_of("config.conditions", &string("input.trade_in.condition"));
    if (conditions == 0 || condition.is_some()) && index_of("config.brands", &brand).is_some() {
        take_in(&brand, condition);
    } else if !brand.is_empty() && *string("config.unlisted") == *"refuse" {
        deny("not_taken_in", both!("This device is not taken in.", "该旧机不在折抵范围内。"));
    }
}

/// An empty config.sku means any item.
fn sold_for_trade_in() -> bool {
    let wanted = string("config.sku");
    wanted.is_empty() || *wanted == *string("item.sku")
}

/// The index of the first element that is the string. An empty string is in no list.
fn index_of(list: &str, wanted: &str) -> Option<usize> {
    strings(list).position(|element| !wanted.is_empty() && *element == *wanted)
}

fn take_in(brand: &str, condition: Option<usize>) {
    let model = string("input.trade_in.model");
    let mut amount = full_amount(brand, &model);
    if let Some(percent) = condition.and_then(|i| integers("config.percents").nth(i)) {
        amount = (amount * percent + 50) / 100; // half up; neither factor has more than 13 digits
    }
    discount(amount, both!("Trade-in", "折抵"));
    take("trade-in", integer("quantity"));
    oblige("trade_in", Data::new().str("brand", brand).str("model", &model));
}

/// The money off for the device in full: that of its model, or the one for all others. A model is listed with its brand and
/// a space before it.
fn full_amount(brand: &str, model: &str) -> i64 {
    let is_device = |listed: &str| listed.strip_prefix(brand).and_then(|rest| rest.strip_prefix(' ')) == Some(model);
    let listed = strings("config.models").position(|listed| is_device(&listed));
    listed.and_then(|i| integers("config.amounts").nth(i)).unwrap_or_else(|| integer("config.amount"))
}
