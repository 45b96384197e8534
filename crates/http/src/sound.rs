//! Audio responses: a stream while the audio is synthesized, or a file that supports range requests.
use actix_files::NamedFile;
use actix_web::http::header::{ACCEPT_RANGES, CACHE_CONTROL, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use carrel_domain::speech::AudioFormat;
use carrel_domain::{Error, Result};
use carrel_services::speech::SpokenAnswer;
use futures_util::stream::{self, Stream, StreamExt};

/// Responds with an answer read aloud. Supports `Range` requests once the audio is stored in a file.
///
/// # Errors
/// An error that occurs before the first chunk of audio.
pub async fn spoken(answer: SpokenAnswer, request: &HttpRequest) -> Result<HttpResponse> {
    match answer {
        SpokenAnswer::Stored(path, format) => {
            let opened = tokio::task::spawn_blocking(move || NamedFile::open(path)).await;
            let file = opened.map_err(Error::internal)?.map_err(Error::of_file)?;
            let kind = format.mime().parse().map_err(Error::internal)?;
            let mut response =
                file.set_content_type(kind).disable_content_disposition().into_response(request);
            let own = HeaderValue::from_static("private, no-cache");
            response.headers_mut().insert(CACHE_CONTROL, own);
            Ok(response)
        }
        SpokenAnswer::Streaming(mut chunks, format) => {
            let none = || Error::unavailable("speech synthesis", "it returned no audio");
            let first = chunks.recv().await.ok_or_else(none)??;
            let rest =
                stream::unfold(chunks, |mut chunks| async { Some((chunks.recv().await?, chunks)) });
            Ok(streamed(format, stream::iter([Ok(first)]).chain(rest)))
        }
    }
}

/// Streams audio while it is synthesized. A failure closes the connection, so that clients do not
/// take the audio for complete.
pub fn streamed(
    format: AudioFormat,
    chunks: impl Stream<Item = Result<Vec<u8>>> + 'static,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(format.mime()).insert_header((ACCEPT_RANGES, "none"));
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header(("x-accel-buffering", "no"));
    response.streaming(chunks.map(|piece| match piece {
        Ok(piece) => Ok(Bytes::from(piece)),
        Err(error) => {
            tracing::warn!(%error, "an audio stream broke off");
            Err(std::io::Error::other("the audio broke off"))
        }
    }))
}
