//! `POST /api/v1/workspace/{slug}/chat` and `/stream-chat`, also in threads.
mod body;
mod stream;

use actix_web::web::{Json, Path};
use actix_web::{HttpResponse, post};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};
use carrel_services::chat::{EMPTY_COMPLETION, Reply};
use carrel_services::record;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use self::body::parse;
use self::stream::EventWriter;
use super::error::error_body::{Abort, ThreadAbort};
use super::{JsonBody, sources};
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse};
use crate::streaming;
use crate::v1::conversations::wire::{ChatBody, QuestionRequest, RESET};
use crate::v1::conversations::{ChatContext, find_thread, in_thread, stream as native};
use crate::wire::ServerSentEvent;

/// Ask a question in a workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = ChatBody,
    responses((status = 200, body = ChatAnswer), ErrorResponse<Abort>))]
#[post("/workspace/{slug}/chat")]
pub async fn ask(
    caller: Authorized<scope::Chat>,
    context: ChatContext,
    slug: Path<String>,
    body: JsonBody<ChatBody>,
) -> ApiResult<Json<ChatAnswer>, Abort> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*context.ports.workspaces, &slug).await?;
    Ok(Json(answer(&context, &caller, &workspace, parse(body)?).await?))
}

/// Ask a question in a workspace and stream the answer as server-sent events.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = ChatBody,
    responses((status = 200, description = "The answer, as server-sent events.", content_type = "text/event-stream", body = ServerSentEvent), ErrorResponse<Abort>))]
#[post("/workspace/{slug}/stream-chat")]
pub async fn stream_answer(
    caller: Authorized<scope::Chat>,
    context: ChatContext,
    slug: Path<String>,
    body: JsonBody<ChatBody>,
) -> ApiResult<HttpResponse, Abort> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*context.ports.workspaces, &slug).await?;
    Ok(stream(&context, &caller, &workspace, parse(body)?).await?)
}

/// Ask a question in a thread.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = ChatBody,
    responses((status = 200, body = ChatAnswer), ErrorResponse<ThreadAbort>))]
#[post("/workspace/{slug}/thread/{thread}/chat")]
pub async fn ask_in_thread(
    caller: Authorized<scope::Chat>,
    context: ChatContext,
    path: Path<(String, String)>,
    body: JsonBody<ChatBody>,
) -> ApiResult<Json<ChatAnswer>, ThreadAbort> {
    let body = body.read().await?;
    let (workspace, thread) = find_thread(&context.ports, &caller, &path).await?;
    let question = require_user(&context, parse(body)?).await?;
    let question = in_thread(&context.ports, thread, question).await?;
    Ok(Json(answer(&context, &caller, &workspace, question).await?))
}

/// Ask a question in a thread and stream the answer as server-sent events.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = ChatBody,
    responses((status = 200, description = "The answer, as server-sent events.", content_type = "text/event-stream", body = ServerSentEvent), ErrorResponse<ThreadAbort>))]
#[post("/workspace/{slug}/thread/{thread}/stream-chat")]
pub async fn stream_answer_in_thread(
    caller: Authorized<scope::Chat>,
    context: ChatContext,
    path: Path<(String, String)>,
    body: JsonBody<ChatBody>,
) -> ApiResult<HttpResponse, ThreadAbort> {
    let body = body.read().await?;
    let (workspace, thread) = match find_thread(&context.ports, &caller, &path).await {
        // quirk(unknown-thread-400): `400` for streams; the message does not say whether the
        // workspace or the thread is missing
        // native: an unknown thread is `404`
        // test: `conversations::threads_are_asked_as_existing_clients_do`
        Err(Error::NotFound { .. }) => {
            let reason = format!("Workspace {} or thread {} is not valid.", path.0, path.1);
            return Err(Error::invalid("message", reason).into());
        }
        found => found?,
    };
    let question = require_user(&context, parse(body)?).await?;
    let question = in_thread(&context.ports, thread, question).await?;
    Ok(stream(&context, &caller, &workspace, question).await?)
}

// quirk(unknown-asker): the question belongs to no user
// native: a `userId` that matches no user is `404`
// test: `conversations::threads_are_asked_as_existing_clients_do`
async fn require_user(
    context: &ChatContext,
    mut question: QuestionRequest,
) -> Result<QuestionRequest> {
    if let Some(id) = question.user
        && context.ports.users.by_id(id).await?.is_none()
    {
        question.user = None;
    }
    Ok(question)
}

async fn answer(
    context: &ChatContext,
    caller: &Authorized<scope::Chat>,
    workspace: &Workspace,
    question: QuestionRequest,
) -> Result<ChatAnswer> {
    let with_sources = question.with_sources;
    let reply = context.answer(caller, workspace, question).await?;
    Ok(reply.map_or_else(ChatAnswer::reset, |reply| ChatAnswer::new(reply, with_sources)))
}

async fn stream(
    context: &ChatContext,
    caller: &Authorized<scope::Chat>,
    workspace: &Workspace,
    question: QuestionRequest,
) -> Result<HttpResponse> {
    // quirk(answered-by-agent)
    let as_agent = question.question.is_for_agent(workspace);
    let writer = EventWriter::new(as_agent, question.with_sources);
    Ok(match context.stream(caller, workspace, question).await? {
        Some((events, listener)) => {
            let events =
                streaming::event_stream(events, move |event| writer.events(event), listener);
            streaming::response().streaming(events)
        }
        None => streaming::response().body(native::reset()),
    })
}

/// An answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = compat::ChatAnswer)]
pub struct ChatAnswer {
    id: String,
    /// `textResponse`, or `abort` if the model returned no text.
    r#type: &'static str,
    close: bool,
    error: Option<String>,
    /// Id of the exchange. Absent if the question was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_id: Option<i64>,
    /// Null only if the model returned no text.
    text_response: Option<String>,
    /// Documents and passages that the answer is built on, with the similarity of each passage.
    #[schema(value_type = Vec<Object>)]
    sources: Vec<Value>,
    /// Tokens, seconds and the model's name. Empty if no model was called.
    #[schema(value_type = Object)]
    metrics: Value,
    /// Present in answers of an agent; always empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    thoughts: Option<Vec<String>>,
    /// Present in answers of an agent; always empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    outputs: Option<Vec<Value>>,
}

impl ChatAnswer {
    fn reset() -> Self {
        Self::text(RESET.to_owned())
    }

    fn new(reply: Reply, with_sources: bool) -> Self {
        match reply {
            Reply::Refused { text, .. } => Self::text(text),
            // quirk(silence-200): `200` with an `abort` and the metrics; a stream just ends;
            // `/openai` says `no_content`
            // native: a model that answers without text has failed, whatever reasoning it sent:
            // `503`, an `abort` in a stream
            // test: `silence`
            Reply::Empty(empty) => Self {
                r#type: "abort",
                text_response: None,
                error: Some(EMPTY_COMPLETION.to_owned()),
                metrics: record::metrics_of(&empty.metrics),
                ..Self::text(String::new())
            },
            Reply::Answered { chat, text, sources, metrics } => Self {
                chat_id: Some(chat.0),
                sources: if with_sources { sources::sources_json(&sources) } else { Vec::new() },
                metrics: record::metrics_of(&metrics),
                // quirk(answered-by-agent)
                thoughts: metrics.as_agent.then(Vec::new),
                outputs: metrics.as_agent.then(Vec::new),
                ..Self::text(text)
            },
        }
    }

    fn text(text: String) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            r#type: "textResponse",
            close: true,
            error: None,
            chat_id: None,
            text_response: Some(text),
            sources: Vec::new(),
            metrics: json!({}),
            thoughts: None,
            outputs: None,
        }
    }
}
