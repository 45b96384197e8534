//! Workspace settings in request bodies, and how each value is read.
use carrel_domain::workspace::{ChatMode, SearchMode, WorkspaceSettings};
use carrel_domain::{Error, Result};
use carrel_services::workspaces::ROUTER;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::wire::sent;

/// Settings of a workspace. Absent fields do not change; unknown fields are ignored.
#[derive(Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceFields {
    /// 1 to 255 characters.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, example = "Sample workspace")]
    pub name: Option<Value>,
    /// Sampling temperature, at least 0; null for the provider's default.
    #[serde(default, deserialize_with = "sent", alias = "open_ai_temp")]
    #[schema(value_type = Option<f64>)]
    pub open_ai_temp: Option<Value>,
    /// Number of earlier exchanges that the model sees, at least 0.
    #[serde(default, deserialize_with = "sent", alias = "open_ai_history")]
    #[schema(value_type = Option<i32>)]
    pub open_ai_history: Option<Value>,
    /// Instructions for the model. May contain variables such as `{datetime}`.
    #[serde(default, deserialize_with = "sent", alias = "open_ai_prompt")]
    #[schema(value_type = Option<String>)]
    pub open_ai_prompt: Option<Value>,
    /// Lowest similarity of passages, 0 to 1.
    #[serde(default, deserialize_with = "sent", alias = "similarity_threshold")]
    #[schema(value_type = Option<f64>)]
    pub similarity_threshold: Option<Value>,
    /// Number of passages an answer is built on, at least 1.
    #[serde(default, deserialize_with = "sent", rename = "topN", alias = "top_n")]
    #[schema(value_type = Option<i32>)]
    pub top_n: Option<Value>,
    /// `chat`, `query` or `automatic`.
    #[serde(default, deserialize_with = "sent", alias = "chat_mode")]
    #[schema(value_type = Option<String>)]
    pub chat_mode: Option<Value>,
    /// Search mode: `vector` by meaning, `lexical` by words, `hybrid` by both, `rerank` by both
    /// with a second ranking; `default` means `hybrid`.
    #[serde(default, deserialize_with = "sent", alias = "vector_search_mode")]
    #[schema(value_type = Option<String>)]
    pub vector_search_mode: Option<Value>,
    /// Name of a provider, as in the settings; null for the server's.
    #[serde(default, deserialize_with = "sent", alias = "chat_provider")]
    #[schema(value_type = Option<String>)]
    pub chat_provider: Option<Value>,
    #[serde(default, deserialize_with = "sent", alias = "chat_model")]
    #[schema(value_type = Option<String>)]
    pub chat_model: Option<Value>,
    #[serde(default, deserialize_with = "sent", alias = "agent_provider")]
    #[schema(value_type = Option<String>)]
    pub agent_provider: Option<Value>,
    #[serde(default, deserialize_with = "sent", alias = "agent_model")]
    #[schema(value_type = Option<String>)]
    pub agent_model: Option<Value>,
    /// The response in query mode if no passage matches the question.
    #[serde(default, deserialize_with = "sent", alias = "query_refusal_response")]
    #[schema(value_type = Option<String>)]
    pub query_refusal_response: Option<Value>,
    #[serde(default, deserialize_with = "sent", rename = "router_id")]
    #[schema(value_type = Option<i32>)]
    pub router_id: Option<Value>,
}

const LONGEST_NAME: usize = 255;

impl WorkspaceFields {
    /// Returns the name as sent. The stored name may be shorter.
    pub fn name(&self) -> String {
        self.name.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Returns the settings of a new workspace, which needs a name.
    pub fn into_new(self) -> Result<WorkspaceSettings> {
        match &self.name {
            Some(Value::String(name)) if !name.is_empty() => {}
            None | Some(Value::Null) | Some(Value::String(_)) => return Err(Unnamed.into()),
            Some(Value::Number(number)) if number.as_f64() == Some(0.0) => {
                return Err(Unnamed.into());
            }
            Some(_) => return Err(Error::invalid("name", "must be text of 1 to 255 characters")),
        }
        self.apply_to(WorkspaceSettings::named(""))
    }

    /// Applies the changes to `settings`. Returns `None` if no known setting was sent.
    pub fn into_changed(self, settings: WorkspaceSettings) -> Result<Option<WorkspaceSettings>> {
        if self == Self::default() {
            return Ok(None);
        }
        let provider = self.chat_provider.as_ref().and_then(Value::as_str).map(str::to_owned);
        let mut changed = self.apply_to(settings)?;
        // A model belongs to its provider, and a router chooses both.
        match provider.as_deref() {
            Some("default" | ROUTER) => changed.chat_model = None,
            Some(_) if changed.chat_provider.is_some() => changed.router = None,
            _ => {}
        }
        Ok(Some(changed))
    }

    /// Applies the fields to `settings`.
    fn apply_to(self, settings: WorkspaceSettings) -> Result<WorkspaceSettings> {
        Ok(WorkspaceSettings {
            name: read(self.name, "name", "text of 1 to 255 characters", settings.name, name)?,
            temperature: read(
                self.open_ai_temp,
                "openAiTemp",
                "a number >= 0 or null",
                settings.temperature,
                |value| nullable(value, temperature),
            )?,
            history: read(
                self.open_ai_history,
                "openAiHistory",
                "a whole number >= 0",
                settings.history,
                |value| whole(value).filter(|number| *number >= 0),
            )?,
            prompt: words(self.open_ai_prompt, "openAiPrompt", settings.prompt)?,
            least_similarity: read(
                self.similarity_threshold,
                "similarityThreshold",
                "a number from 0 to 1",
                settings.least_similarity,
                |value| number(value).filter(|share| (0.0..=1.0).contains(share)),
            )?,
            passages: read(
                self.top_n,
                "topN",
                "a whole number >= 1",
                settings.passages,
                |value| whole(value).filter(|number| *number >= 1),
            )?,
            chat_mode: read(
                self.chat_mode,
                "chatMode",
                "chat, query or automatic",
                settings.chat_mode,
                |value| ChatMode::parse(value.as_str()?),
            )?,
            search_mode: read(
                self.vector_search_mode,
                "vectorSearchMode",
                "default, vector, lexical, hybrid or rerank",
                settings.search_mode,
                |value| SearchMode::parse(value.as_str()?),
            )?,
            chat_provider: provider(self.chat_provider, "chatProvider", settings.chat_provider)?,
            chat_model: words(self.chat_model, "chatModel", settings.chat_model)?,
            agent_provider: provider(
                self.agent_provider,
                "agentProvider",
                settings.agent_provider,
            )?,
            agent_model: words(self.agent_model, "agentModel", settings.agent_model)?,
            refusal: words(self.query_refusal_response, "queryRefusalResponse", settings.refusal)?,
            router: read(
                self.router_id,
                "router_id",
                "a whole number or null",
                settings.router,
                |value| nullable(value, whole),
            )?,
        })
    }
}

/// The error if a new workspace has no name. Existing clients know its text.
struct Unnamed;

impl From<Unnamed> for Error {
    fn from(_: Unnamed) -> Self {
        Error::unprocessable("name cannot be null")
    }
}

/// Returns `kept` if the field is absent, otherwise the parsed value.
fn read<T>(
    value: Option<Value>,
    field: &'static str,
    allowed: &str,
    current: T,
    parse: impl FnOnce(&Value) -> Option<T>,
) -> Result<T> {
    let Some(value) = value else { return Ok(current) };
    parse(&value).ok_or_else(|| Error::invalid(field, format!("must be {allowed}")))
}

fn words(
    value: Option<Value>,
    field: &'static str,
    current: Option<String>,
) -> Result<Option<String>> {
    read(value, field, "text or null", current, |value| nullable(value, text))
}

/// Parses the name of a provider; `none` and `default` mean the server's.
fn provider(
    value: Option<Value>,
    field: &'static str,
    current: Option<String>,
) -> Result<Option<String>> {
    let named = words(value, field, current)?;
    Ok(named.filter(|name| name != "none" && name != "default"))
}

/// Parses a value that may be null. An empty text counts as null.
pub fn nullable<T>(value: &Value, parse: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) if text.is_empty() => Some(None),
        value => parse(value).map(Some),
    }
}

pub fn name(value: &Value) -> Option<String> {
    let name = value.as_str().filter(|name| !name.is_empty())?;
    Some(name.chars().take(LONGEST_NAME).collect())
}

pub fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

pub fn temperature(value: &Value) -> Option<f64> {
    number(value).filter(|number| *number >= 0.0)
}

/// Parses a number, which some clients send as text.
pub fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

pub fn whole(value: &Value) -> Option<i32> {
    let number = number(value)?.trunc();
    (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number).then_some(number as i32)
}

#[cfg(test)]
mod tests;
