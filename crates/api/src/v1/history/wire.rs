//! Earlier questions and answers on the wire.
use carrel_domain::chat::{Bounded, Chat, ChatRange};
use carrel_domain::{Error, Result};
use carrel_services::record;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::mount::Mount;
use crate::v1::source;

/// The most exchanges that are sent at once.
const MOST: u32 = 10_000;

/// What may be asked of a history. Natively a wrong value is refused, at `/api/v1` it is passed over.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the parameters, which `HistoryQuery` reads")]
pub struct HistoryParams {
    /// The session of a client; everything that belongs to no session when absent.
    api_session_id: Option<String>,
    /// How many exchanges, from 1 to 10,000. 100 of a workspace, all of a thread when absent.
    limit: Option<u32>,
    /// How many exchanges are passed over.
    offset: Option<u32>,
    /// `asc`, the oldest first, or `desc`.
    order_by: Option<String>,
}

pub struct HistoryQuery {
    pub session: Option<String>,
    pub part: ChatRange,
}

impl HistoryQuery {
    /// Reads parameters, of which each counts where it stands first.
    pub fn read(pairs: &[(String, String)], usual: Option<u32>, mount: Mount) -> Result<Self> {
        let find = |names: [&str; 2]| {
            let pair = pairs.iter().find(|(name, _)| names.contains(&name.as_str()));
            pair.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        let newest_first = match find(["orderBy", "order_by"]) {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) if mount == Mount::Compat => false,
            Some(_) => return Err(Error::invalid("orderBy", "must be asc or desc")),
        };
        let limit = match find(["limit", "limit"]) {
            None => usual.unwrap_or(MOST),
            Some(text) => limit(text, mount)?,
        };
        let offset = match find(["offset", "offset"]) {
            None => 0,
            Some(text) => match text.parse() {
                Ok(offset) => offset,
                Err(_) if mount == Mount::Compat => 0,
                Err(_) => return Err(Error::invalid("offset", "must be a whole number")),
            },
        };
        let session = find(["apiSessionId", "api_session_id"]).map(str::to_owned);
        Ok(Self { session, part: ChatRange { newest_first, offset, limit } })
    }
}

fn limit(text: &str, mount: Mount) -> Result<u32> {
    match mount {
        Mount::Native => match text.parse() {
            Ok(limit @ 1..=MOST) => Ok(limit),
            _ => Err(Error::invalid("limit", "must be a whole number from 1 to 10000")),
        },
        // quirk(odd-limits): the number that a text begins with; none when it begins with none.
        Mount::Compat => {
            let text = text.trim();
            let digits = text.trim_start_matches(['-', '+']);
            let number = crate::routes::leading_number(digits);
            Ok(match number.parse::<u32>() {
                _ if number.is_empty() => 0,
                _ if text.starts_with('-') => 1,
                Ok(limit) => limit.clamp(1, MOST),
                Err(_) => MOST,
            })
        }
    }
}

/// Questions and answers in turn.
#[derive(Serialize, ToSchema)]
pub struct History {
    history: Vec<Turn>,
    /// `true` where more exchanges were asked for than fit into 16 MiB: the rest follows at an
    /// `offset` that is larger by the number of exchanges here. Absent otherwise.
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
    /// How the question was answered: `chat` or `query`.
    r#type: String,
    /// `assistant`.
    role: &'static str,
    content: String,
    #[schema(value_type = Vec<Object>)]
    sources: Value,
    chat_id: i64,
    sent_at: i64,
    /// Thumbs up or down.
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
    /// Exchanges whose answer is damaged are left out.
    pub fn new(chats: Bounded<Chat>, mount: Mount) -> Self {
        let Bounded { items, is_cut } = chats;
        let turns = items.into_iter().filter_map(|chat| turns(chat, mount));
        Self { history: turns.flatten().collect(), has_more: is_cut }
    }

    /// As it is shown to whoever is not to know what answers are built on.
    pub fn without_sources(mut self) -> Self {
        for turn in &mut self.history {
            if let Turn::Answered(answered) = turn {
                answered.sources = json!([]);
                answered.metrics = json!({});
            }
        }
        self
    }
}

fn turns(chat: Chat, mount: Mount) -> Option<[Turn; 2]> {
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
    let asked = Asked { role: "user", content: chat.prompt, sent_at, attachments, chat_id };
    let answered = Answered {
        r#type: mode,
        role: "assistant",
        content,
        sources: source::stored(sources.unwrap_or_else(|| json!([])), mount),
        chat_id,
        sent_at,
        feedback_score: chat.feedback,
        metrics: metrics.unwrap_or_else(|| json!({})),
        outputs,
        clarifying_questions,
    };
    Some([Turn::Asked(asked), Turn::Answered(Box::new(answered))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)], mount: Mount) -> Result<ChatRange> {
        let pairs: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(HistoryQuery::read(&pairs, Some(100), mount)?.part)
    }

    #[test]
    fn natively_a_wrong_parameter_is_refused() {
        for (name, value) in
            [("limit", "0"), ("limit", "x"), ("limit", "10001"), ("offset", "-1"), ("orderBy", "z")]
        {
            assert!(read(&[(name, value)], Mount::Native).is_err(), "{name}={value}");
        }
        let part = read(&[("limit", "7"), ("offset", "2"), ("orderBy", "desc")], Mount::Native);
        assert_eq!(part.unwrap(), ChatRange { newest_first: true, offset: 2, limit: 7 });
    }

    #[test]
    fn at_the_other_mount_a_limit_is_what_a_text_begins_with() {
        for (text, limit) in [("0", 1), ("-5", 1), ("2x", 2), ("x", 0), ("99999999999", MOST)] {
            let part = read(&[("limit", text), ("limit", "3")], Mount::Compat).unwrap();
            assert_eq!(part.limit, limit, "{text}");
        }
        let part = read(&[("orderBy", "zzz"), ("offset", "x")], Mount::Compat).unwrap();
        assert_eq!(part, ChatRange { newest_first: false, offset: 0, limit: 100 });
    }
}
