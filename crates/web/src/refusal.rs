//! Why a page is not shown, in words.
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use carrel_domain::Error;
use carrel_http::status::status_of;

use crate::filters;
use crate::frame::Brand;
use crate::reply;
use crate::texts::t;

#[derive(Debug)]
pub enum Refusal {
    /// Nobody is signed in; where to go.
    SignIn(String),
    /// Somebody is, who may not do this.
    Forbidden,
    /// A change that does not come from a page of this server.
    Foreign,
    /// Too many attempts; again after so many seconds.
    Later(u64),
    Failed(Error),
    /// A body that is compressed.
    Encoded,
    /// What the framework refuses by itself.
    Other(StatusCode),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Refusal {
    pub fn missing(kind: &'static str, key: &str) -> Self {
        Self::Failed(Error::not_found(kind, key))
    }

    /// A reason as a sentence.
    pub fn sentence(reason: &str) -> String {
        sentence("", reason)
    }

    /// What the log should know and the visitor should not.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) if self.status_code().is_server_error() => Some(error),
            _ => None,
        }
    }

    /// As a page of its own, or as a notice where a script asked.
    pub fn respond(&self, is_fragment: bool, id: &str, brand: Brand) -> HttpResponse {
        if let Self::SignIn(to) = self {
            return reply::see(to);
        }
        let status = self.status_code();
        let mut answer = HttpResponse::build(status);
        if let Self::Later(seconds) = self {
            answer.insert_header((RETRY_AFTER, *seconds));
        }
        let (heading, words) = (self.heading(), self.words());
        let field = self.field();
        let id = if status.is_server_error() || !is_fragment { id } else { "" };
        let page = match is_fragment {
            true => NoticePart { words, field, id }.render(),
            false => RefusalPage { brand, heading, words, id }.render(),
        };
        answer.content_type("text/html; charset=utf-8").body(page.unwrap_or_default())
    }

    fn heading(&self) -> &'static str {
        match self.status_code() {
            StatusCode::NOT_FOUND => t("error.missing"),
            StatusCode::FORBIDDEN => t("error.forbidden"),
            StatusCode::TOO_MANY_REQUESTS => t("error.later"),
            status if status.is_server_error() => t("error.failed"),
            _ => t("error.wrong"),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::SignIn(_) => t("error.sign-in").to_owned(),
            Self::Forbidden => t("error.forbidden-words").to_owned(),
            Self::Foreign => t("error.foreign").to_owned(),
            Self::Encoded => t("error.encoded").to_owned(),
            Self::Later(seconds) => {
                t("error.later-words").replace("{seconds}", &seconds.to_string())
            }
            Self::Failed(Error::Internal(_)) => t("error.failed-words").to_owned(),
            Self::Failed(Error::Invalid { field, reason }) => sentence(field, reason),
            Self::Failed(error) => sentence("", &error.to_string()),
            Self::Other(StatusCode::NOT_FOUND) => t("error.missing-words").to_owned(),
            Self::Other(_) => t("error.wrong-words").to_owned(),
        }
    }

    fn field(&self) -> &str {
        match self {
            Self::Failed(Error::Invalid { field, .. }) => field,
            _ => "",
        }
    }
}

/// A reason as a sentence: one that begins with a small letter goes on from the name of its field.
/// The name of a file stays as it is.
fn sentence(field: &str, reason: &str) -> String {
    let small = reason.starts_with(|c: char| c.is_lowercase());
    let spelled = field.replace(['_', '-'], " ");
    let text =
        if small && !field.is_empty() { format!("{spelled} {reason}") } else { reason.to_owned() };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    let first_word = text.split([' ', ':']).next().unwrap_or_default();
    if first_word.trim_end_matches('.').contains('.') {
        return format!("{text}{end}");
    }
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}{end}", letters.as_str())
}

#[derive(Template)]
#[template(path = "error.html")]
struct RefusalPage<'a> {
    brand: Brand,
    heading: &'a str,
    words: String,
    id: &'a str,
}

#[derive(Template)]
#[template(path = "part/notice.html")]
struct NoticePart<'a> {
    words: String,
    field: &'a str,
    id: &'a str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn(_) => StatusCode::SEE_OTHER,
            Self::Forbidden | Self::Foreign => StatusCode::FORBIDDEN,
            Self::Later(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Other(status) => *status,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Failed(error) => status_of(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn reasons_become_sentences() {
        for (field, reason, said) in [
            ("expires_at", "must lie in the future", "Expires at must lie in the future."),
            ("username", "Username must be longer.", "Username must be longer."),
            ("", "no workspace matches `x`", "No workspace matches `x`."),
            ("", "a.pdf: it is empty", "a.pdf: it is empty."),
        ] {
            assert_eq!(sentence(field, reason), said);
        }
    }
}
