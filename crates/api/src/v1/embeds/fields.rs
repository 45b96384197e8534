//! What a client may set about an embed, and how each value is read.
use carrel_domain::widget::{WebOrigin, WidgetSettings};
use carrel_domain::workspace::ChatMode;
use carrel_domain::{Error, Result, WorkspaceId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::compat::values::{UnknownFields, refuse_misspelled};
use crate::mount::Mount;
use crate::wire::sent;

/// The most pages of one embed.
const MOST_ORIGINS: usize = 1000;

/// Settings of an embed; those that are absent stay as they are.
///
/// Natively a value of the wrong kind and an unknown field are refused. At `/api/v1` it is replaced by the default, but for
/// pages: a list of which nothing can be read is refused there too.
#[derive(Default, PartialEq, Deserialize, ToSchema)]
pub struct EmbedFields {
    /// The workspace that answers.
    #[serde(default, alias = "workspaceSlug", deserialize_with = "sent")]
    #[schema(value_type = Option<String>, example = "alpha-team")]
    workspace_slug: Option<Value>,
    /// The workspace that answers from now on.
    #[serde(default, alias = "workspaceId", deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    workspace_id: Option<Value>,
    /// A new embed always is, at `/api/v1`.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    enabled: Option<Value>,
    /// `chat` or `query`.
    #[serde(default, alias = "chatMode", deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    chat_mode: Option<Value>,
    /// Origins of the pages that may use it, as an array or separated by commas; null for any page.
    #[serde(default, alias = "allowlistDomains", deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["https://example.com"]))]
    allowlist_domains: Option<Value>,
    /// Whether visitors may choose the model.
    #[serde(default, alias = "allowModelOverride", deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    allow_model_override: Option<Value>,
    #[serde(default, alias = "allowTemperatureOverride", deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    allow_temperature_override: Option<Value>,
    #[serde(default, alias = "allowPromptOverride", deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    allow_prompt_override: Option<Value>,
    /// Questions in any 24 hours, >= 1; null for any number.
    #[serde(default, alias = "maxChatsPerDay", deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    max_chats_per_day: Option<Value>,
    /// Those of one session, >= 1.
    #[serde(default, alias = "maxChatsPerSession", deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    max_chats_per_session: Option<Value>,
    /// How many earlier exchanges the model sees, >= 1; 20 when null.
    #[serde(default, alias = "messageLimit", deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    message_limit: Option<Value>,
    #[serde(flatten)]
    #[schema(ignore)]
    unknown: UnknownFields,
}

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

impl EmbedFields {
    /// The workspace that is named by its slug, if any is.
    pub fn slug(&self, mount: Mount) -> Result<Option<String>> {
        match &self.workspace_slug {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(slug)) if !slug.is_empty() => Ok(Some(slug.clone())),
            // quirk(values-as-text)
            Some(Value::Number(slug)) if mount == Mount::Compat => Ok(Some(slug.to_string())),
            Some(_) => Err(unnamed()),
        }
    }

    /// Whether the body sets nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self { unknown: self.unknown.clone(), ..Self::default() }
    }

    /// Refuses unknown fields: all of them natively, misspelled ones at `/api/v1`.
    pub fn checked(self, mount: Mount) -> Result<Self> {
        match (mount, self.unknown.keys().next()) {
            (Mount::Native, Some(name)) => {
                let name: String = name.chars().take(60).collect();
                Err(Error::invalid("body", format!("unknown field `{name}`")))
            }
            _ => refuse_misspelled(&self.unknown, &FIELDS).map(|()| self),
        }
    }

    /// The settings of a new embed.
    pub fn into_new(self, workspace: WorkspaceId, mount: Mount) -> Result<WidgetSettings> {
        let made =
            Self { workspace_id: None, ..self }.onto(WidgetSettings::of(workspace), mount)?;
        // quirk(enabled-when-new)
        Ok(WidgetSettings { enabled: made.enabled || mount == Mount::Compat, ..made })
    }

    /// `settings` with what was sent in place of what was there.
    pub fn onto(self, settings: WidgetSettings, mount: Mount) -> Result<WidgetSettings> {
        let flag = |value, field, before| flag(value, field, before, mount);
        let limit = |value, field, before| limit(value, field, before, mount);
        Ok(WidgetSettings {
            workspace: workspace(self.workspace_id, settings.workspace)?,
            enabled: flag(self.enabled, "enabled", settings.enabled)?,
            mode: mode(self.chat_mode, settings.mode, mount)?,
            origins: match self.allowlist_domains {
                None => settings.origins,
                Some(value) => origins(value, mount)?,
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

/// Why a new embed is refused that names no workspace.
pub fn unnamed() -> Error {
    Error::invalid("workspace_slug", "Workspace slug is required")
}

fn workspace(value: Option<Value>, before: WorkspaceId) -> Result<WorkspaceId> {
    let Some(value) = value else { return Ok(before) };
    let id = value.as_i64().and_then(|id| i32::try_from(id).ok());
    id.map(WorkspaceId).ok_or_else(|| Error::invalid("workspace_id", "must be a workspace's id"))
}

fn flag(value: Option<Value>, field: &'static str, before: bool, mount: Mount) -> Result<bool> {
    match value {
        None => Ok(before),
        Some(Value::Bool(flag)) => Ok(flag),
        // quirk(coerced-settings)
        Some(_) if mount == Mount::Compat => Ok(false),
        Some(_) => Err(Error::invalid(field, "must be true or false")),
    }
}

fn mode(value: Option<Value>, before: ChatMode, mount: Mount) -> Result<ChatMode> {
    let Some(value) = value else { return Ok(before) };
    match value.as_str().and_then(ChatMode::parse) {
        Some(mode @ (ChatMode::Chat | ChatMode::Query)) => Ok(mode),
        // quirk(coerced-settings)
        _ if mount == Mount::Compat => Ok(ChatMode::Query),
        _ => Err(Error::invalid("chat_mode", "must be chat or query")),
    }
}

fn limit(
    value: Option<Value>,
    field: &'static str,
    before: Option<i32>,
    mount: Mount,
) -> Result<Option<i32>> {
    let number = match value {
        None => return Ok(before),
        Some(Value::Null) => return Ok(None),
        // quirk(coerced-settings): a text may be a number, and what is none is no limit.
        Some(Value::String(text)) if mount == Mount::Compat => text.trim().parse().ok(),
        Some(value) => value.as_i64(),
    };
    let number = number.and_then(|number| i32::try_from(number).ok()).filter(|number| *number > 0);
    match number {
        None if mount == Mount::Native => {
            Err(Error::invalid(field, "must be a whole number from 1, or null"))
        }
        number => Ok(number),
    }
}

/// The pages that a list names. Only null, and at `/api/v1` an empty text, means any page.
fn origins(value: Value, mount: Mount) -> Result<Option<Vec<WebOrigin>>> {
    let texts: Vec<String> = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.trim().is_empty() && mount == Mount::Compat => return Ok(None),
        Value::String(text) => text.split(',').map(str::to_owned).collect(),
        Value::Array(items) => {
            let text = |item: Value| match item {
                Value::String(text) => Ok(text),
                _ => Err(wrong("must hold texts")),
            };
            items.into_iter().map(text).collect::<Result<_>>()?
        }
        _ => return Err(wrong("must be an array of origins, or text with commas between them")),
    };
    if texts.len() > MOST_ORIGINS {
        return Err(wrong("must not hold more than 1000 origins"));
    }
    let mut origins = Vec::new();
    for text in texts {
        match WebOrigin::parse(&text) {
            Ok(origin) if !origins.contains(&origin) => origins.push(origin),
            Ok(_) => {}
            // quirk(unreadable-pages): what is no origin is left out.
            Err(_) if mount == Mount::Compat => {}
            Err(error) => return Err(error),
        }
    }
    match origins.is_empty() {
        true => Err(wrong("must name an origin such as https://example.com, or be null")),
        false => Ok(Some(origins)),
    }
}

fn wrong(reason: &'static str) -> Error {
    Error::invalid("allowlist_domains", reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(fields: Value, mount: Mount) -> Result<WidgetSettings> {
        let fields: EmbedFields = serde_json::from_value(fields).unwrap();
        fields.onto(WidgetSettings::of(WorkspaceId(1)), mount)
    }

    fn pages(value: Value, mount: Mount) -> Result<Option<Vec<String>>> {
        let settings = set(json!({ "allowlist_domains": value }), mount)?;
        let texts =
            |origins: Vec<WebOrigin>| origins.iter().map(|o| o.as_str().to_owned()).collect();
        Ok(settings.origins.map(texts))
    }

    #[test]
    fn a_list_of_pages_never_becomes_any_page_by_accident() {
        let two = Some(vec!["https://a.test".to_owned(), "http://b.test:8080".to_owned()]);
        for mount in [Mount::Native, Mount::Compat] {
            assert_eq!(pages(json!(["a.test", "http://b.test:8080"]), mount).unwrap(), two);
            assert_eq!(pages(json!("a.test, http://b.test:8080"), mount).unwrap(), two);
            assert_eq!(pages(json!(null), mount).unwrap(), None);
            for wrong in
                [json!([]), json!([5]), json!(5), json!({}), json!("bad host"), json!([""])]
            {
                assert!(pages(wrong.clone(), mount).is_err(), "{wrong}");
            }
        }
        assert!(pages(json!(["a.test", "bad host"]), Mount::Native).is_err());
        assert!(pages(json!(""), Mount::Native).is_err());
        let left = pages(json!(["a.test", "bad host"]), Mount::Compat).unwrap();
        assert_eq!(left, Some(vec!["https://a.test".to_owned()]));
        assert_eq!(pages(json!(""), Mount::Compat).unwrap(), None);
    }

    #[test]
    fn natively_wrong_values_are_refused_and_elsewhere_they_are_defaults() {
        for (field, value) in [
            ("enabled", json!("yes")),
            ("chat_mode", json!("automatic")),
            ("allow_prompt_override", json!(1)),
            ("max_chats_per_day", json!(0)),
            ("max_chats_per_day", json!("7")),
            ("message_limit", json!(-1)),
            ("max_chats_per_session", json!(4_294_967_296_i64)),
        ] {
            let refused = set(json!({ field: value }), Mount::Native).unwrap_err().to_string();
            assert!(refused.starts_with(field), "{refused}");
            set(json!({ field: value }), Mount::Compat).unwrap();
        }
        let coerced =
            json!({ "max_chats_per_session": "7", "max_chats_per_day": "x", "enabled": 1 });
        let coerced = set(coerced, Mount::Compat).unwrap();
        assert_eq!((coerced.session_limit, coerced.day_limit), (Some(7), None));
        assert!(!coerced.enabled);
    }
}
