//! `POST /openai/audio/transcriptions`, `/openai/audio/translations` and `/openai/audio/speech`
mod events;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use carrel_domain::Result;
use carrel_domain::speech::{Speech, Transcript, TranscriptPart, TranscriptionTask};
use carrel_http::sound;
use carrel_services::Ports;
use tokio::sync::mpsc::Receiver;

use crate::authorized::{Authorized, scope};
use crate::error::openai::{self as error, OpenAi};
use crate::error::{ApiResult, ErrorResponse};
use crate::read::{JsonBody, MultipartForm};
use crate::v1::openai::wire::audio::{
    self as wire, SpeechBody, TranscriptionForm, TranslationForm, answer,
};
use crate::wire::{Binary, ServerSentEvent};

/// Transcribe a recording.
///
/// Uses the provider in the setting `SpeechToTextProvider`. With `stream=true` each segment is sent
/// as soon as it is transcribed.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])),
    request_body(content = TranscriptionForm, content_type = "multipart/form-data"),
    responses((status = 200, content((answer::VerboseTranscript = "application/json"), (String = "text/plain"), (ServerSentEvent = "text/event-stream"))), ErrorResponse<OpenAi>))]
#[post("/openai/audio/transcriptions")]
pub async fn transcribe(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    form: MultipartForm,
) -> ApiResult<HttpResponse, OpenAi> {
    Ok(transcribe_form(&caller, &ports, form, TranscriptionTask::Transcribe).await?)
}

/// Translate a recording into English text.
///
/// Works like `POST /openai/audio/transcriptions`. Not every provider can translate.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])),
    request_body(content = TranslationForm, content_type = "multipart/form-data"),
    responses((status = 200, content((answer::VerboseTranscript = "application/json"), (String = "text/plain"))), ErrorResponse<OpenAi>))]
#[post("/openai/audio/translations")]
pub async fn translate(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    form: MultipartForm,
) -> ApiResult<HttpResponse, OpenAi> {
    Ok(transcribe_form(&caller, &ports, form, TranscriptionTask::Translate).await?)
}

async fn transcribe_form(
    caller: &Authorized<scope::Chat>,
    ports: &Ports,
    form: MultipartForm,
    task: TranscriptionTask,
) -> Result<HttpResponse> {
    // Fails before the body is read, which may have hundreds of megabytes.
    let model = ports.speech.transcription_model()?;
    let (order, file) = wire::read(form.read().await?, task)?;
    if let Some(message) = wire::unknown_model(order.model.as_deref(), &model, &wire::HEARING) {
        return Ok(error::refusal(StatusCode::NOT_FOUND, &message, "model_not_found"));
    }
    let parts = ports.speech.transcribe(order.request, file, &caller.by()).await?;
    if order.streams {
        return events::transcript(parts).await;
    }
    Ok(answer::whole(&collect(parts).await?, &order.answer))
}

async fn collect(mut parts: Receiver<Result<TranscriptPart>>) -> Result<Transcript> {
    let mut transcript = Transcript::default();
    while let Some(part) = parts.recv().await {
        transcript.push(part?);
    }
    Ok(transcript)
}

/// Speak a text.
///
/// Uses the provider in the setting `TextToSpeechProvider`. Markdown is spoken without marks and
/// citations. The audio is sent while it is made.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), request_body = SpeechBody,
    responses((status = 200, content((inline(Binary) = "audio/mpeg"), (ServerSentEvent = "text/event-stream"))), ErrorResponse<OpenAi>))]
#[post("/openai/audio/speech")]
pub async fn speak(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    body: JsonBody<SpeechBody>,
) -> ApiResult<HttpResponse, OpenAi> {
    let order = body.read().await?.order()?;
    let model = ports.speech.synthesis_model()?;
    if let Some(message) = wire::unknown_model(order.model.as_deref(), &model, &wire::SPEAKING) {
        return Ok(error::refusal(StatusCode::NOT_FOUND, &message, "model_not_found"));
    }
    let length = order.request.text.chars().count();
    let Speech { format, audio } = ports.speech.speak(order.request, &caller.by()).await?;
    Ok(match order.as_events {
        true => events::speech(audio, length),
        false => sound::streamed(format, audio),
    })
}
