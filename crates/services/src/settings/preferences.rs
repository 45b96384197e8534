//! The preferences that an admin can set through the API: an allow-list with a rule for each.
use std::collections::BTreeMap;

use carrel_domain::audit::By;
use carrel_domain::settings::{Settings, names};
use carrel_domain::{Error, Result};
use serde_json::{Map, Value, json};
use url::Url;

use super::update::Leniency;

/// The allowed values of a preference.
enum Kind {
    /// One line with a maximum length in bytes.
    Line(usize),
    Text(usize),
    Mail,
    /// The address of an image, on this server or elsewhere.
    Image,
    /// A list of icons with links.
    Footer,
    /// An integer with a minimum.
    Integer(u64),
    /// `on` or empty.
    Switch,
    /// `on`, `off`, or empty for the default.
    Choice,
}

/// The maximum number of links in the page footer.
pub const MAX_LINKS: usize = 20;

/// The maximum value of a numeric preference.
const MAX_NUMBER: u64 = 10_000_000;

/// The preferences that can be set here. Excluded are `multi_user_mode`, `hub_api_key` and
/// `onboarding_complete`, which have their own routes, and the variables of settings.
const PREFERENCES: &[(&str, Kind)] = &[
    ("support_email", Kind::Mail),
    ("custom_app_name", Kind::Line(200)),
    ("footer_data", Kind::Footer),
    ("meta_page_title", Kind::Line(200)),
    ("meta_page_favicon", Kind::Image),
    (names::SYSTEM_PROMPT, Kind::Text(100_000)),
    (names::CHUNK_SIZE, Kind::Integer(1)),
    (names::CHUNK_OVERLAP, Kind::Integer(0)),
    (names::SHARING, Kind::Switch),
    (names::KEEP_ORIGINALS, Kind::Choice),
];

/// Sets the preferences in `body` in one transaction with the event `preferences_updated`. Null or
/// an empty text clears a preference. Unknown names are ignored. Returns the names that were set or
/// cleared.
///
/// # Errors
/// If strict, [`Error::Invalid`] if no name is known or a value is not allowed; nothing is changed
/// then. If lenient, such values are ignored.
pub async fn change(
    settings: &dyn Settings,
    body: &Map<String, Value>,
    leniency: Leniency,
    by: &By,
) -> Result<Vec<&'static str>> {
    let mut values = BTreeMap::new();
    let mut is_known = false;
    for (name, value) in body {
        let Some(&(name, ref kind)) = find(name, leniency) else { continue };
        is_known = true;
        match kind.read(value) {
            Ok(text) => _ = values.insert(name, text),
            Err(reason) if leniency == Leniency::Strict => {
                return Err(Error::invalid(name, reason));
            }
            Err(_) => {}
        }
    }
    if !is_known && leniency == Leniency::Strict {
        let all: Vec<_> = PREFERENCES.iter().map(|(name, _)| *name).collect();
        let reason = format!("is not a preference; the preferences are {}", all.join(", "));
        return Err(Error::invalid("body", reason));
    }
    if leniency == Leniency::Strict {
        overlap_fits(settings, &values).await?;
    }
    let names: Vec<_> = values.keys().copied().collect();
    if !values.is_empty() {
        let event = by.event("preferences_updated", json!({ "preferences": names }).to_string());
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value));
        settings.set(values.collect(), event).await?;
    }
    Ok(names)
}

/// Returns whether a preference has this name.
pub fn is_preference(name: &str) -> bool {
    PREFERENCES.iter().any(|(key, _)| *key == name)
}

/// Returns the stored form of a preference, or why the text is not allowed. Returns `None` for an
/// unknown name.
pub(super) fn check(name: &str, text: &str) -> Option<Result<Option<String>, String>> {
    let (_, kind) = find(name, Leniency::Lenient)?;
    Some(kind.read(&Value::String(text.to_owned())))
}

fn find(name: &str, leniency: Leniency) -> Option<&'static (&'static str, Kind)> {
    PREFERENCES
        .iter()
        .find(|(key, _)| *key == name || (leniency == Leniency::Strict && camel_case(key) == name))
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1.min(word.len()));
        text.push_str(&first.to_ascii_uppercase());
        text.push_str(rest);
    }
    text
}

/// Checks the overlap against the chunk size. With an overlap as large as the chunk, splitting
/// would never end.
async fn overlap_fits(
    settings: &dyn Settings,
    values: &BTreeMap<&'static str, Option<String>>,
) -> Result<()> {
    if !values.contains_key(names::CHUNK_SIZE) && !values.contains_key(names::CHUNK_OVERLAP) {
        return Ok(());
    }
    let stored = settings.all().await?;
    let number = |name| {
        let text = values.get(name).cloned().unwrap_or_else(|| stored.get(name).cloned());
        text.and_then(|text| text.parse::<u64>().ok())
    };
    match (number(names::CHUNK_SIZE), number(names::CHUNK_OVERLAP)) {
        (Some(size), Some(overlap)) if overlap >= size => {
            let reason = format!("must be below {}, which is {size}", names::CHUNK_SIZE);
            Err(Error::invalid(names::CHUNK_OVERLAP, reason))
        }
        _ => Ok(()),
    }
}

impl Kind {
    /// Returns the text to store, or `None` to clear the preference.
    fn read(&self, value: &Value) -> Result<Option<String>, String> {
        if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
            return Ok(None);
        }
        match self {
            Self::Footer => footer(value),
            Self::Integer(minimum) => {
                let number = match value {
                    Value::Number(number) => number.as_u64(),
                    Value::String(text) => text.trim().parse().ok(),
                    _ => None,
                };
                let number = number.filter(|number| (*minimum..=MAX_NUMBER).contains(number));
                let allowed = || format!("must be a whole number from {minimum} to {MAX_NUMBER}");
                number.map(|number| Some(number.to_string())).ok_or_else(allowed)
            }
            Self::Choice => match value.as_str() {
                Some(choice @ ("on" | "off")) => Ok(Some(choice.to_owned())),
                _ => Err("must be `on` or `off`".to_owned()),
            },
            Self::Switch => match value.as_str() {
                Some("on") => Ok(Some("on".to_owned())),
                Some("off") => Ok(None),
                _ => Err("must be `on` or `off`".to_owned()),
            },
            _ => {
                let text = value.as_str().ok_or("must be a text")?;
                self.text(text).map(|()| Some(text.to_owned()))
            }
        }
    }

    fn text(&self, text: &str) -> Result<(), String> {
        let max_bytes = match self {
            Self::Line(max_bytes) | Self::Text(max_bytes) => *max_bytes,
            Self::Mail => 254,
            _ => 2048,
        };
        if text.len() > max_bytes {
            return Err(format!("must not be longer than {max_bytes} bytes"));
        }
        let has_forbidden =
            text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
        let fine = match self {
            Self::Text(_) => !text.contains('\0'),
            Self::Mail => !has_forbidden && is_mail(text),
            Self::Image => !has_forbidden && is_image(text),
            _ => !has_forbidden,
        };
        let allowed = match self {
            Self::Mail => "must be an e-mail address",
            Self::Image => "must be an http or https address, or a path that begins with /",
            _ => "must not contain line breaks or control characters",
        };
        fine.then_some(()).ok_or_else(|| allowed.to_owned())
    }
}

fn is_mail(text: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || "<>\"',;".contains(c);
    let parts = text.split_once('@').filter(|_| !text.contains(forbidden));
    parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

fn is_image(text: &str) -> bool {
    let is_local = text.starts_with('/') && !text.starts_with("//") && !text.contains('\\');
    is_local || has_scheme(text, &["http", "https"])
}

fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    Url::parse(text).is_ok_and(|url| schemes.contains(&url.scheme()))
}

/// Returns whether a link is safe in the page footer.
pub fn is_safe_to_follow(address: &str) -> bool {
    has_scheme(address, &["http", "https", "mailto"])
}

/// Parses a list, as JSON or as JSON text, and keeps only safe links.
fn footer(value: &Value) -> Result<Option<String>, String> {
    const ALLOWED: &str = "must be a list of at most 20 objects with `icon` and `url`";
    let parsed = match value {
        Value::String(text) => serde_json::from_str(text).map_err(|_| ALLOWED)?,
        value => value.clone(),
    };
    let Value::Array(items) = parsed else { return Err(ALLOWED.to_owned()) };
    if items.len() > MAX_LINKS {
        return Err(ALLOWED.to_owned());
    }
    let mut links = Vec::new();
    for item in &items {
        let field = |name| item.get(name).and_then(Value::as_str).filter(|text| text.len() <= 2048);
        let (Some(icon), Some(url)) = (field("icon"), field("url")) else {
            return Err(ALLOWED.to_owned());
        };
        if is_safe_to_follow(url) {
            links.push(json!({ "icon": icon, "url": url }));
        }
    }
    Ok(Some(Value::Array(links).to_string()))
}

#[cfg(test)]
mod tests {
    use carrel_domain::audit::By;
    use chrono::DateTime;

    use super::*;
    use crate::fakes::FakeSettings;

    async fn apply(body: &Value, leniency: Leniency) -> (Result<usize>, BTreeMap<String, String>) {
        let settings = FakeSettings::default();
        settings.0.lock().unwrap().insert("support_email".into(), "old@b.c".into());
        let by = By::operator(DateTime::UNIX_EPOCH);
        let result = change(&settings, body.as_object().unwrap(), leniency, &by).await;
        let stored = settings.0.lock().unwrap().clone();
        (result.map(|names| names.len()), stored)
    }

    #[tokio::test]
    async fn allowed_preferences_are_stored() {
        for (body, name, expected) in [
            (
                json!({ "support_email": "support@example.com" }),
                "support_email",
                "support@example.com",
            ),
            (json!({ "supportEmail": "a@b.c", "nope": 1 }), "support_email", "a@b.c"),
            (json!({ "text_splitter_chunk_size": 500 }), names::CHUNK_SIZE, "500"),
            (json!({ "text_splitter_chunk_overlap": "10" }), names::CHUNK_OVERLAP, "10"),
            (json!({ "default_system_prompt": "a\nb" }), names::SYSTEM_PROMPT, "a\nb"),
            (json!({ "meta_page_favicon": "/icon.png" }), "meta_page_favicon", "/icon.png"),
            (
                json!({ "footer_data": "[{\"icon\":\"x\",\"url\":\"https://a.test\"},\
                         {\"icon\":\"x\",\"url\":\"javascript:alert(1)\"}]" }),
                "footer_data",
                "[{\"icon\":\"x\",\"url\":\"https://a.test\"}]",
            ),
            (
                json!({ "footer_data": [{ "icon": "x", "url": "mailto:a@b.c", "z": 1 }] }),
                "footer_data",
                "[{\"icon\":\"x\",\"url\":\"mailto:a@b.c\"}]",
            ),
        ] {
            let (result, settings) = apply(&body, Leniency::Strict).await;
            assert_eq!(result.unwrap(), 1, "{body}");
            assert_eq!(settings[name], expected, "{body}");
        }
        for clearing in [json!(null), json!("")] {
            let body = json!({ "support_email": clearing });
            assert!(apply(&body, Leniency::Strict).await.1.is_empty());
        }
    }

    #[tokio::test]
    async fn disallowed_values_change_nothing_and_fail_only_if_strict() {
        for body in [
            json!({}),
            json!({ "multi_user_mode": "false" }),
            json!({ "hub_api_key": "x", "onboarding_complete": true, "LLM_PROVIDER": "x" }),
            json!({ "__proto__": { "x": 1 }, "users_can_login_with_google": true }),
            json!({ "text_splitter_chunk_size": "x" }),
            json!({ "text_splitter_chunk_size": 0 }),
            json!({ "text_splitter_chunk_size": 1.5 }),
            json!({ "text_splitter_chunk_overlap": -1 }),
            json!({ "custom_app_name": { "a": 1 } }),
            json!({ "custom_app_name": "a\nb" }),
            json!({ "custom_app_name": "x".repeat(201) }),
            json!({ "support_email": "<script>@x" }),
            json!({ "support_email": "nobody" }),
            json!({ "meta_page_favicon": "javascript:alert(1)" }),
            json!({ "meta_page_favicon": "//evil.test/x" }),
            json!({ "footer_data": "zz" }),
            json!({ "footer_data": [{ "icon": 1 }] }),
            json!({ "default_system_prompt": 5 }),
        ] {
            let (strict, untouched) = apply(&body, Leniency::Strict).await;
            assert!(matches!(strict, Err(Error::Invalid { .. })), "{body}");
            assert_eq!(untouched.len(), 1, "{body}");
            let (lenient, untouched) = apply(&body, Leniency::Lenient).await;
            assert_eq!(lenient.unwrap(), 0, "{body}");
            assert_eq!(untouched.len(), 1, "{body}");
        }
    }

    #[tokio::test]
    async fn one_invalid_value_refuses_the_body_if_strict_and_is_ignored_if_lenient() {
        let body = json!({ "custom_app_name": "App", "text_splitter_chunk_size": "x" });
        assert!(!apply(&body, Leniency::Strict).await.1.contains_key("custom_app_name"));
        assert_eq!(apply(&body, Leniency::Lenient).await.1["custom_app_name"], "App");
        let body = json!({ "text_splitter_chunk_size": 100, "text_splitter_chunk_overlap": 100 });
        let (result, _) = apply(&body, Leniency::Strict).await;
        assert!(result.unwrap_err().to_string().contains("must be below"));
    }
}
