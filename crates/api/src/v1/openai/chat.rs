//! `POST /openai/chat/completions`.
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, post};
use carrel_domain::Result;
use carrel_services::Ports;
use carrel_services::chat::AnswerEvent;
use chrono::Utc;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc::Receiver;

use crate::authorized::{Authorized, scope};
use crate::error::openai::OpenAi;
use crate::error::{ApiResult, ErrorResponse};
use crate::read::JsonBody;
use crate::streaming::{self, Listener};
use crate::v1::openai::requested_workspace;
use crate::v1::openai::wire::answer::{Completion, CompletionStream, Heading};
use crate::v1::openai::wire::chat::CompletionBody;
use crate::wire::ServerSentEvent;

/// Answer a conversation from the documents of a workspace.
///
/// The request contains the earlier messages. The exchange is stored in the workspace. With
/// `"stream": true` the answer is sent as server-sent events that end in `[DONE]`.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), request_body = CompletionBody,
    responses((status = 200, content((Completion = "application/json"), (ServerSentEvent = "text/event-stream"))), ErrorResponse<OpenAi>))]
#[post("/openai/chat/completions")]
pub async fn complete_chat(
    caller: Authorized<scope::Chat>,
    request: HttpRequest,
    ports: Data<Ports>,
    body: JsonBody<CompletionBody>,
) -> ApiResult<HttpResponse, OpenAi> {
    let body = body.read().await?;
    let workspace = match requested_workspace(&caller, &*ports.workspaces, &body.model()?).await? {
        Ok(workspace) => workspace,
        Err(refusal) => return Ok(refusal),
    };
    let (manner, mut question) = (body.manner()?, body.question()?);
    let heading = Heading::new(workspace.slug.to_string(), Utc::now().timestamp());
    if !manner.streams {
        let reply = ports.conversations.ask(&workspace, question, &caller.by()).await?;
        return Ok(HttpResponse::Ok().json(heading.completion(reply)?));
    }
    question.separates_reasoning = true;
    let listener = Listener::new(&request, &caller, &workspace)?;
    let events = ports.conversations.stream(&workspace, question, &caller.by()).await?;
    let mut completion = CompletionStream::new(heading, manner.counts);
    let begin = completion.begin();
    Ok(streamed(events, begin, move |event| completion.encode(event), listener).await?)
}

/// Returns the stream that `tell` makes of the parts, after `begin`.
pub async fn streamed(
    mut events: Receiver<AnswerEvent>,
    begin: String,
    mut encode: impl FnMut(AnswerEvent) -> String + 'static,
    listener: Listener,
) -> Result<HttpResponse> {
    let first = streaming::first(&mut events).await?;
    let begin = begin + &first.map(&mut encode).unwrap_or_default();
    let begin = stream::iter([Ok(Bytes::from(begin))]);
    Ok(streaming::response()
        .streaming(begin.chain(streaming::event_stream(events, encode, listener))))
}
