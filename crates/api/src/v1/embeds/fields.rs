//! Widget settings in request bodies, and how each value is read.
use std::collections::BTreeMap;

use carrel_domain::widget::{WebOrigin, WidgetSettings};
use carrel_domain::workspace::ChatMode;
use carrel_domain::{Error, Result, WorkspaceId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use utoipa::ToSchema;

use crate::wire::sent;

/// Most origins of one widget.
const MAX_ORIGINS: usize = 1000;

/// Fields of a body that the operation does not know.
pub type UnknownFields = BTreeMap<String, IgnoredAny>;

/// Settings of a chat widget. Absent fields do not change.
#[derive(Default, PartialEq, Deserialize, ToSchema)]
pub struct EmbedFields {
    /// Slug of the workspace that answers; required for a new widget.
    #[serde(default, alias = "workspaceSlug", deserialize_with = "sent")]
    #[schema(value_type = Option<String>, example = "alpha-team")]
    pub workspace_slug: Option<Value>,
    /// Id of the workspace that answers, to move a widget to another one.
    #[serde(default, alias = "workspaceId", deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    pub workspace_id: Option<Value>,
    /// True if the widget answers; true for a new widget if absent.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    pub enabled: Option<Value>,
    /// `chat` or `query`.
    #[serde(default, alias = "chatMode", deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    pub chat_mode: Option<Value>,
    /// Origins of the pages that may use the widget, as an array or separated by commas; null for
    /// any page.
    #[serde(default, alias = "allowlistDomains", deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["https://example.com"]))]
    pub allowlist_domains: Option<Value>,
    /// True if visitors may choose the model.
    #[serde(default, alias = "allowModelOverride", deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    pub allow_model_override: Option<Value>,
    #[serde(default, alias = "allowTemperatureOverride", deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    pub allow_temperature_override: Option<Value>,
    #[serde(default, alias = "allowPromptOverride", deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    pub allow_prompt_override: Option<Value>,
    /// Questions allowed in any 24 hours, at least 1; null for no limit.
    #[serde(default, alias = "maxChatsPerDay", deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    pub max_chats_per_day: Option<Value>,
    /// Questions allowed per session in any 24 hours, at least 1; null for no limit.
    #[serde(default, alias = "maxChatsPerSession", deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    pub max_chats_per_session: Option<Value>,
    /// Number of earlier exchanges that the model sees, at least 1; null for 20.
    #[serde(default, alias = "messageLimit", deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    pub message_limit: Option<Value>,
    #[serde(flatten)]
    #[schema(ignore)]
    pub unknown: UnknownFields,
}

impl EmbedFields {
    /// Returns the workspace's slug, if one was sent.
    pub fn slug(&self) -> Result<Option<String>> {
        match &self.workspace_slug {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(slug)) if !slug.is_empty() => Ok(Some(slug.clone())),
            Some(_) => Err(missing_workspace()),
        }
    }

    /// True if the body sets nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self { unknown: self.unknown.clone(), ..Self::default() }
    }

    /// Refuses unknown fields.
    pub fn check(self) -> Result<Self> {
        match self.unknown.keys().next() {
            Some(name) => {
                let name: String = name.chars().take(60).collect();
                Err(Error::invalid("body", format!("unknown field `{name}`")))
            }
            None => Ok(self),
        }
    }

    /// Returns the settings of a new widget.
    pub fn into_new(self, workspace: WorkspaceId) -> Result<WidgetSettings> {
        Self { workspace_id: None, ..self }.apply_to(WidgetSettings::of(workspace))
    }

    /// Applies the fields to `settings`.
    pub fn apply_to(self, settings: WidgetSettings) -> Result<WidgetSettings> {
        Ok(WidgetSettings {
            workspace: workspace(self.workspace_id, settings.workspace)?,
            enabled: flag(self.enabled, "enabled", settings.enabled)?,
            mode: mode(self.chat_mode, settings.mode)?,
            origins: match self.allowlist_domains {
                None => settings.origins,
                Some(value) => origins(value)?,
            },
            allows_model: flag(
                self.allow_model_override,
                "allow_model_override",
                settings.allows_model,
            )?,
            allows_temperature: flag(
                self.allow_temperature_override,
                "allow_temperature_override",
                settings.allows_temperature,
            )?,
            allows_prompt: flag(
                self.allow_prompt_override,
                "allow_prompt_override",
                settings.allows_prompt,
            )?,
            day_limit: limit(self.max_chats_per_day, "max_chats_per_day", settings.day_limit)?,
            session_limit: limit(
                self.max_chats_per_session,
                "max_chats_per_session",
                settings.session_limit,
            )?,
            history: limit(self.message_limit, "message_limit", settings.history)?,
        })
    }
}

/// Returns the error for a new widget without a workspace.
pub fn missing_workspace() -> Error {
    Error::invalid("workspace_slug", "Workspace slug is required")
}

fn workspace(value: Option<Value>, current: WorkspaceId) -> Result<WorkspaceId> {
    let Some(value) = value else { return Ok(current) };
    let id = value.as_i64().and_then(|id| i32::try_from(id).ok());
    id.map(WorkspaceId).ok_or_else(|| Error::invalid("workspace_id", "must be a workspace's id"))
}

fn flag(value: Option<Value>, field: &'static str, current: bool) -> Result<bool> {
    match value {
        None => Ok(current),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(Error::invalid(field, "must be true or false")),
    }
}

fn mode(value: Option<Value>, current: ChatMode) -> Result<ChatMode> {
    let Some(value) = value else { return Ok(current) };
    parse_mode(&value).ok_or_else(|| Error::invalid("chat_mode", "must be chat or query"))
}

pub fn parse_mode(value: &Value) -> Option<ChatMode> {
    let mode = ChatMode::parse(value.as_str()?)?;
    matches!(mode, ChatMode::Chat | ChatMode::Query).then_some(mode)
}

fn limit(value: Option<Value>, field: &'static str, current: Option<i32>) -> Result<Option<i32>> {
    match value {
        None => Ok(current),
        Some(Value::Null) => Ok(None),
        Some(value) => {
            let invalid = || Error::invalid(field, "must be a whole number from 1, or null");
            parse_limit(value.as_i64()).map(Some).ok_or_else(invalid)
        }
    }
}

pub fn parse_limit(number: Option<i64>) -> Option<i32> {
    number.and_then(|number| i32::try_from(number).ok()).filter(|number| *number > 0)
}

/// Parses the allowed origins. Only null means any page.
fn origins(value: Value) -> Result<Option<Vec<WebOrigin>>> {
    let texts: Vec<String> = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.split(',').map(str::to_owned).collect(),
        Value::Array(items) => {
            let text = |item: Value| match item {
                Value::String(text) => Ok(text),
                _ => Err(invalid_origins("must hold texts")),
            };
            items.into_iter().map(text).collect::<Result<_>>()?
        }
        _ => {
            return Err(invalid_origins(
                "must be an array of origins, or text with commas between them",
            ));
        }
    };
    if texts.len() > MAX_ORIGINS {
        return Err(invalid_origins("must not hold more than 1000 origins"));
    }
    let mut origins = Vec::new();
    for text in texts {
        let origin = WebOrigin::parse(&text)?;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    match origins.is_empty() {
        true => Err(invalid_origins("must name an origin such as https://example.com, or be null")),
        false => Ok(Some(origins)),
    }
}

fn invalid_origins(reason: &'static str) -> Error {
    Error::invalid("allowlist_domains", reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(fields: Value) -> Result<WidgetSettings> {
        let fields: EmbedFields = serde_json::from_value(fields).unwrap();
        fields.apply_to(WidgetSettings::of(WorkspaceId(1)))
    }

    fn pages(value: Value) -> Result<Option<Vec<String>>> {
        let settings = set(json!({ "allowlist_domains": value }))?;
        let texts =
            |origins: Vec<WebOrigin>| origins.iter().map(|o| o.as_str().to_owned()).collect();
        Ok(settings.origins.map(texts))
    }

    #[test]
    fn an_invalid_list_of_origins_never_allows_any_page() {
        let expected = Some(vec!["https://a.test".to_owned(), "http://b.test:8080".to_owned()]);
        assert_eq!(pages(json!(["a.test", "http://b.test:8080"])).unwrap(), expected);
        assert_eq!(pages(json!("a.test, http://b.test:8080")).unwrap(), expected);
        assert_eq!(pages(json!(null)).unwrap(), None);
        for invalid_origins in [
            json!([]),
            json!([5]),
            json!(5),
            json!({}),
            json!("bad host"),
            json!([""]),
            json!(["a.test", "bad host"]),
            json!(""),
        ] {
            assert!(pages(invalid_origins.clone()).is_err(), "{invalid_origins}");
        }
    }

    #[test]
    fn invalid_values_are_refused() {
        for (field, value) in [
            ("enabled", json!("yes")),
            ("chat_mode", json!("automatic")),
            ("allow_prompt_override", json!(1)),
            ("max_chats_per_day", json!(0)),
            ("max_chats_per_day", json!("7")),
            ("message_limit", json!(-1)),
            ("max_chats_per_session", json!(4_294_967_296_i64)),
        ] {
            let invalid = set(json!({ field: value })).unwrap_err().to_string();
            assert!(invalid.starts_with(field), "{invalid}");
        }
    }
}
