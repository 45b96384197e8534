//! Embeds on the wire, as whoever manages them sees them.
use carrel_domain::chat::Bounded;
use carrel_domain::widget::{ListedWidget, WebOrigin, Widget, WidgetChat};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

pub use super::fields::EmbedFields;

use crate::mount::Mount;
use crate::v1::source;
use crate::wire::time;

#[derive(Serialize, ToSchema)]
pub struct EmbedMade {
    embed: EmbedRow,
    /// Always null.
    error: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct EmbedRow {
    id: i32,
    /// What pages name it by.
    uuid: String,
    enabled: bool,
    /// `chat` or `query`.
    chat_mode: &'static str,
    /// Origins of the pages that may use it; null for any page. At `/api/v1` the array as text.
    #[schema(value_type = Option<Vec<String>>)]
    allowlist_domains: Value,
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

impl EmbedMade {
    pub fn of(embed: Widget, mount: Mount) -> Self {
        let Widget { id, key, settings, created_by, created_at } = embed;
        let row = EmbedRow {
            id: id.0,
            uuid: key.to_string(),
            enabled: settings.enabled,
            chat_mode: settings.mode.as_str(),
            allowlist_domains: origins(settings.origins, mount),
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
        Self { embed: row, error: None }
    }
}

fn origins(origins: Option<Vec<WebOrigin>>, mount: Mount) -> Value {
    let Some(origins) = origins else { return Value::Null };
    let list = json!(origins.iter().map(WebOrigin::as_str).collect::<Vec<_>>());
    match mount {
        Mount::Native => list,
        // quirk(list-as-text)
        Mount::Compat => json!(list.to_string()),
    }
}

#[derive(Serialize, ToSchema)]
pub struct EmbedList {
    embeds: Vec<EmbedListed>,
}

#[derive(Serialize, ToSchema)]
struct EmbedListed {
    id: i32,
    uuid: String,
    enabled: bool,
    chat_mode: &'static str,
    /// Origins of the pages that may use it; null for any page. At `/api/v1` the array as text.
    #[schema(value_type = Option<Vec<String>>)]
    allowlist_domains: Value,
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

impl EmbedList {
    pub fn of(embeds: Vec<ListedWidget>, mount: Mount) -> Self {
        let listed = |listed: ListedWidget| {
            let Widget { id, key, settings, created_by: _, created_at } = listed.widget;
            EmbedListed {
                id: id.0,
                uuid: key.to_string(),
                enabled: settings.enabled,
                chat_mode: settings.mode.as_str(),
                allowlist_domains: origins(settings.origins, mount),
                created_at: time(created_at),
                workspace: EmbedWorkspace { id: settings.workspace.0, name: listed.workspace },
                chat_count: listed.chats,
            }
        };
        Self { embeds: embeds.into_iter().map(listed).collect() }
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
    pub fn new(chats: Bounded<WidgetChat>, mount: Mount) -> Self {
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
                response: source::answer(response, mount),
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
