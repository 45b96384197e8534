//! JSON of chat widgets, for admins.
use carrel_domain::chat::Bounded;
use carrel_domain::widget::{ListedWidget, WebOrigin, Widget, WidgetChat};
use serde::Serialize;
use utoipa::ToSchema;

pub use super::fields::EmbedFields;

use crate::wire::time;

#[derive(Serialize, ToSchema)]
pub struct EmbedMade {
    embed: EmbedRow,
    /// Always null.
    error: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct EmbedRow {
    #[serde(flatten)]
    details: EmbedDetails,
    /// Origins of the pages that may use the widget; null for any page.
    allowlist_domains: Option<Vec<String>>,
}

/// A chat widget, without its allowed origins.
#[derive(Serialize, ToSchema)]
pub struct EmbedDetails {
    id: i32,
    /// Id that pages use for the widget.
    uuid: String,
    enabled: bool,
    /// `chat` or `query`.
    chat_mode: &'static str,
    /// True if visitors may choose the model.
    allow_model_override: bool,
    allow_temperature_override: bool,
    allow_prompt_override: bool,
    /// Questions allowed in any 24 hours; null for no limit.
    max_chats_per_day: Option<i32>,
    /// Questions allowed per session in any 24 hours; null for no limit.
    max_chats_per_session: Option<i32>,
    /// Number of earlier exchanges that the model sees; null for 20.
    message_limit: Option<i32>,
    workspace_id: i32,
    #[serde(rename = "createdBy")]
    created_by: Option<i32>,
    /// Always null.
    #[serde(rename = "usersId")]
    users_id: Option<i32>,
    #[serde(rename = "createdAt")]
    created_at: String,
}

impl EmbedDetails {
    /// Returns the details and the allowed origins.
    pub fn of(embed: Widget) -> (Self, Option<Vec<String>>) {
        let Widget { id, key, settings, created_by, created_at } = embed;
        let details = Self {
            id: id.0,
            uuid: key.to_string(),
            enabled: settings.enabled,
            chat_mode: settings.mode.as_str(),
            allow_model_override: settings.allows_model,
            allow_temperature_override: settings.allows_temperature,
            allow_prompt_override: settings.allows_prompt,
            max_chats_per_day: settings.day_limit,
            max_chats_per_session: settings.session_limit,
            message_limit: settings.history,
            workspace_id: settings.workspace.0,
            created_by: created_by.map(|user| user.0),
            users_id: None,
            created_at: time(created_at),
        };
        (details, texts(settings.origins))
    }
}

impl From<Widget> for EmbedMade {
    fn from(embed: Widget) -> Self {
        let (details, allowlist_domains) = EmbedDetails::of(embed);
        Self { embed: EmbedRow { details, allowlist_domains }, error: None }
    }
}

fn texts(origins: Option<Vec<WebOrigin>>) -> Option<Vec<String>> {
    let text = |origin: WebOrigin| origin.as_str().to_owned();
    Some(origins?.into_iter().map(text).collect())
}

#[derive(Serialize, ToSchema)]
pub struct EmbedList {
    pub embeds: Vec<EmbedListed>,
}

#[derive(Serialize, ToSchema)]
pub struct EmbedListed {
    #[serde(flatten)]
    summary: EmbedSummary,
    /// Origins of the pages that may use the widget; null for any page.
    allowlist_domains: Option<Vec<String>>,
}

/// A chat widget in a list, without its allowed origins.
#[derive(Serialize, ToSchema)]
pub struct EmbedSummary {
    id: i32,
    uuid: String,
    enabled: bool,
    chat_mode: &'static str,
    #[serde(rename = "createdAt")]
    created_at: String,
    workspace: EmbedWorkspace,
    /// Number of exchanges.
    chat_count: u64,
}

#[derive(Serialize, ToSchema)]
struct EmbedWorkspace {
    id: i32,
    name: String,
}

impl EmbedSummary {
    /// Returns the summary and the allowed origins.
    pub fn of(listed: ListedWidget) -> (Self, Option<Vec<String>>) {
        let Widget { id, key, settings, created_by: _, created_at } = listed.widget;
        let summary = Self {
            id: id.0,
            uuid: key.to_string(),
            enabled: settings.enabled,
            chat_mode: settings.mode.as_str(),
            created_at: time(created_at),
            workspace: EmbedWorkspace { id: settings.workspace.0, name: listed.workspace },
            chat_count: listed.chats,
        };
        (summary, texts(settings.origins))
    }
}

impl From<ListedWidget> for EmbedListed {
    fn from(listed: ListedWidget) -> Self {
        let (summary, allowlist_domains) = EmbedSummary::of(listed);
        Self { summary, allowlist_domains }
    }
}

#[derive(Default, Serialize, ToSchema)]
pub struct EmbedChats {
    chats: Vec<EmbedExchange>,
    /// True if the result exceeded 16 MiB and was cut off. Request the rest with an `offset`
    /// increased by the number of exchanges in this response. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    has_more: bool,
}

#[derive(Serialize, ToSchema)]
struct EmbedExchange {
    id: i64,
    prompt: String,
    /// A JSON object as a string: `text`, `sources`, `type`, `metrics`.
    response: String,
    session_id: String,
    /// True if later questions see this exchange.
    include: bool,
    /// A JSON object as a string: `host`, `ip`, `username`.
    connection_information: Option<String>,
    embed_id: i32,
    /// Always null.
    #[serde(rename = "usersId")]
    users_id: Option<i32>,
    #[serde(rename = "createdAt")]
    created_at: String,
}

impl EmbedChats {
    pub fn new(chats: Bounded<WidgetChat>) -> Self {
        let exchange = |chat: WidgetChat| {
            let WidgetChat {
                id,
                widget,
                session,
                prompt,
                response,
                include,
                connection,
                created_at,
            } = chat;
            EmbedExchange {
                id: id.0,
                prompt,
                response,
                session_id: session,
                include,
                connection_information: connection,
                embed_id: widget.0,
                users_id: None,
                created_at: time(created_at),
            }
        };
        Self { chats: chats.items.into_iter().map(exchange).collect(), has_more: chats.is_cut }
    }
}

#[derive(Serialize, ToSchema)]
pub struct EmbedDone {
    success: bool,
    /// Always null.
    error: Option<String>,
}

impl EmbedDone {
    pub const DONE: Self = Self { success: true, error: None };
}
