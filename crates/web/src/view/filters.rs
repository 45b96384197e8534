//! What templates do with values.
use std::fmt::Display;

use askama::filters::Safe;
use chrono::{DateTime, Utc};

use crate::http::assets;
use crate::view::texts;

/// The text of a key.
#[askama::filter_fn]
pub fn t(key: &str, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(texts::t(key).to_owned())
}

/// The address of an asset by its plain name.
#[askama::filter_fn]
pub fn asset(name: &str, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(assets::address(name))
}

/// Icons that point along the line, and so the other way where lines begin at the right.
const WAYS: [&str; 3] = ["arrow", "back", "out"];

/// An icon by name. It says nothing to those who do not see it.
#[askama::filter_fn]
pub fn icon(name: &str, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let drawn = assets::icon(name);
    let class = if WAYS.contains(&name) { "icon icon-way" } else { "icon" };
    Ok(Safe(format!(
        "<svg class=\"{class}\" viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\">{drawn}</svg>"
    )))
}

/// A moment, which a script says in the reader's own zone.
#[askama::filter_fn]
pub fn when(time: &DateTime<Utc>, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let machine = time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let words = time.format("%-d %b %Y, %H:%M UTC");
    Ok(Safe(format!("<time datetime=\"{machine}\">{words}</time>")))
}

/// A number of bytes in the unit that suits it.
#[askama::filter_fn]
pub fn bytes(count: &u64, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(in_bytes(*count))
}

/// A number with its thousands apart.
#[askama::filter_fn]
pub fn number(value: &dyn Display, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(in_thousands(&value.to_string()))
}

/// A number of things, as [`texts::counted`] says it.
#[askama::filter_fn]
pub fn count(value: &dyn Display, _: &dyn askama::Values, key: &str) -> askama::Result<String> {
    Ok(texts::counted(key, value.to_string().parse().unwrap_or_default()))
}

/// The digits of a number with its thousands apart.
pub fn in_thousands(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && digit.is_ascii_digit() {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

pub fn in_bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ if value < 10.0 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::in_bytes;

    #[test]
    fn sizes_are_said_in_a_fitting_unit() {
        for (count, said) in [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (90_868_376, "91 MB")] {
            assert_eq!(in_bytes(count), said);
        }
    }
}
