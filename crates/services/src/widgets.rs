//! WidgetService: administrators create and change widgets; visitors of allowed pages ask them.
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
use chat_store::{WidgetChatStore, as_chat};
pub use rate_limiter::VisitorLimiter;

/// What is said in query mode where the workspace has no words of its own for it.
const REFUSAL: &str = "I do not have enough information to answer that. Try another question.";

/// The most exchanges that a session is shown.
const SHOWN: u32 = 1000;

/// Cheap to clone.
#[derive(Clone)]
pub struct WidgetService {
    /// The store of widgets.
    pub widgets: Arc<dyn Widgets>,
    /// The store of their exchanges.
    pub chats: Arc<dyn WidgetChats>,
    /// Answers the questions.
    pub conversations: Conversations,
    /// Bounds the questions of one address.
    pub rate_limiter: Arc<VisitorLimiter>,
}

/// A visitor of a page.
pub struct WidgetVisitor {
    /// Where the request comes from, and when.
    pub by: By,
    /// The page's origin, as the browser says it.
    pub origin: Option<String>,
    /// Whether a widget without a list of pages lets nobody in.
    pub needs_list: bool,
}

/// A visitor's question.
pub struct WidgetQuestion {
    /// The visitor's conversation.
    pub session: Uuid,
    /// The text of the question.
    pub message: String,
    /// The visitor's name from the page; stored with the exchange.
    pub username: Option<String>,
    /// Counts where the widget allows it.
    pub prompt: Option<String>,
    /// Another model, where the widget allows it.
    pub model: Option<String>,
    /// Another temperature, 0 to 2, where the widget allows it.
    pub temperature: Option<f64>,
}

/// A widget that a visitor may use.
pub struct OpenWidget {
    widget: Widget,
    workspace: Workspace,
}

/// Why a visitor is not served.
#[derive(Debug)]
pub enum WidgetDenied {
    /// Again after so many seconds.
    TooFast(u64),
    /// There is no widget of that key.
    Unknown,
    /// Its owner has switched it off.
    Disabled,
    /// The page is not one of those that may.
    WrongPage,
    /// The session is no UUID.
    WrongSession,
    /// There is nothing to answer.
    NoMessage,
    /// It has been asked as often as it may be in 24 hours.
    DayIsFull,
    /// The session has asked as often as it may in 24 hours.
    SessionIsFull,
    /// A port has failed.
    Failed(Error),
}

impl From<Error> for WidgetDenied {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl WidgetService {
    /// Makes a widget with a key of its own. [`Error::NotFound`] when there is no such workspace.
    pub async fn create(&self, settings: WidgetSettings, by: &By) -> Result<Widget> {
        let key = Uuid::new_v4();
        let new = NewWidget { key, settings, created_by: None, created_at: by.at };
        self.widgets.create(new, by.event("embed_created", details(key))).await
    }

    /// Replaces the settings of a widget.
    pub async fn update(&self, widget: &Widget, settings: WidgetSettings, by: &By) -> Result<()> {
        let event = by.event("embed_updated", details(widget.key));
        self.widgets.update(widget.id, settings, event).await
    }

    /// Removes a widget with its exchanges.
    pub async fn delete(&self, widget: &Widget, by: &By) -> Result<()> {
        let event = by.event("embed_deleted", details(widget.key));
        match self.widgets.delete(widget.id, event).await? {
            true => Ok(()),
            false => Err(Error::not_found("embed", widget.key)),
        }
    }

    /// The widget that a key names. [`Error::NotFound`] when there is none.
    pub async fn find(&self, key: &str) -> Result<Widget> {
        let found = self.by_key(key).await?;
        found.map(|(widget, _)| widget).ok_or_else(|| Error::not_found("embed", key))
    }

    /// Whether there is still such a widget, and it answers.
    pub async fn is_open(&self, key: &str) -> Result<bool> {
        Ok(self.by_key(key).await?.is_some_and(|(widget, _)| widget.settings.enabled))
    }

    async fn by_key(&self, key: &str) -> Result<Option<(Widget, Workspace)>> {
        match uuid(key) {
            Some(key) => self.widgets.by_key(key).await,
            None => Ok(None),
        }
    }

    /// Lets a visitor in, whatever they want.
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
        let may = match &widget.settings.origins {
            None => !visitor.needs_list,
            Some(origins) => visitor
                .origin
                .as_ref()
                .is_some_and(|page| origins.iter().any(|origin| origin.as_str() == page)),
        };
        if may { Ok(OpenWidget { widget, workspace }) } else { Err(WidgetDenied::WrongPage) }
    }

    /// Answers a visitor part by part. The question counts toward the widget's limits, also when it
    /// is refused or the model fails.
    pub async fn stream(
        &self,
        open: OpenWidget,
        asked: WidgetQuestion,
        visitor: &WidgetVisitor,
    ) -> Result<Receiver<AnswerEvent>, WidgetDenied> {
        let OpenWidget { widget, workspace } = open;
        if asked.message.trim().is_empty() {
            return Err(WidgetDenied::NoMessage);
        }
        let session = asked.session.to_string();
        match self.chats.consume_question(&widget, &session, visitor.by.at).await {
            Ok(Admission::Admitted) => {}
            Ok(Admission::DayIsFull) => return Err(WidgetDenied::DayIsFull),
            Ok(Admission::SessionIsFull) => return Err(WidgetDenied::SessionIsFull),
            // Deleted since it was looked up.
            Err(Error::NotFound { .. }) => return Err(WidgetDenied::Unknown),
            Err(error) => return Err(error.into()),
        }
        let connection = json!({
            "host": visitor.origin, "ip": visitor.by.address, "username": asked.username,
        });
        let keeping = WidgetChatStore::new(self.chats.clone(), &widget, connection.to_string());
        let conversations =
            Conversations { chats: Arc::new(keeping), ..self.conversations.clone() };
        let (workspace, question) = as_allowed(&widget.settings, workspace, asked);
        Ok(conversations.stream(&workspace, question, &visitor.by).await?)
    }

    /// The exchanges of a session, oldest first.
    pub async fn history(&self, open: &OpenWidget, session: Uuid) -> Result<Vec<Chat>> {
        let chats = self.chats.recent(open.widget.id, &session.to_string(), SHOWN).await?;
        Ok(chats.into_iter().map(|chat| as_chat(open.workspace.id, chat)).collect())
    }

    /// Forgets what a session has said: neither it nor the model is shown it again.
    pub async fn forget(&self, open: &OpenWidget, session: Uuid, by: &By) -> Result<()> {
        let event = by.event("embed_history_hidden", details(open.widget.key));
        self.chats.hide(open.widget.id, &session.to_string(), event).await.map(drop)
    }
}

/// The name of a widget or a session: a UUID as it is usually written.
pub fn uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

fn details(widget: Uuid) -> String {
    json!({ "embed": widget.to_string() }).to_string()
}

/// The workspace as the widget has it, and the question with what the widget lets visitors choose.
fn as_allowed(
    settings: &WidgetSettings,
    mut workspace: Workspace,
    asked: WidgetQuestion,
) -> (Workspace, Question) {
    let own = &mut workspace.settings;
    own.history = settings.history.unwrap_or(WidgetSettings::HISTORY);
    own.refusal.get_or_insert_with(|| REFUSAL.to_owned());
    if let Some(model) = asked.model.filter(|_| settings.allows_model) {
        own.chat_model = Some(model);
    }
    let overrides = RequestOverrides {
        instructions: asked.prompt.filter(|_| settings.allows_prompt),
        temperature: asked.temperature.filter(|_| settings.allows_temperature),
        ..RequestOverrides::default()
    };
    let question = Question {
        text: asked.message,
        mode: Some(settings.mode),
        session: Some(asked.session.to_string()),
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

    fn asked() -> WidgetQuestion {
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
    fn visitors_choose_only_what_they_are_allowed_to() {
        let mut settings = WidgetSettings::of(WorkspaceId(1));
        let (closed, question) = as_allowed(&settings, workspace("A"), asked());
        assert_eq!(
            (closed.settings.chat_model, question.overrides),
            (None, RequestOverrides::default())
        );
        assert_eq!(closed.settings.history, 20);
        assert_eq!(closed.settings.refusal.as_deref(), Some(REFUSAL));
        settings.allows_prompt = true;
        settings.allows_model = true;
        settings.allows_temperature = true;
        settings.history = Some(3);
        let (open, question) = as_allowed(&settings, workspace("A"), asked());
        assert_eq!(open.settings.chat_model.as_deref(), Some("other"));
        assert_eq!(question.overrides.instructions.as_deref(), Some("Be rude."));
        assert_eq!(question.overrides.temperature, Some(2.0));
        assert_eq!(open.settings.history, 3);
    }

    #[test]
    fn names_are_uuids_as_they_are_usually_written() {
        let id = "00000000-0000-4000-8000-00000000000A";
        assert_eq!(uuid(id).unwrap().to_string(), id.to_lowercase());
        for wrong in ["", "x", &id.replace('-', ""), &format!("{{{id}}}"), &format!("{id}0")] {
            assert_eq!(uuid(wrong), None, "{wrong}");
        }
    }
}
