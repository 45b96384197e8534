//! JSON of the chat log at `/api/v1`, and the format parameter of an export.
use carrel_domain::ChatId;
use carrel_domain::chat_log::LoggedChat;
use carrel_services::record;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::compat::sources;
use crate::compat::values::as_number;
use crate::v1::admin::wire::chats::PAGE;
use crate::wire::time;

#[derive(Deserialize, ToSchema)]
#[schema(as = compat::ChatQuery)]
pub struct ChatQuery {
    /// Page number, from 0. A page has 20 exchanges.
    #[serde(default)]
    #[schema(value_type = u32, example = 0)]
    offset: Value,
    /// Return only exchanges older than the one with this id. Use it to continue when `hasMore` is
    /// true.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    before: Value,
}

/// The position of a page of the chat log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// The page begins after this many exchanges.
    After(u64),
    /// The page lies before the newest exchange: it is empty and more pages follow.
    Before,
    /// The page number is invalid: the page is empty.
    Nowhere,
}

impl ChatQuery {
    pub fn before(&self) -> Option<ChatId> {
        self.before.as_i64().map(ChatId)
    }

    // quirk(odd-pages): fractions and texts are accepted as page numbers; a negative page is empty
    // and says that more follow
    // native: a page is a number from 0
    // test: `compat::page_offsets_are_parsed_loosely`
    pub fn start(&self) -> Start {
        match as_number(&self.offset) {
            None => Start::Nowhere,
            Some(page) if page < 0.0 => Start::Before,
            Some(page) => Start::After((page * f64::from(PAGE)) as u64),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = compat::ChatPage)]
pub struct ChatPage {
    pub chats: Vec<ChatRow>,
    /// True if more pages follow.
    pub has_pages: bool,
    /// True if the page exceeded 16 MiB and was cut off. Request the rest with `before` set to the
    /// last id of this page. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub has_more: bool,
}

/// A question and its answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = compat::ChatRow)]
pub struct ChatRow {
    id: i64,
    workspace_id: i32,
    prompt: String,
    /// The stored answer, as a JSON string.
    response: String,
    /// True if later questions see this exchange.
    include: bool,
    #[serde(rename = "user_id")]
    user_id: Option<i32>,
    #[serde(rename = "thread_id")]
    thread_id: Option<i32>,
    #[serde(rename = "api_session_id")]
    api_session_id: Option<String>,
    created_at: String,
    last_updated_at: String,
    /// True for thumbs up, false for thumbs down, null for no rating.
    feedback_score: Option<bool>,
    memory_processed: Option<bool>,
    workspace: ChatWorkspace,
    user: ChatUser,
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::ChatWorkspace)]
pub struct ChatWorkspace {
    name: String,
    slug: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::ChatUser)]
pub struct ChatUser {
    username: String,
}

impl From<LoggedChat> for ChatRow {
    fn from(logged: LoggedChat) -> Self {
        let user = ChatUser { username: logged.author().to_owned() };
        let name = logged.workspace_name().to_owned();
        let LoggedChat { mut chat, workspace, username: _ } = logged;
        record::join_images(&mut chat);
        let conversation = chat.conversation;
        Self {
            id: chat.id.0,
            workspace_id: conversation.workspace.0,
            prompt: chat.prompt,
            response: sources::answer(chat.response),
            include: chat.include,
            user_id: conversation.user.map(|user| user.0),
            thread_id: conversation.thread.map(|thread| thread.0),
            api_session_id: conversation.session,
            created_at: time(chat.created_at),
            last_updated_at: time(chat.updated_at),
            feedback_score: chat.feedback,
            memory_processed: None,
            workspace: ChatWorkspace { name, slug: workspace.map(|workspace| workspace.slug) },
            user,
        }
    }
}

/// Returns the format that a query asks for, `jsonl` if it names none. A parameter that is repeated
/// or given as a list is invalid: `Err` holds its values joined by commas.
pub fn export_type(query: &str) -> Result<String, String> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let types: Vec<_> = pairs.filter(|(name, _)| name == "type" || name == "type[]").collect();
    match &types[..] {
        [] => Ok("jsonl".to_owned()),
        [(name, one)] if name == "type" => Ok(one.clone().into_owned()),
        several => Err(several.iter().map(|(_, item)| &**item).collect::<Vec<_>>().join(",")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pages_begin_where_clients_expect_them() {
        let start = |offset: Value| ChatQuery { offset, before: Value::Null }.start();
        assert_eq!(start(json!(null)), Start::After(0));
        assert_eq!(start(json!("1")), Start::After(20));
        assert_eq!(start(json!(1.5)), Start::After(30));
        assert_eq!(start(json!(true)), Start::After(20));
        assert_eq!(start(json!(1e300)), Start::After(u64::MAX));
        assert_eq!(start(json!(-1)), Start::Before);
        assert_eq!(start(json!("abc")), Start::Nowhere);
    }

    #[test]
    fn an_export_has_one_type() {
        assert_eq!(export_type("a=b"), Ok("jsonl".into()));
        assert_eq!(export_type("type=jsonl%20"), Ok("jsonl ".into()));
        assert_eq!(export_type("type="), Ok(String::new()));
        assert_eq!(export_type("type[]=csv"), Err("csv".into()));
        assert_eq!(export_type("type=csv&type=json"), Err("csv,json".into()));
    }
}
