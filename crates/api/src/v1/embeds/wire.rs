//! Embeds on the wire, as whoever manages them sees them.
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
    /// Origins of the pages that may use it; null for any page.
    allowlist_domains: Option<Vec<String>>,
}

/// An embed, but for the pages that may use it.
#[derive(Serialize, ToSchema)]
pub struct EmbedDetails {
    id: i32,
    /// What pages name it by.
    uuid: String,
    enabled: bool,
    /// `chat` or `query`.
    chat_mode: &'static str,
    /// Whether visitors may choose the model.
    allow_model_override: bool,
    allow_temperature_override: bool,
    allow_prompt_override: bool,
    /// Questions in any 24 hours; null for any number.
    max_chats_per_day: Option<i32>,
    /// Those of one session.
    max_chats_per_session: Option<i32>,
    /// How many earlier exchanges the model sees; 20 when null.
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
    /// The details, and the pages that may use it.
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
    /// Origins of the pages that may use it; null for any page.
    allowlist_domains: Option<Vec<String>>,
}

/// What a list tells of an embed, but for the pages that may use it.
#[derive(Serialize, ToSchema)]
pub struct EmbedSummary {
    id: i32,
    uuid: String,
    enabled: bool,
    chat_mode: &'static str,
    #[serde(rename = "createdAt")]
    created_at: String,
    workspace: EmbedWorkspace,
    /// How many exchanges it has.
    chat_count: u64,
}

#[derive(Serialize, ToSchema)]
struct EmbedWorkspace {
    id: i32,
    name: String,
}

impl EmbedSummary {
    /// The summary, and the pages that may use it.
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
    /// `true` where more exchanges were asked for than fit into 16 MiB: the rest follows at an
    /// `offset` that is larger by the number of exchanges here. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    has_more: bool,
}

#[derive(Serialize, ToSchema)]
struct EmbedExchange {
    id: i64,
    prompt: String,
    /// JSON text of an object: `text`, `sources`, `type`, `metrics`.
    response: String,
    session_id: String,
    /// Whether later answers may see it.
    include: bool,
    /// JSON text of an object: `host`, `ip`, `username`.
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
