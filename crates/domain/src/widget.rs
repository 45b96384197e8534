//! Widgets: chat windows that pages of other sites offer to their visitors.
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use url::Url;
use uuid::Uuid;

use crate::audit::Event;
use crate::chat::{Bounded, ChatRange};
use crate::model::Usage;
use crate::workspace::{ChatMode, Workspace};
use crate::{ChatId, Error, Result, UserId, WidgetId, WorkspaceId};

/// The origin of a page, as browsers send it: `https://example.com`, `http://localhost:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// Parses an origin; `https` is assumed if the scheme is missing. [`Error::Invalid`] if the
    /// text is not an origin, for example if it has a path or contains `*`.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || {
            Error::invalid(
                "allowlist_domains",
                format!(
                    "`{text:.100}` is not an \
             origin"
                ),
            )
        };
        let text = text.trim();
        let has_scheme = text.contains("://");
        let url =
            if has_scheme { Url::parse(text) } else { Url::parse(&format!("https://{text}")) };
        let url = url.map_err(|_| invalid())?;
        let is_plain = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let has_host = url.host_str().is_some_and(|host| !host.is_empty() && !host.contains('*'));
        match url.scheme() {
            "http" | "https" if is_plain && has_host => {
                Ok(Self(url.origin().ascii_serialization()))
            }
            _ => Err(invalid()),
        }
    }

    /// Returns the origin as browsers send it, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The editable settings of a widget.
#[derive(Clone, Debug, PartialEq)]
pub struct WidgetSettings {
    /// The workspace that answers questions.
    pub workspace: WorkspaceId,
    /// Whether the widget accepts questions.
    pub enabled: bool,
    /// The chat mode: [`ChatMode::Chat`] or [`ChatMode::Query`].
    pub mode: ChatMode,
    /// The origins allowed to use the widget. Any origin if absent.
    pub origins: Option<Vec<WebOrigin>>,
    /// Whether visitors may choose the model.
    pub allows_model: bool,
    /// Whether visitors may choose the temperature.
    pub allows_temperature: bool,
    /// Whether visitors may choose the prompt.
    pub allows_prompt: bool,
    /// The maximum number of questions in 24 hours, at least 1. Unlimited if absent.
    pub day_limit: Option<i32>,
    /// The maximum number of questions per session in 24 hours, at least 1. Unlimited if absent.
    pub session_limit: Option<i32>,
    /// The number of earlier exchanges sent to the model, at least 1. [`WidgetSettings::HISTORY`]
    /// if absent.
    pub history: Option<i32>,
}

impl WidgetSettings {
    /// The default number of earlier exchanges sent to the model.
    pub const HISTORY: i32 = 20;

    /// Returns the default settings for a widget of `workspace`.
    pub fn of(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            enabled: true,
            mode: ChatMode::Query,
            origins: None,
            allows_model: false,
            allows_temperature: false,
            allows_prompt: false,
            day_limit: None,
            session_limit: None,
            history: None,
        }
    }
}

/// A stored widget.
#[derive(Clone, Debug, PartialEq)]
pub struct Widget {
    /// The id used in routes for administration.
    pub id: WidgetId,
    /// The key used by web pages.
    pub key: Uuid,
    /// The settings.
    pub settings: WidgetSettings,
    /// The user who created it, while the account exists.
    pub created_by: Option<UserId>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// A widget to be created.
#[derive(Clone, Debug)]
pub struct NewWidget {
    /// The key used by web pages.
    pub key: Uuid,
    /// The settings.
    pub settings: WidgetSettings,
    /// The user who creates it. Absent for programs and the owner of a server without users.
    pub created_by: Option<UserId>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// A widget in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedWidget {
    /// The widget.
    pub widget: Widget,
    /// The name of the workspace.
    pub workspace: String,
    /// The number of exchanges.
    pub chats: u64,
}

/// Stores widgets. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Widgets: Send + Sync {
    /// Creates a widget. [`Error::NotFound`] if the workspace does not exist.
    async fn create(&self, new: NewWidget, event: Event) -> Result<Widget>;
    /// Returns every widget, by id.
    async fn list(&self) -> Result<Vec<ListedWidget>>;
    /// Returns the widget with a key and its workspace.
    async fn by_key(&self, key: Uuid) -> Result<Option<(Widget, Workspace)>>;
    /// Replaces the settings. [`Error::NotFound`] if the widget or the workspace does not exist.
    async fn update(&self, id: WidgetId, settings: WidgetSettings, event: Event) -> Result<()>;
    /// Deletes a widget with its exchanges. Returns `false` if it does not exist.
    async fn delete(&self, id: WidgetId, event: Event) -> Result<bool>;
}

/// An exchange of a widget to be stored.
#[derive(Clone, Debug)]
pub struct NewWidgetChat {
    /// The widget.
    pub widget: WidgetId,
    /// The visitor's session, by the name chosen by the page.
    pub session: String,
    /// The question.
    pub prompt: String,
    /// The stored answer. See [`crate::chat::NewChat::response`].
    pub response: String,
    /// Whether later answers may see the exchange.
    pub include: bool,
    /// The origin of the question: a JSON object as text.
    pub connection: String,
    /// The time of the answer.
    pub created_at: DateTime<Utc>,
    /// See [`crate::chat::NewChat::usage`].
    pub usage: Option<Usage>,
}

/// A stored exchange of a widget.
#[derive(Clone, Debug, PartialEq)]
pub struct WidgetChat {
    /// The id used in routes.
    pub id: ChatId,
    /// The widget.
    pub widget: WidgetId,
    /// See [`NewWidgetChat::session`].
    pub session: String,
    /// The question.
    pub prompt: String,
    /// The stored answer.
    pub response: String,
    /// Whether later answers may see the exchange.
    pub include: bool,
    /// See [`NewWidgetChat::connection`]. Absent for rows of early versions.
    pub connection: Option<String>,
    /// The time of the answer.
    pub created_at: DateTime<Utc>,
}

/// The result of admitting a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The question is admitted and counted.
    Admitted,
    /// The limit of the widget for 24 hours is reached.
    DayIsFull,
    /// The limit of the session for 24 hours is reached.
    SessionIsFull,
}

/// Stores exchanges of widgets. Each method is one transaction.
#[async_trait]
pub trait WidgetChats: Send + Sync {
    /// Counts a question of `session` at `now`, unless a limit of the widget is reached by the
    /// questions of the previous 24 hours. Concurrent calls cannot exceed the limit.
    /// [`Error::NotFound`] if the widget does not exist.
    async fn consume_question(
        &self,
        widget: &Widget,
        session: &str,
        now: DateTime<Utc>,
    ) -> Result<Admission>;
    /// Stores an exchange. [`Error::NotFound`] if the widget no longer exists.
    async fn append(&self, new: NewWidgetChat, event: Event) -> Result<ChatId>;
    /// Returns the newest `limit` included exchanges of a session, oldest first. Returns fewer if
    /// they exceed [`crate::chat::MAX_BYTES`].
    async fn recent(&self, widget: WidgetId, session: &str, limit: u32) -> Result<Vec<WidgetChat>>;
    /// Returns exchanges of a widget or of one of its sessions, included or hidden, up to
    /// [`crate::chat::MAX_BYTES`].
    async fn page(
        &self,
        widget: WidgetId,
        session: Option<&str>,
        part: ChatRange,
    ) -> Result<Bounded<WidgetChat>>;
    /// Hides a session's exchanges from later answers and from the visitor. Returns their number.
    async fn hide(&self, widget: WidgetId, session: &str, event: Event) -> Result<u64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, origin) in [
            ("example.com", "https://example.com"),
            (" https://Example.COM/ ", "https://example.com"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("https://a.test:443", "https://a.test"),
            ("bücher.example", "https://xn--bcher-kva.example"),
            ("[::1]:3000", "https://[::1]:3000"),
        ] {
            assert_eq!(WebOrigin::parse(text).unwrap().as_str(), origin, "{text}");
        }
        for text in [
            "",
            " ",
            "bad host",
            "*",
            "https://*.example.com",
            "https://a.test/path",
            "https://a.test?x",
            "https://user@a.test",
            "ftp://a.test",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://",
        ] {
            assert!(WebOrigin::parse(text).is_err(), "{text}");
        }
    }
}
