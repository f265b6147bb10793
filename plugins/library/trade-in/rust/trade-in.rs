//! trade-in: money off for handing in a listed device, by its model, or by its brand, and by its condition. The order takes
//! one trade-in per unit from the quota "trade-in" and carries the duty to hand the device in.
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
    let (brand, model) = (string("input.trade_in.brand"), string("input.trade_in.model"));
    if brand.is_empty() {
        return;
    }
    let condition = index_of("config.conditions", &string("input.trade_in.condition"));
    match full_amount(&brand, &model) {
        None => leave_out("not_taken_in", both!("This device is not taken in.", "该旧机不在折抵范围内。")),
        Some(_) if conditions > 0 && condition.is_none() => {
            leave_out("condition_not_taken_in", both!("A device in this condition is not taken in.", "此成色的旧机不可折抵。"))
        }
        Some(amount) => take_in(&brand, &model, in_condition(amount, condition)),
    }
}

/// Denies where the binding wants devices that are not taken in refused; else the order has the list price.
fn leave_out(reason: &str, text: &str) {
    if *string("config.unlisted") == *"refuse" {
        deny(reason, text);
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

fn take_in(brand: &str, model: &str, amount: i64) {
    discount(amount, both!("Trade-in", "折抵"));
    take("trade-in", integer("quantity"));
    oblige("trade_in", Data::new().str("brand", brand).str("model", model));
}

/// The part of the amount that the listed condition leaves, rounded half up. Neither factor has more than 13 digits.
fn in_condition(amount: i64, condition: Option<usize>) -> i64 {
    let percent = condition.and_then(|i| integers("config.percents").nth(i));
    percent.map_or(amount, |percent| (amount * percent + 50) / 100)
}

/// The money off for the device in full, if it is taken in. A table of models is the whole table, whatever the brands.
fn full_amount(brand: &str, model: &str) -> Option<i64> {
    if count("config.models") == 0 {
        return index_of("config.brands", brand).map(|_| integer("config.amount"));
    }
    listed_model(brand, model).and_then(|i| integers("config.amounts").nth(i))
}

/// The index of the device in config.models, where it stands as its brand, a space and its model; else that of its brand for
/// all its models. A brand with a space never is in there, so that nobody has a model's amount for another by writing the
/// model into the brand.
fn listed_model(brand: &str, model: &str) -> Option<usize> {
    let is_device = |listed: &str| listed.strip_prefix(brand).and_then(|rest| rest.strip_prefix(' ')) == Some(model);
    let of_brand = || if brand.contains(' ') { None } else { index_of("config.models", brand) };
    strings("config.models").position(|listed| is_device(&listed)).or_else(of_brand)
}
