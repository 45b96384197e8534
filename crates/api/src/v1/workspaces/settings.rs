//! What a client may set about a workspace, and how each value is read.
use carrel_domain::workspace::{ChatMode, SearchMode, WorkspaceSettings};
use carrel_domain::{Error, Result};
use carrel_services::workspaces::ROUTER;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::mount::Mount;
use crate::wire::sent;

/// Settings of a workspace; those that are absent stay as they are. Fields of other names are ignored.
///
/// Natively a value of the wrong kind is refused. At `/api/v1` it is replaced by the default.
#[derive(Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceFields {
    /// 1 to 255 characters.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, example = "Sample workspace")]
    name: Option<Value>,
    /// Sampling temperature, >= 0; null for the provider's default.
    #[serde(default, deserialize_with = "sent", alias = "open_ai_temp")]
    #[schema(value_type = Option<f64>)]
    open_ai_temp: Option<Value>,
    /// How many earlier exchanges the model sees, >= 0.
    #[serde(default, deserialize_with = "sent", alias = "open_ai_history")]
    #[schema(value_type = Option<i32>)]
    open_ai_history: Option<Value>,
    /// The system prompt; may contain variables such as `{datetime}`.
    #[serde(default, deserialize_with = "sent", alias = "open_ai_prompt")]
    #[schema(value_type = Option<String>)]
    open_ai_prompt: Option<Value>,
    /// Passages less similar than this are not used, 0 to 1.
    #[serde(default, deserialize_with = "sent", alias = "similarity_threshold")]
    #[schema(value_type = Option<f64>)]
    similarity_threshold: Option<Value>,
    /// How many passages an answer is built on, >= 1.
    #[serde(default, deserialize_with = "sent", rename = "topN", alias = "top_n")]
    #[schema(value_type = Option<i32>)]
    top_n: Option<Value>,
    /// `chat`, `query` or `automatic`.
    #[serde(default, deserialize_with = "sent", alias = "chat_mode")]
    #[schema(value_type = Option<String>)]
    chat_mode: Option<Value>,
    /// How passages are found: `vector` by meaning, `lexical` by words, `hybrid` by both, `rerank` by
    /// both and looked at twice; `default` is `hybrid`.
    #[serde(default, deserialize_with = "sent", alias = "vector_search_mode")]
    #[schema(value_type = Option<String>)]
    vector_search_mode: Option<Value>,
    /// A provider's name as in the settings; null for the server's.
    #[serde(default, deserialize_with = "sent", alias = "chat_provider")]
    #[schema(value_type = Option<String>)]
    chat_provider: Option<Value>,
    #[serde(default, deserialize_with = "sent", alias = "chat_model")]
    #[schema(value_type = Option<String>)]
    chat_model: Option<Value>,
    #[serde(default, deserialize_with = "sent", alias = "agent_provider")]
    #[schema(value_type = Option<String>)]
    agent_provider: Option<Value>,
    #[serde(default, deserialize_with = "sent", alias = "agent_model")]
    #[schema(value_type = Option<String>)]
    agent_model: Option<Value>,
    /// What is said in query mode when nothing bears on the question.
    #[serde(default, deserialize_with = "sent", alias = "query_refusal_response")]
    #[schema(value_type = Option<String>)]
    query_refusal_response: Option<Value>,
    #[serde(default, deserialize_with = "sent", rename = "router_id")]
    #[schema(value_type = Option<i32>)]
    router_id: Option<Value>,
    /// Only at `/api/v1`, and whatever it is, the time is that of the change.
    #[serde(default, deserialize_with = "sent")]
    #[schema(ignore)]
    last_updated_at: Option<Value>,
}

const LONGEST_NAME: usize = 255;

impl WorkspaceFields {
    /// The name as it was sent, of which less may be kept.
    pub fn name(&self) -> String {
        self.name.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The settings of a new workspace, which needs a name.
    pub fn into_new(self, mount: Mount) -> Result<WorkspaceSettings> {
        match &self.name {
            Some(Value::String(name)) if !name.is_empty() => {}
            None | Some(Value::Null) | Some(Value::String(_)) => return Err(Unnamed.into()),
            Some(Value::Number(number)) if number.as_f64() == Some(0.0) => {
                return Err(Unnamed.into());
            }
            Some(_) => return Err(Error::invalid("name", "must be text of 1 to 255 characters")),
        }
        self.onto(WorkspaceSettings::named(""), mount)
    }

    /// `settings` as they are to be from now on; `None` when nothing was sent that can be changed.
    pub fn into_changed(
        self,
        settings: WorkspaceSettings,
        mount: Mount,
    ) -> Result<Option<WorkspaceSettings>> {
        let last_updated_at = self.last_updated_at.clone();
        // quirk(touched-workspace): the time of the last change can be sent, and is a change.
        let is_touched = mount == Mount::Compat && last_updated_at.is_some();
        if !is_touched && self == (Self { last_updated_at, ..Self::default() }) {
            return Ok(None);
        }
        let provider = self.chat_provider.as_ref().and_then(Value::as_str).map(str::to_owned);
        let mut changed = self.onto(settings, mount)?;
        // A model is one of its provider's, and a router chooses both.
        match provider.as_deref() {
            Some("default" | ROUTER) => changed.chat_model = None,
            Some(_) if changed.chat_provider.is_some() => changed.router = None,
            _ => {}
        }
        Ok(Some(changed))
    }

    /// `settings` with what was sent in place of what was there.
    fn onto(self, settings: WorkspaceSettings, mount: Mount) -> Result<WorkspaceSettings> {
        let read = Reader { strict: mount == Mount::Native };
        let default = WorkspaceSettings::named("My Workspace");
        let least = |value: f64| read.in_range(value, 0.0..=f64::MAX);
        let share = |value: f64| read.in_range(value, 0.0..=1.0);
        Ok(WorkspaceSettings {
            name: read.or(
                self.name,
                "name",
                "text of 1 to 255 characters",
                settings.name,
                default.name,
                name,
            )?,
            temperature: read.or(
                self.open_ai_temp,
                "openAiTemp",
                "a number >= 0 or null",
                settings.temperature,
                None,
                |value| nullable(value, |value| least(number(value)?)),
            )?,
            history: read.or(
                self.open_ai_history,
                "openAiHistory",
                "a whole number >= 0",
                settings.history,
                default.history,
                |value| read.at_least(whole(value)?, 0),
            )?,
            prompt: read.text(self.open_ai_prompt, "openAiPrompt", settings.prompt)?,
            least_similarity: read.or(
                self.similarity_threshold,
                "similarityThreshold",
                "a number from 0 to 1",
                settings.least_similarity,
                default.least_similarity,
                |value| share(number(value)?),
            )?,
            passages: read.or(
                self.top_n,
                "topN",
                "a whole number >= 1",
                settings.passages,
                default.passages,
                |value| read.at_least(whole(value)?, 1),
            )?,
            chat_mode: read.or(
                self.chat_mode,
                "chatMode",
                "chat, query or automatic",
                settings.chat_mode,
                default.chat_mode,
                |value| ChatMode::parse(value.as_str()?),
            )?,
            search_mode: read.or(
                self.vector_search_mode,
                "vectorSearchMode",
                "default, vector, lexical, hybrid or rerank",
                settings.search_mode,
                default.search_mode,
                |value| SearchMode::parse(value.as_str()?),
            )?,
            chat_provider: read.provider(
                self.chat_provider,
                "chatProvider",
                settings.chat_provider,
            )?,
            chat_model: read.text(self.chat_model, "chatModel", settings.chat_model)?,
            agent_provider: read.provider(
                self.agent_provider,
                "agentProvider",
                settings.agent_provider,
            )?,
            agent_model: read.text(self.agent_model, "agentModel", settings.agent_model)?,
            refusal: read.text(
                self.query_refusal_response,
                "queryRefusalResponse",
                settings.refusal,
            )?,
            router: read.or(
                self.router_id,
                "router_id",
                "a whole number or null",
                settings.router,
                None,
                |value| nullable(value, whole),
            )?,
        })
    }
}

/// A new workspace was given no name. Clients know the words.
struct Unnamed;

impl From<Unnamed> for Error {
    fn from(_: Unnamed) -> Self {
        Error::unprocessable("name cannot be null")
    }
}

/// Reads values, strictly or leniently.
#[derive(Clone, Copy)]
struct Reader {
    strict: bool,
}

impl Reader {
    /// `kept` when nothing was sent, what `parse` makes of it otherwise. What cannot be parsed is
    /// refused if strict, else the `default`.
    fn or<T>(
        self,
        value: Option<Value>,
        field: &'static str,
        allowed: &str,
        kept: T,
        default: T,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T> {
        let Some(value) = value else { return Ok(kept) };
        match parse(&value) {
            Some(parsed) => Ok(parsed),
            None if self.strict => Err(Error::invalid(field, format!("must be {allowed}"))),
            None => Ok(default),
        }
    }

    fn text(
        self,
        value: Option<Value>,
        field: &'static str,
        kept: Option<String>,
    ) -> Result<Option<String>> {
        self.or(value, field, "text or null", kept, None, |value| nullable(value, text))
    }

    /// A provider's name, of which `none` and `default` mean the server's.
    fn provider(
        self,
        value: Option<Value>,
        field: &'static str,
        kept: Option<String>,
    ) -> Result<Option<String>> {
        let named = self.text(value, field, kept)?;
        Ok(named.filter(|name| name != "none" && name != "default"))
    }

    fn in_range(self, value: f64, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
        if range.contains(&value) {
            return Some(value);
        }
        // quirk(coerced-settings): at `/api/v1` a share out of range becomes the nearest one.
        let clamp = !self.strict && *range.end() <= 1.0;
        clamp.then(|| value.clamp(*range.start(), *range.end()))
    }

    fn at_least(self, value: i32, least: i32) -> Option<i32> {
        match self.strict {
            true => (value >= least).then_some(value),
            false => Some(value.max(least)),
        }
    }
}

fn nullable<T>(value: &Value, parse: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) if text.is_empty() => Some(None),
        value => parse(value).map(Some),
    }
}

fn name(value: &Value) -> Option<String> {
    let name = value.as_str().filter(|name| !name.is_empty())?;
    Some(name.chars().take(LONGEST_NAME).collect())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Programs send numbers as text too.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

fn whole(value: &Value) -> Option<i32> {
    let number = number(value)?.trunc();
    (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number).then_some(number as i32)
}

#[cfg(test)]
mod tests;
