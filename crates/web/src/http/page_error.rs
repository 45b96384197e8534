//! Errors of pages, and the messages that visitors see.
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use carrel_domain::Error;
use carrel_http::status::status_of;

use crate::http::redirect;
use crate::view::brand::Brand;
use crate::view::filters;
use crate::view::texts::t;

#[derive(Debug)]
pub enum PageError {
    /// No user is signed in; contains the address of the sign-in page.
    SignIn(String),
    /// The user lacks the required role.
    Forbidden,
    /// A change that was not sent by a page of this server.
    Foreign,
    /// Too many attempts; retry after this many seconds.
    Later(u64),
    Failed(Error),
    /// Several fields of a form are invalid.
    Several(Vec<Error>),
    /// An expected condition with its own message, such as a link that has expired.
    Told {
        status: StatusCode,
        heading: &'static str,
        words: &'static str,
    },
    /// The body is compressed.
    Encoded,
    /// An error of the web framework.
    Other(StatusCode),
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl PageError {
    /// Returns the error for a link that is no longer valid.
    pub fn over(heading: &'static str, words: &'static str) -> Self {
        Self::Told { status: StatusCode::UNPROCESSABLE_ENTITY, heading, words }
    }

    pub fn missing(kind: &'static str, key: &str) -> Self {
        Self::Failed(Error::not_found(kind, key))
    }

    /// Checks a form and returns nothing, one error, or several.
    ///
    /// # Errors
    /// If any check fails.
    pub fn of_all(checks: impl IntoIterator<Item = carrel_domain::Result<()>>) -> Result<(), Self> {
        let mut wrong: Vec<_> = checks.into_iter().filter_map(Result::err).collect();
        match wrong.len() {
            0 => Ok(()),
            1 => Err(Self::Failed(wrong.remove(0))),
            _ => Err(Self::Several(wrong)),
        }
    }

    /// Returns the error for visitors who cannot change settings, without hints for operators.
    pub fn for_member(self) -> Self {
        match self {
            Self::Failed(Error::Unavailable { service, source, .. }) => {
                let reason = t("error.unavailable").into();
                Self::Failed(Error::Unavailable { service, reason, source })
            }
            other => other,
        }
    }

    /// Returns a reason as a sentence.
    pub fn sentence(reason: &str) -> String {
        sentence("", reason)
    }

    /// Returns the cause to log, which the visitor does not see.
    pub fn cause(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) if self.status_code().is_server_error() => Some(error),
            _ => None,
        }
    }

    /// Responds with an error page, or with a notice if a script made the request.
    pub fn respond(&self, is_fragment: bool, id: &str, brand: Brand) -> HttpResponse {
        if let Self::SignIn(to) = self {
            return redirect::see(to);
        }
        let status = self.status_code();
        let mut answer = HttpResponse::build(status);
        if let Self::Later(seconds) = self {
            answer.insert_header((RETRY_AFTER, *seconds));
        }
        let (heading, faults) = (self.heading(), self.faults());
        let id = if status.is_server_error() || !is_fragment { id } else { "" };
        let page = match is_fragment {
            true => NoticePart { faults, id }.render(),
            false => RefusalPage { brand, heading, faults, id }.render(),
        };
        answer.content_type("text/html; charset=utf-8").body(page.unwrap_or_default())
    }

    fn heading(&self) -> &'static str {
        if let Self::Told { heading, .. } = self {
            return heading;
        }
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
            Self::Failed(error) => in_words(error),
            Self::Several(errors) => errors.iter().map(in_words).collect::<Vec<_>>().join(" "),
            Self::Told { heading, words, .. } => format!("{heading}. {words}"),
            Self::Other(StatusCode::NOT_FOUND) => t("error.missing-words").to_owned(),
            Self::Other(_) => t("error.wrong-words").to_owned(),
        }
    }

    /// Returns each problem with its field, if it has one.
    pub fn faults(&self) -> Vec<FieldFault> {
        let fault = |error: &Error| FieldFault { field: field(error), words: in_words(error) };
        match self {
            Self::Failed(error) => vec![fault(error)],
            Self::Several(errors) => errors.iter().map(fault).collect(),
            Self::Told { words, .. } => vec![FieldFault::of((*words).to_owned())],
            _ => vec![FieldFault::of(self.words())],
        }
    }
}

/// One problem in a form.
#[derive(Clone, Debug)]
pub struct FieldFault {
    /// Empty if the problem concerns no single field.
    pub field: String,
    pub words: String,
}

impl FieldFault {
    fn of(words: String) -> Self {
        Self { field: String::new(), words }
    }
}

/// Returns the problem of a field, for a form that is shown again.
pub fn fault<'a>(faults: &'a [FieldFault], field: &str) -> Option<&'a str> {
    faults.iter().find(|fault| fault.field == field).map(|fault| fault.words.as_str())
}

fn field(error: &Error) -> String {
    match error {
        Error::Invalid { field, .. } => field.clone().into_owned(),
        _ => String::new(),
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::Internal(_) => t("error.failed-words").to_owned(),
        Error::Invalid { field, reason } => sentence(field, reason),
        error => sentence("", &error.to_string()),
    }
}

/// Returns a reason as a sentence. A reason in lower case follows the name of its field. File names
/// stay unchanged.
fn sentence(field: &str, reason: &str) -> String {
    let small = reason.starts_with(|c: char| c.is_lowercase());
    let spelled = field.replace(['_', '-'], " ");
    let is_named = reason.to_lowercase().starts_with(&spelled);
    let text = match small && !field.is_empty() && !is_named {
        true => format!("{spelled} {reason}"),
        false => reason.to_owned(),
    };
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
    faults: Vec<FieldFault>,
    id: &'a str,
}

#[derive(Template)]
#[template(path = "part/notice.html")]
struct NoticePart<'a> {
    faults: Vec<FieldFault>,
    id: &'a str,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn(_) => StatusCode::SEE_OTHER,
            Self::Forbidden | Self::Foreign => StatusCode::FORBIDDEN,
            Self::Later(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Other(status) => *status,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Failed(error) => status_of(error),
            Self::Several(_) => StatusCode::BAD_REQUEST,
            Self::Told { status, .. } => *status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn reasons_become_sentences() {
        for (field, reason, said) in [
            ("expires_at", "must be in the future", "Expires at must be in the future."),
            ("username", "Username must be longer.", "Username must be longer."),
            ("password", "password should be longer", "Password should be longer."),
            ("", "no workspace matches `x`", "No workspace matches `x`."),
            ("", "a.pdf: it is empty", "a.pdf: it is empty."),
        ] {
            assert_eq!(sentence(field, reason), said);
        }
    }
}
