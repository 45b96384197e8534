//! Widgets: conversations about a workspace that pages of other sites offer to anybody.
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use url::Url;
use uuid::Uuid;

use crate::audit::Event;
use crate::chat::{Bounded, ChatRange};
use crate::model::Usage;
use crate::workspace::{ChatMode, Workspace};
use crate::{ChatId, Error, Result, UserId, WidgetId, WorkspaceId};

/// Where a page comes from, as browsers say it: `https://example.com`, `http://localhost:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// Reads an address; without a scheme it is one of `https`. [`Error::Invalid`] for anything that
    /// no page has as its origin, such as an address with a path, or with `*` in it.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
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
        let url = url.map_err(|_| wrong())?;
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
            _ => Err(wrong()),
        }
    }

    /// The origin as browsers send it, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an owner may change about a widget.
#[derive(Clone, Debug, PartialEq)]
pub struct WidgetSettings {
    /// The workspace it answers from.
    pub workspace: WorkspaceId,
    /// Whether it answers at all.
    pub enabled: bool,
    /// [`ChatMode::Chat`] or [`ChatMode::Query`].
    pub mode: ChatMode,
    /// Pages that may use it; any page when absent.
    pub origins: Option<Vec<WebOrigin>>,
    /// Whether visitors may choose the model, the temperature, the prompt.
    pub allows_model: bool,
    /// As [`WidgetSettings::allows_model`], of the temperature.
    pub allows_temperature: bool,
    /// As [`WidgetSettings::allows_model`], of the prompt.
    pub allows_prompt: bool,
    /// Questions in any 24 hours, >= 1; unlimited when absent.
    pub day_limit: Option<i32>,
    /// Those of one session, >= 1.
    pub session_limit: Option<i32>,
    /// How many earlier exchanges the model sees, >= 1; [`WidgetSettings::HISTORY`] when absent.
    pub history: Option<i32>,
}

impl WidgetSettings {
    /// How many earlier exchanges the model sees unless settings say otherwise.
    pub const HISTORY: i32 = 20;

    /// The settings of a widget of which only the workspace is known.
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

/// A widget as the server knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Widget {
    /// Names it in routes for its owner.
    pub id: WidgetId,
    /// What pages know it by.
    pub key: Uuid,
    /// What its owner may change.
    pub settings: WidgetSettings,
    /// Who made it, if their account still exists.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A widget that is to be made.
#[derive(Clone, Debug)]
pub struct NewWidget {
    /// What pages will know it by.
    pub key: Uuid,
    /// What its owner may change.
    pub settings: WidgetSettings,
    /// Who makes it; absent for programs and the owner of a server without users.
    pub created_by: Option<UserId>,
    /// When it is made.
    pub created_at: DateTime<Utc>,
}

/// A widget as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedWidget {
    /// The widget.
    pub widget: Widget,
    /// The name of its workspace.
    pub workspace: String,
    /// How many exchanges it has.
    pub chats: u64,
}

/// Stores widgets. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Widgets: Send + Sync {
    /// [`Error::NotFound`] when there is no such workspace.
    async fn create(&self, new: NewWidget, event: Event) -> Result<Widget>;
    /// Every widget, by id.
    async fn list(&self) -> Result<Vec<ListedWidget>>;
    /// A widget and its workspace.
    async fn by_key(&self, key: Uuid) -> Result<Option<(Widget, Workspace)>>;
    /// Replaces the settings. [`Error::NotFound`] when there is no such widget or workspace.
    async fn update(&self, id: WidgetId, settings: WidgetSettings, event: Event) -> Result<()>;
    /// Removes a widget with its exchanges. Says whether there was one.
    async fn delete(&self, id: WidgetId, event: Event) -> Result<bool>;
}

/// An exchange that is to be stored.
#[derive(Clone, Debug)]
pub struct NewWidgetChat {
    /// The widget that was asked.
    pub widget: WidgetId,
    /// The visitor's conversation, by the name that the page keeps for it.
    pub session: String,
    /// The question as it was asked.
    pub prompt: String,
    /// The stored answer, as [`crate::chat::NewChat::response`].
    pub response: String,
    /// Whether later answers may see it.
    pub include: bool,
    /// Where the question came from: JSON text of an object.
    pub connection: String,
    /// When the question was answered.
    pub created_at: DateTime<Utc>,
    /// See [`crate::chat::NewChat::usage`].
    pub usage: Option<Usage>,
}

/// A stored exchange of a widget.
#[derive(Clone, Debug, PartialEq)]
pub struct WidgetChat {
    /// Names it in routes.
    pub id: ChatId,
    /// The widget that was asked.
    pub widget: WidgetId,
    /// See [`NewWidgetChat::session`].
    pub session: String,
    /// The question as it was asked.
    pub prompt: String,
    /// The stored answer.
    pub response: String,
    /// Whether later answers may see it.
    pub include: bool,
    /// See [`NewWidgetChat::connection`]; absent in rows of early versions.
    pub connection: Option<String>,
    /// When the question was answered.
    pub created_at: DateTime<Utc>,
}

/// Whether a question may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may be asked, and is counted.
    Admitted,
    /// The widget has been asked as often as it may be in 24 hours.
    DayIsFull,
    /// The session has asked as often as it may in 24 hours.
    SessionIsFull,
}

/// Stores exchanges of widgets. Each method is one transaction.
#[async_trait]
pub trait WidgetChats: Send + Sync {
    /// Counts a question of `session` at `now`, unless a limit of the widget is reached by those of
    /// the 24 hours before. Holds however many ask at the same moment. [`Error::NotFound`] when there
    /// is no such widget.
    async fn consume_question(
        &self,
        widget: &Widget,
        session: &str,
        now: DateTime<Utc>,
    ) -> Result<Admission>;
    /// [`Error::NotFound`] when the widget has gone meanwhile.
    async fn append(&self, new: NewWidgetChat, event: Event) -> Result<ChatId>;
    /// The newest `limit` included exchanges of a session, oldest first; fewer where they exceed
    /// [`crate::chat::MOST_BYTES`].
    async fn recent(&self, widget: WidgetId, session: &str, limit: u32) -> Result<Vec<WidgetChat>>;
    /// Exchanges of a widget, or of one session of it, included or not, up to
    /// [`crate::chat::MOST_BYTES`].
    async fn page(
        &self,
        widget: WidgetId,
        session: Option<&str>,
        part: ChatRange,
    ) -> Result<Bounded<WidgetChat>>;
    /// Hides a session's exchanges from later answers and from the session. Says how many.
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
