//! Request bodies as streams with limits in bytes and time.
use std::io;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::web::{Bytes, BytesMut};
use carrel_domain::{Error, Result};
use futures_util::stream::{self, LocalBoxStream, StreamExt};
use tokio::time::{Instant, timeout_at};

/// Longest pause between two chunks of a body.
pub const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Longest time for a whole body.
pub const MAX_DURATION: Duration = Duration::from_secs(60);
/// Lowest rate of an upload that takes longer than [`MAX_DURATION`], in bytes per second.
pub const MIN_UPLOAD_RATE: u64 = 4 << 10;

/// Limits of a body.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes.
    pub bytes: u64,
    /// Subject of the error if the body is too large, such as "the body".
    pub what: &'static str,
    /// True to extend the time by one second for every [`MIN_UPLOAD_RATE`] bytes, for file uploads.
    pub is_upload: bool,
}

impl Limits {
    pub const fn of_body(bytes: u64) -> Self {
        Self { bytes, what: "the body", is_upload: false }
    }

    fn deadline(&self, started: Instant, received: u64) -> Instant {
        let bought = if self.is_upload { received / MIN_UPLOAD_RATE } else { 0 };
        (started + MAX_DURATION + Duration::from_secs(bought)).min(Instant::now() + MAX_PAUSE)
    }
}

/// The chunks of a body. The stream ends with an error if a limit is exceeded; see [`error_of`].
pub type Pieces = LocalBoxStream<'static, Result<Bytes, PayloadError>>;

/// Returns the chunks of a body. A body whose `Content-Length` exceeds the limit is refused without
/// reading it.
pub fn pieces(request: &HttpRequest, payload: Payload, limits: Limits) -> Result<Pieces> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: u64| length > limits.bytes)
    {
        return Err(Error::TooLarge { what: limits.what, limit: limits.bytes });
    }
    let reading = Some((payload, Instant::now(), 0));
    let pieces = stream::unfold(reading, move |reading| async move {
        let (mut payload, started, received) = reading?;
        match timeout_at(limits.deadline(started, received), payload.next()).await {
            Err(_) => {
                let timed_out = io::Error::from(io::ErrorKind::TimedOut);
                Some((Err(PayloadError::Io(timed_out)), None))
            }
            Ok(None) => None,
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(Some(Ok(piece))) => {
                let received = received + piece.len() as u64;
                if received > limits.bytes {
                    return Some((Err(PayloadError::Overflow), None));
                }
                Some((Ok(piece), Some((payload, started, received))))
            }
        }
    });
    Ok(pieces.fuse().boxed_local())
}

/// Reads a whole body into memory.
pub async fn whole(request: &HttpRequest, payload: Payload, limits: Limits) -> Result<Bytes> {
    let mut pieces = pieces(request, payload, limits)?;
    let mut body = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(|error| error_of(&error, limits, "body"))?);
    }
    Ok(body.freeze())
}

/// Converts a read failure to an error in the field `field`.
pub fn error_of(error: &PayloadError, limits: Limits, field: &'static str) -> Error {
    match error {
        PayloadError::Overflow => Error::TooLarge { what: limits.what, limit: limits.bytes },
        PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            Error::invalid(field, "did not arrive in time")
        }
        other => Error::invalid(field, other.to_string()),
    }
}

/// True if the body is compressed. No route reads such a body, because a small one can unpack to
/// gigabytes.
pub fn is_encoded(headers: &HeaderMap) -> bool {
    let is_empty = headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0");
    let has_body = headers.contains_key(CONTENT_LENGTH) && !is_empty;
    let has_body = has_body || headers.contains_key(TRANSFER_ENCODING);
    let mut encodings = headers.get_all(CONTENT_ENCODING);
    has_body && encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The error for a compressed body.
pub const ENCODED: &str =
    "Content-Encoding: request bodies must not be compressed; send it as it is";

#[cfg(test)]
mod tests {
    use actix_web::error::PayloadError;
    use actix_web::http::header::ContentEncoding;
    use actix_web::test::TestRequest;

    use super::*;

    fn payload(every: Duration, piece: &'static [u8]) -> Payload {
        let pieces = stream::unfold((), move |()| async move {
            tokio::time::sleep(every).await;
            Some((Ok::<_, PayloadError>(Bytes::from_static(piece)), ()))
        });
        Payload::Stream { payload: Box::pin(pieces) }
    }

    async fn read(payload: Payload, limits: Limits) -> (String, Duration) {
        let request = TestRequest::default().to_http_request();
        let started = Instant::now();
        let error = whole(&request, payload, limits).await.unwrap_err();
        (error.to_string(), started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn slow_and_endless_bodies_are_refused() {
        let limits = Limits::of_body(1 << 20);
        let timeout_message = "body: did not arrive in time";
        let (message, elapsed) = read(payload(Duration::from_secs(3_600), b"x"), limits).await;
        assert_eq!((message.as_str(), elapsed.as_secs()), (timeout_message, 30));
        let (message, elapsed) = read(payload(Duration::from_secs(29), b"x"), limits).await;
        assert_eq!((message.as_str(), elapsed.as_secs()), (timeout_message, 60));
        let (message, _) = read(payload(Duration::from_millis(1), &[0; 4096]), limits).await;
        assert_eq!(message, "the body is larger than the 1048576 bytes allowed");
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_may_take_longer_while_it_makes_progress() {
        let limits = Limits { is_upload: true, ..Limits::of_body(1 << 20) };
        let (message, elapsed) = read(payload(Duration::from_secs(1), &[0; 8192]), limits).await;
        assert!(message.contains("larger") && elapsed.as_secs() > 120, "{message} {elapsed:?}");
        let (message, elapsed) = read(payload(Duration::from_secs(1), &[0; 64]), limits).await;
        assert!(message.contains("in time") && elapsed.as_secs() < 62, "{message} {elapsed:?}");
    }

    #[test]
    fn compressed_bodies_are_detected() {
        let with = |encoding: &'static str, length: &'static str| {
            let request = TestRequest::default()
                .insert_header((CONTENT_ENCODING, encoding))
                .insert_header((CONTENT_LENGTH, length));
            is_encoded(request.to_http_request().headers())
        };
        assert!(with("gzip", "9") && with(ContentEncoding::Brotli.as_str(), "9"));
        assert!(!with("identity", "9") && !with("gzip", "0"));
    }
}
