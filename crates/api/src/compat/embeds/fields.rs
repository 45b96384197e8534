//! Widget settings at `/api/v1`: invalid values become the default, but an origin list without a
//! single valid origin is refused.
use carrel_domain::Result;
use carrel_domain::widget::WebOrigin;
use serde_json::{Value, json};

use crate::compat::values::refuse_misspelled;
use crate::v1::embeds::fields::{EmbedFields, UnknownFields, parse_limit, parse_mode};

const FIELDS: [&str; 11] = [
    "workspace_slug",
    "workspace_id",
    "enabled",
    "chat_mode",
    "allowlist_domains",
    "allow_model_override",
    "allow_temperature_override",
    "allow_prompt_override",
    "max_chats_per_day",
    "max_chats_per_session",
    "message_limit",
];

/// Returns the fields as `v1` reads them. Refuses misspelled fields and ignores other unknown ones.
// quirk(coerced-settings): it becomes the default, or the nearest allowed value
// native: an invalid setting of a workspace or a widget is refused by name
// test: `compat::workspaces::settings` and `compat::embeds::fields` (unit tests)
pub fn check(fields: EmbedFields) -> Result<EmbedFields> {
    refuse_misspelled(&fields.unknown, &FIELDS)?;
    Ok(EmbedFields {
        workspace_slug: fields.workspace_slug.map(slug),
        enabled: fields.enabled.map(flag),
        chat_mode: fields.chat_mode.map(mode),
        allowlist_domains: fields.allowlist_domains.map(origins),
        allow_model_override: fields.allow_model_override.map(flag),
        allow_temperature_override: fields.allow_temperature_override.map(flag),
        allow_prompt_override: fields.allow_prompt_override.map(flag),
        max_chats_per_day: fields.max_chats_per_day.map(limit),
        max_chats_per_session: fields.max_chats_per_session.map(limit),
        message_limit: fields.message_limit.map(limit),
        unknown: UnknownFields::new(),
        ..fields
    })
}

// quirk(values-as-text)
fn slug(value: Value) -> Value {
    match value {
        Value::Number(slug) => Value::String(slug.to_string()),
        value => value,
    }
}

fn flag(value: Value) -> Value {
    Value::Bool(value == Value::Bool(true))
}

fn mode(value: Value) -> Value {
    if parse_mode(&value).is_some() { value } else { json!("query") }
}

/// Converts a limit, which may be a numeric string. Anything else becomes no limit.
fn limit(value: Value) -> Value {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    };
    json!(parse_limit(number))
}

/// Drops values that are not origins.
// quirk(unreadable-pages): values that are not origins are dropped, and a list with none left is
// refused
// native: a list with an invalid origin is refused
// test: `compat::embeds::fields` (unit tests)
fn origins(value: Value) -> Value {
    let is_origin = |text: &str| WebOrigin::parse(text).is_ok();
    match value {
        Value::String(text) if text.trim().is_empty() => Value::Null,
        Value::String(text) => text.split(',').filter(|text| is_origin(text)).collect(),
        Value::Array(mut items) => {
            items.retain(|item| item.as_str().is_none_or(is_origin));
            Value::Array(items)
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::WorkspaceId;
    use carrel_domain::widget::WidgetSettings;

    use super::*;

    fn set(fields: Value) -> Result<WidgetSettings> {
        let fields: EmbedFields = serde_json::from_value(fields).unwrap();
        check(fields)?.apply_to(WidgetSettings::of(WorkspaceId(1)))
    }

    fn pages(value: Value) -> Result<Option<Vec<String>>> {
        let settings = set(json!({ "allowlist_domains": value }))?;
        let texts =
            |origins: Vec<WebOrigin>| origins.iter().map(|o| o.as_str().to_owned()).collect();
        Ok(settings.origins.map(texts))
    }

    #[test]
    fn an_invalid_list_of_origins_never_allows_any_page() {
        for invalid in [json!([]), json!([5]), json!(5), json!({}), json!("bad host"), json!([""])]
        {
            assert!(pages(invalid.clone()).is_err(), "{invalid}");
        }
        let expected = Some(vec!["https://a.test".to_owned()]);
        assert_eq!(pages(json!(["a.test", "bad host"])).unwrap(), expected);
        assert_eq!(pages(json!("a.test, bad host")).unwrap(), expected);
        assert_eq!(pages(json!("")).unwrap(), None);
    }

    #[test]
    fn invalid_values_become_defaults() {
        let settings = set(json!({
            "max_chats_per_session": "7", "max_chats_per_day": "x", "message_limit": -1, "enabled": 1,
            "chat_mode": "automatic", "allow_prompt_override": 1,
        }));
        let settings = settings.unwrap();
        assert_eq!((settings.session_limit, settings.day_limit), (Some(7), None));
        assert_eq!((settings.history, settings.mode.as_str()), (None, "query"));
        assert!(!settings.enabled && !settings.allows_prompt);
    }

    #[test]
    fn misspelled_fields_are_refused_and_unknown_ones_ignored() {
        assert!(set(json!({ "maxChatPerDay": 1 })).is_ok());
        assert!(set(json!({ "max_chat_per_days": 1 })).is_ok());
        assert!(set(json!({ "MaxChatsPerDay": 1 })).is_err());
        assert!(set(json!({ "other": 1 })).is_ok());
    }
}
