//! Widgets: administrators manage them, and visitors of allowed pages ask questions.
mod chat_store;
mod rate_limiter;

use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::chat::Chat;
use carrel_domain::widget::{Admission, NewWidget, Widget, WidgetChats, WidgetSettings, Widgets};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};
use serde_json::json;
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

use crate::chat::{AnswerEvent, Conversations, Question, RequestOverrides};
use chat_store::{WidgetChatStore, to_chat};
pub use rate_limiter::VisitorLimiter;

/// The default refusal text in query mode.
const REFUSAL: &str = "I do not have enough information to answer that. Try another question.";

/// The maximum number of exchanges shown to a session.
const MAX_HISTORY: u32 = 1000;

/// Manages widgets and answers their visitors. Cheap to clone.
#[derive(Clone)]
pub struct WidgetService {
    /// The store of widgets.
    pub widgets: Arc<dyn Widgets>,
    /// The store of widget exchanges.
    pub chats: Arc<dyn WidgetChats>,
    /// Answers questions.
    pub conversations: Conversations,
    /// Limits the requests per address.
    pub rate_limiter: Arc<VisitorLimiter>,
}

/// A visitor of a page with a widget.
pub struct WidgetVisitor {
    /// The address and time of the request.
    pub by: By,
    /// The origin of the page, as sent by the browser.
    pub origin: Option<String>,
    /// Whether a widget without a list of origins refuses everybody.
    pub requires_origins: bool,
}

/// A visitor's question.
pub struct WidgetQuestion {
    /// The visitor's session.
    pub session: Uuid,
    /// The text of the question.
    pub message: String,
    /// The visitor's name given by the page. Stored with the exchange.
    pub username: Option<String>,
    /// The system prompt, used if the widget allows it.
    pub prompt: Option<String>,
    /// The model, used if the widget allows it.
    pub model: Option<String>,
    /// The temperature, 0 to 2, used if the widget allows it.
    pub temperature: Option<f64>,
}

/// A widget that the visitor may use.
pub struct OpenWidget {
    widget: Widget,
    workspace: Workspace,
}

/// Why a visitor is refused.
#[derive(Debug)]
pub enum WidgetDenied {
    /// Too many requests. Retry after this many seconds.
    TooFast(u64),
    /// No widget has this key.
    Unknown,
    /// The widget is disabled.
    Disabled,
    /// The origin of the page is not allowed.
    WrongPage,
    /// The session is not a UUID.
    WrongSession,
    /// The message is empty.
    NoMessage,
    /// The limit of the widget for 24 hours is reached.
    DayIsFull,
    /// The limit of the session for 24 hours is reached.
    SessionIsFull,
    /// An operation failed.
    Failed(Error),
}

impl From<Error> for WidgetDenied {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl WidgetService {
    /// Creates a widget with a new key. [`Error::NotFound`] if the workspace does not exist.
    pub async fn create(&self, settings: WidgetSettings, by: &By) -> Result<Widget> {
        let key = Uuid::new_v4();
        let widget = NewWidget { key, settings, created_by: None, created_at: by.at };
        self.widgets.create(widget, by.event("embed_created", details(key))).await
    }

    /// Replaces the settings of a widget.
    pub async fn update(&self, widget: &Widget, settings: WidgetSettings, by: &By) -> Result<()> {
        let event = by.event("embed_updated", details(widget.key));
        self.widgets.update(widget.id, settings, event).await
    }

    /// Deletes a widget with its exchanges.
    pub async fn delete(&self, widget: &Widget, by: &By) -> Result<()> {
        let event = by.event("embed_deleted", details(widget.key));
        match self.widgets.delete(widget.id, event).await? {
            true => Ok(()),
            false => Err(Error::not_found("embed", widget.key)),
        }
    }

    /// Returns the widget with a key. [`Error::NotFound`] if it does not exist.
    pub async fn find(&self, key: &str) -> Result<Widget> {
        let widget = self.by_key(key).await?;
        widget.map(|(widget, _)| widget).ok_or_else(|| Error::not_found("embed", key))
    }

    /// Returns whether a widget exists and is enabled.
    pub async fn is_open(&self, key: &str) -> Result<bool> {
        Ok(self.by_key(key).await?.is_some_and(|(widget, _)| widget.settings.enabled))
    }

    async fn by_key(&self, key: &str) -> Result<Option<(Widget, Workspace)>> {
        match uuid(key) {
            Some(key) => self.widgets.by_key(key).await,
            None => Ok(None),
        }
    }

    /// Checks that a visitor may use a widget.
    pub async fn open(
        &self,
        key: &str,
        visitor: &WidgetVisitor,
    ) -> Result<OpenWidget, WidgetDenied> {
        self.rate_limiter
            .check(visitor.by.address.as_deref(), visitor.by.at)
            .map_err(WidgetDenied::TooFast)?;
        let (widget, workspace) = self.by_key(key).await?.ok_or(WidgetDenied::Unknown)?;
        if !widget.settings.enabled {
            return Err(WidgetDenied::Disabled);
        }
        let is_allowed = match &widget.settings.origins {
            None => !visitor.requires_origins,
            Some(origins) => visitor
                .origin
                .as_ref()
                .is_some_and(|page| origins.iter().any(|origin| origin.as_str() == page)),
        };
        if is_allowed { Ok(OpenWidget { widget, workspace }) } else { Err(WidgetDenied::WrongPage) }
    }

    /// Answers a visitor's question as a stream. The question counts towards the widget's limits
    /// even if it is refused or the model fails.
    pub async fn stream(
        &self,
        open: OpenWidget,
        question: WidgetQuestion,
        visitor: &WidgetVisitor,
    ) -> Result<Receiver<AnswerEvent>, WidgetDenied> {
        let OpenWidget { widget, workspace } = open;
        if question.message.trim().is_empty() {
            return Err(WidgetDenied::NoMessage);
        }
        let session = question.session.to_string();
        match self.chats.consume_question(&widget, &session, visitor.by.at).await {
            Ok(Admission::Admitted) => {}
            Ok(Admission::DayIsFull) => return Err(WidgetDenied::DayIsFull),
            Ok(Admission::SessionIsFull) => return Err(WidgetDenied::SessionIsFull),
            // The widget was deleted since it was looked up.
            Err(Error::NotFound { .. }) => return Err(WidgetDenied::Unknown),
            Err(error) => return Err(error.into()),
        }
        let connection = json!({
            "host": visitor.origin, "ip": visitor.by.address, "username": question.username,
        });
        let store = WidgetChatStore::new(self.chats.clone(), &widget, connection.to_string());
        let conversations = Conversations { chats: Arc::new(store), ..self.conversations.clone() };
        let (workspace, question) = apply_settings(&widget.settings, workspace, question);
        Ok(conversations.stream(&workspace, question, &visitor.by).await?)
    }

    /// Returns the exchanges of a session, oldest first.
    pub async fn history(&self, open: &OpenWidget, session: Uuid) -> Result<Vec<Chat>> {
        let chats = self.chats.recent(open.widget.id, &session.to_string(), MAX_HISTORY).await?;
        Ok(chats.into_iter().map(|chat| to_chat(open.workspace.id, chat)).collect())
    }

    /// Hides the exchanges of a session from the visitor and from later answers.
    pub async fn forget(&self, open: &OpenWidget, session: Uuid, by: &By) -> Result<()> {
        let event = by.event("embed_history_hidden", details(open.widget.key));
        self.chats.hide(open.widget.id, &session.to_string(), event).await.map(drop)
    }
}

/// Parses the key of a widget or session: a UUID in its hyphenated form.
pub fn uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

fn details(widget: Uuid) -> String {
    json!({ "embed": widget.to_string() }).to_string()
}

/// Applies the widget's settings to the workspace, and the visitor's permitted choices to the
/// question.
fn apply_settings(
    settings: &WidgetSettings,
    mut workspace: Workspace,
    question: WidgetQuestion,
) -> (Workspace, Question) {
    let workspace_settings = &mut workspace.settings;
    workspace_settings.history = settings.history.unwrap_or(WidgetSettings::HISTORY);
    workspace_settings.refusal.get_or_insert_with(|| REFUSAL.to_owned());
    if let Some(model) = question.model.filter(|_| settings.allows_model) {
        workspace_settings.chat_model = Some(model);
    }
    let overrides = RequestOverrides {
        instructions: question.prompt.filter(|_| settings.allows_prompt),
        temperature: question.temperature.filter(|_| settings.allows_temperature),
        ..RequestOverrides::default()
    };
    let question = Question {
        text: question.message,
        mode: Some(settings.mode),
        session: Some(question.session.to_string()),
        overrides,
        ..Question::default()
    };
    (workspace, question)
}

#[cfg(test)]
mod tests {
    use carrel_domain::WorkspaceId;

    use super::*;
    use crate::fakes::workspace;

    fn widget_question() -> WidgetQuestion {
        WidgetQuestion {
            session: Uuid::nil(),
            message: "Hi".into(),
            username: None,
            prompt: Some("Be rude.".into()),
            model: Some("other".into()),
            temperature: Some(2.0),
        }
    }

    #[test]
    fn visitors_can_override_only_permitted_settings() {
        let mut settings = WidgetSettings::of(WorkspaceId(1));
        let (restricted, question) = apply_settings(&settings, workspace("A"), widget_question());
        assert_eq!(
            (restricted.settings.chat_model, question.overrides),
            (None, RequestOverrides::default())
        );
        assert_eq!(restricted.settings.history, 20);
        assert_eq!(restricted.settings.refusal.as_deref(), Some(REFUSAL));
        settings.allows_prompt = true;
        settings.allows_model = true;
        settings.allows_temperature = true;
        settings.history = Some(3);
        let (permissive, question) = apply_settings(&settings, workspace("A"), widget_question());
        assert_eq!(permissive.settings.chat_model.as_deref(), Some("other"));
        assert_eq!(question.overrides.instructions.as_deref(), Some("Be rude."));
        assert_eq!(question.overrides.temperature, Some(2.0));
        assert_eq!(permissive.settings.history, 3);
    }

    #[test]
    fn names_are_hyphenated_uuids() {
        let id = "00000000-0000-4000-8000-00000000000A";
        assert_eq!(uuid(id).unwrap().to_string(), id.to_lowercase());
        for text in ["", "x", &id.replace('-', ""), &format!("{{{id}}}"), &format!("{id}0")] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }
}
