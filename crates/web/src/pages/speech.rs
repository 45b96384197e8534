//! Dictation in the chat form, and answers read aloud.
use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::Path;
use carrel_domain::Error;
use carrel_domain::speech::{Recording, SpokenLanguage, Transcript, TranscriptionRequest};
use carrel_http::sound;
use carrel_services::record;
use carrel_services::speech::ReadAloud;

use super::exchange;
use crate::http::response::PageResult;
use crate::http::upload::FileForm;
use crate::session::current_user::{CurrentUser, role};

/// Transcribes a recording and responds with plain text. Neither is stored.
pub async fn dictate(current_user: CurrentUser<role::Any>, form: FileForm) -> PageResult {
    let speech = &current_user.ports().speech;
    // Fails before the recording is read.
    speech.transcription_model()?;
    let (files, fields) = form.read().await?;
    let no_recording = || Error::invalid("file", "No recording was sent.");
    let file = files.into_iter().next().ok_or_else(no_recording)?;
    let recording = Recording {
        content: file.incoming_file().content,
        length: file.length(),
        name: file.name.clone(),
    };
    let mut request = TranscriptionRequest::of(recording);
    request.language =
        fields.text_or_none("language").and_then(|code| SpokenLanguage::parse(&code).ok());
    let mut parts = speech.transcribe(request, file.into_content(), &current_user.by()).await?;
    let mut transcript = Transcript::default();
    while let Some(part) = parts.recv().await {
        transcript.push(part?);
    }
    Ok(HttpResponse::Ok().content_type(ContentType::plaintext()).body(transcript.text()))
}

/// Reads one of the visitor's own answers aloud.
pub async fn read_aloud(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let chat =
        exchange::own_exchange(&current_user, &workspace, exchange::parse_id(&path.1)?).await?;
    let answer = record::text_of(&chat.response).unwrap_or_default();
    let speech = &current_user.ports().speech;
    let audio = speech.read_aloud(&answer, ReadAloud::default(), &current_user.by()).await?;
    Ok(sound::spoken(audio, &current_user.request).await?)
}
