//! JSON of the chat history.
use carrel_domain::chat::{Bounded, Chat, ChatRange};
use carrel_domain::{Error, Result};
use carrel_services::record;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// Most exchanges in one response.
pub const MAX_LIMIT: u32 = 10_000;

/// Query parameters of a history.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the parameters, which `HistoryQuery` reads")]
pub struct HistoryParams {
    /// A client's chat session. If absent, exchanges that belong to no session.
    api_session_id: Option<String>,
    /// Number of exchanges, 1 to 10,000. If absent, 100 of a workspace or all of a thread.
    limit: Option<u32>,
    /// Number of exchanges to skip.
    offset: Option<u32>,
    /// `asc` for the oldest first, or `desc`.
    order_by: Option<String>,
}

pub struct HistoryQuery {
    pub session: Option<String>,
    pub part: ChatRange,
}

impl HistoryQuery {
    /// Reads the parameters. The first of each name counts.
    pub fn read(pairs: &[(String, String)], default: Option<u32>) -> Result<Self> {
        let newest_first = match first_value(pairs, &["orderBy", "order_by"]) {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(Error::invalid("orderBy", "must be asc or desc")),
        };
        let limit = match first_value(pairs, &["limit"]).map(str::parse::<u32>) {
            None => default.unwrap_or(MAX_LIMIT),
            Some(Ok(limit @ 1..=MAX_LIMIT)) => limit,
            Some(_) => {
                return Err(Error::invalid("limit", "must be a whole number from 1 to 10000"));
            }
        };
        let offset = match first_value(pairs, &["offset"]).map(str::parse::<u32>) {
            None => 0,
            Some(Ok(offset)) => offset,
            Some(Err(_)) => return Err(Error::invalid("offset", "must be a whole number")),
        };
        Ok(Self { session: session(pairs), part: ChatRange { newest_first, offset, limit } })
    }
}

/// Returns the session in the parameters.
pub fn session(pairs: &[(String, String)]) -> Option<String> {
    first_value(pairs, &["apiSessionId", "api_session_id"]).map(str::to_owned)
}

/// Returns the first value of a parameter with one of these names, unless it is empty.
pub fn first_value<'a>(pairs: &'a [(String, String)], names: &[&str]) -> Option<&'a str> {
    let pair = pairs.iter().find(|(name, _)| names.contains(&name.as_str()));
    pair.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// Questions and answers, alternating.
#[derive(Serialize, ToSchema)]
pub struct History {
    history: Vec<Turn>,
    /// True if the result exceeded 16 MiB and was cut off. Request the rest with an `offset`
    /// increased by the number of exchanges in this response. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    has_more: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Turn {
    Asked(Asked),
    Answered(Box<Answered>),
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// `user`.
    role: &'static str,
    content: String,
    /// Seconds since 1970.
    sent_at: i64,
    #[schema(value_type = Vec<Object>)]
    attachments: Value,
    chat_id: i64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Answered {
    /// Chat mode of the answer: `chat` or `query`.
    r#type: String,
    /// `assistant`.
    role: &'static str,
    content: String,
    #[schema(value_type = Vec<Object>)]
    sources: Value,
    chat_id: i64,
    sent_at: i64,
    /// True for thumbs up, false for thumbs down, null for no rating.
    feedback_score: Option<bool>,
    #[schema(value_type = Object)]
    metrics: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    outputs: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    clarifying_questions: Option<Value>,
}

impl History {
    /// Creates the history. Exchanges with a damaged answer are left out.
    pub fn new(chats: Bounded<Chat>) -> Self {
        let Bounded { items, is_cut } = chats;
        Self { history: items.into_iter().filter_map(turns).flatten().collect(), has_more: is_cut }
    }

    /// Rewrites the sources for a contract that represents them in another way.
    pub fn with_sources(mut self, edit: impl Fn(&mut Value)) -> Self {
        for turn in &mut self.history {
            if let Turn::Answered(answer) = turn {
                answer.sources.as_array_mut().into_iter().flatten().for_each(&edit);
            }
        }
        self
    }

    /// Removes the sources, for readers who must not see them.
    pub fn without_sources(mut self) -> Self {
        for turn in &mut self.history {
            if let Turn::Answered(answer) = turn {
                answer.sources = json!([]);
                answer.metrics = json!({});
            }
        }
        self
    }
}

fn turns(chat: Chat) -> Option<[Turn; 2]> {
    let mut record: Value = serde_json::from_str(&chat.response).ok()?;
    record::put_images(&mut record, chat.images);
    let record = record.as_object_mut()?;
    let Some(Value::String(content)) = record.remove("text") else { return None };
    let mut list = |name: &str| record.remove(name).filter(Value::is_array);
    let (attachments, sources) = (list("attachments"), list("sources"));
    let mut filled =
        |name: &str| list(name).filter(|list| list.as_array().is_some_and(|list| !list.is_empty()));
    let (outputs, clarifying_questions) = (filled("outputs"), filled("clarifyingQuestions"));
    let mode = record.get("type").and_then(Value::as_str).unwrap_or("chart").to_owned();
    let metrics = record.remove("metrics").filter(Value::is_object);
    let (chat_id, sent_at) = (chat.id.0, chat.created_at.timestamp());
    let attachments = attachments.unwrap_or_else(|| json!([]));
    let question = Asked { role: "user", content: chat.prompt, sent_at, attachments, chat_id };
    let answer = Answered {
        r#type: mode,
        role: "assistant",
        content,
        sources: sources.unwrap_or_else(|| json!([])),
        chat_id,
        sent_at,
        feedback_score: chat.feedback,
        metrics: metrics.unwrap_or_else(|| json!({})),
        outputs,
        clarifying_questions,
    };
    Some([Turn::Asked(question), Turn::Answered(Box::new(answer))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<ChatRange> {
        let pairs: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(HistoryQuery::read(&pairs, Some(100))?.part)
    }

    #[test]
    fn an_invalid_parameter_is_refused() {
        for (name, value) in
            [("limit", "0"), ("limit", "x"), ("limit", "10001"), ("offset", "-1"), ("orderBy", "z")]
        {
            assert!(read(&[(name, value)]).is_err(), "{name}={value}");
        }
        let part = read(&[("limit", "7"), ("offset", "2"), ("orderBy", "desc")]);
        assert_eq!(part.unwrap(), ChatRange { newest_first: true, offset: 2, limit: 7 });
    }
}
