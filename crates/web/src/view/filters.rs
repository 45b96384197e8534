//! Template filters.
use std::fmt::Display;

use askama::filters::Safe;
use chrono::{DateTime, Utc};

use crate::http::assets;
use crate::view::texts;

/// Returns the text of a key.
#[askama::filter_fn]
pub fn t(key: &str, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(texts::t(key).to_owned())
}

/// Returns the address of an asset by its plain name.
#[askama::filter_fn]
pub fn asset(name: &str, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(assets::address(name))
}

/// Icons that point in reading direction, and are mirrored in right-to-left languages.
const DIRECTIONAL_ICONS: [&str; 3] = ["arrow", "back", "out"];

/// Returns an icon by name. Screen readers ignore it.
#[askama::filter_fn]
pub fn icon(name: &str, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let shapes = assets::icon(name);
    let class = if DIRECTIONAL_ICONS.contains(&name) { "icon icon-way" } else { "icon" };
    Ok(Safe(format!(
        "<svg class=\"{class}\" viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\">{shapes}</svg>"
    )))
}

/// Formats a time. A script converts it to the reader's time zone.
#[askama::filter_fn]
pub fn date_time(time: &DateTime<Utc>, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let iso = time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let display = time.format("%-d %b %Y, %H:%M UTC");
    Ok(Safe(format!("<time datetime=\"{iso}\">{display}</time>")))
}

/// Like [`date_time`]; a script says recent times as "2 hours ago".
#[askama::filter_fn]
pub fn relative_time(time: &DateTime<Utc>, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let iso = time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let display = time.format("%-d %b %Y, %H:%M UTC");
    Ok(Safe(format!("<time datetime=\"{iso}\" data-ago>{display}</time>")))
}

/// Returns a mark with the type of a file, from its extension; nothing without one. Screen
/// readers ignore it, because they read the name.
#[askama::filter_fn]
pub fn file_type(title: &str, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let mark = |extension: &str| {
        format!("<span class=\"kind\" aria-hidden=\"true\">{}</span>", extension.to_uppercase())
    };
    Ok(Safe(file_extension(title).map(mark).unwrap_or_default()))
}

/// Returns the extension of a file's name, if it looks like one.
fn file_extension(title: &str) -> Option<&str> {
    let (stem, extension) = title.trim_end().rsplit_once('.')?;
    let is_extension = (2..=4).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && extension.bytes().any(|byte| byte.is_ascii_alphabetic());
    (is_extension && !stem.is_empty()).then_some(extension)
}

/// Formats a number of bytes with a suitable unit.
#[askama::filter_fn]
pub fn bytes(count: &u64, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(format_bytes(*count))
}

/// Formats a number with a thousands separator.
#[askama::filter_fn]
pub fn number(value: &dyn Display, _: &dyn askama::Values) -> askama::Result<String> {
    Ok(group_digits(&value.to_string()))
}

/// Formats a text with a count; see [`texts::plural`].
#[askama::filter_fn]
pub fn count(value: &dyn Display, _: &dyn askama::Values, key: &str) -> askama::Result<String> {
    Ok(texts::plural(key, value.to_string().parse().unwrap_or_default()))
}

/// Inserts thousands separators into digits.
pub fn group_digits(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digit.is_ascii_digit() {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

pub fn format_bytes(count: u64) -> String {
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
    use super::{file_extension, format_bytes};

    #[test]
    fn a_file_is_marked_by_the_ending_of_its_name() {
        for (title, expected) in [
            ("handbook.pdf", Some("pdf")),
            ("Plan B.docx", Some("docx")),
            ("a.mp3", Some("mp3")),
            (".env", None),
            ("Version 1.10", None),
            ("Note", None),
            ("The end.", None),
            ("a.<b>", None),
            ("example.markdown", None),
        ] {
            assert_eq!(file_extension(title), expected, "{title}");
        }
    }

    #[test]
    fn sizes_are_shown_in_a_suitable_unit() {
        for (count, expected) in
            [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (90_868_376, "91 MB")]
        {
            assert_eq!(format_bytes(count), expected);
        }
    }
}
