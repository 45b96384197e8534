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
    /// A change requested by a page of another site.
    CrossSite,
    /// Too many attempts; retry after this many seconds.
    RateLimited(u64),
    Failed(Error),
    /// Several fields of a form are invalid.
    Multiple(Vec<Error>),
    /// An expected condition with its own message, such as a link that has expired.
    Notice {
        status: StatusCode,
        heading: &'static str,
        message: &'static str,
    },
    /// The body is compressed.
    CompressedBody,
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
    pub fn expired(heading: &'static str, message: &'static str) -> Self {
        Self::Notice { status: StatusCode::UNPROCESSABLE_ENTITY, heading, message }
    }

    pub fn not_found(kind: &'static str, key: &str) -> Self {
        Self::Failed(Error::not_found(kind, key))
    }

    /// Combines the checks of a form: no error, one, or several.
    ///
    /// # Errors
    /// If any check fails.
    pub fn check_all(
        checks: impl IntoIterator<Item = carrel_domain::Result<()>>,
    ) -> Result<(), Self> {
        let mut errors: Vec<_> = checks.into_iter().filter_map(Result::err).collect();
        match errors.len() {
            0 => Ok(()),
            1 => Err(Self::Failed(errors.remove(0))),
            _ => Err(Self::Multiple(errors)),
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
        if let Self::SignIn(address) = self {
            return redirect::redirect_to(address);
        }
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if let Self::RateLimited(seconds) = self {
            response.insert_header((RETRY_AFTER, *seconds));
        }
        let (heading, field_errors) = (self.heading(), self.field_errors());
        let id = if status.is_server_error() || !is_fragment { id } else { "" };
        let body = match is_fragment {
            true => NoticePart { field_errors, id }.render(),
            false => ErrorPage { brand, heading, field_errors, id }.render(),
        };
        response.content_type("text/html; charset=utf-8").body(body.unwrap_or_default())
    }

    fn heading(&self) -> &'static str {
        if let Self::Notice { heading, .. } = self {
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

    fn message(&self) -> String {
        match self {
            Self::SignIn(_) => t("error.sign-in").to_owned(),
            Self::Forbidden => t("error.forbidden-words").to_owned(),
            Self::CrossSite => t("error.foreign").to_owned(),
            Self::CompressedBody => t("error.encoded").to_owned(),
            Self::RateLimited(seconds) => {
                t("error.later-words").replace("{seconds}", &seconds.to_string())
            }
            Self::Failed(error) => error_message(error),
            Self::Multiple(errors) => {
                errors.iter().map(error_message).collect::<Vec<_>>().join(" ")
            }
            Self::Notice { heading, message, .. } => format!("{heading}. {message}"),
            Self::Other(StatusCode::NOT_FOUND) => t("error.missing-words").to_owned(),
            Self::Other(_) => t("error.wrong-words").to_owned(),
        }
    }

    /// Returns each error with its field, if it has one.
    pub fn field_errors(&self) -> Vec<FieldError> {
        let field_error =
            |error: &Error| FieldError { field: field(error), message: error_message(error) };
        match self {
            Self::Failed(error) => vec![field_error(error)],
            Self::Multiple(errors) => errors.iter().map(field_error).collect(),
            Self::Notice { message, .. } => vec![FieldError::without_field((*message).to_owned())],
            _ => vec![FieldError::without_field(self.message())],
        }
    }
}

/// One problem in a form.
#[derive(Clone, Debug)]
pub struct FieldError {
    /// Empty if the problem concerns no single field.
    pub field: String,
    pub message: String,
}

impl FieldError {
    fn without_field(message: String) -> Self {
        Self { field: String::new(), message }
    }
}

/// Returns the error of a field, for a form that is displayed again.
pub fn field_error<'a>(field_errors: &'a [FieldError], field: &str) -> Option<&'a str> {
    field_errors.iter().find(|error| error.field == field).map(|error| error.message.as_str())
}

fn field(error: &Error) -> String {
    match error {
        Error::Invalid { field, .. } => field.clone().into_owned(),
        _ => String::new(),
    }
}

fn error_message(error: &Error) -> String {
    match error {
        Error::Internal(_) => t("error.failed-words").to_owned(),
        Error::Invalid { field, reason } => sentence(field, reason),
        error => sentence("", &error.to_string()),
    }
}

/// Returns a reason as a sentence. A reason in lower case follows the name of its field. File names
/// stay unchanged.
fn sentence(field: &str, reason: &str) -> String {
    let is_lowercase = reason.starts_with(|c: char| c.is_lowercase());
    let label = field.replace(['_', '-'], " ");
    let is_named = reason.to_lowercase().starts_with(&label);
    let text = match is_lowercase && !field.is_empty() && !is_named {
        true => format!("{label} {reason}"),
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
struct ErrorPage<'a> {
    brand: Brand,
    heading: &'a str,
    field_errors: Vec<FieldError>,
    id: &'a str,
}

#[derive(Template)]
#[template(path = "part/notice.html")]
struct NoticePart<'a> {
    field_errors: Vec<FieldError>,
    id: &'a str,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn(_) => StatusCode::SEE_OTHER,
            Self::Forbidden | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Other(status) => *status,
            Self::CompressedBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Failed(error) => status_of(error),
            Self::Multiple(_) => StatusCode::BAD_REQUEST,
            Self::Notice { status, .. } => *status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn reasons_become_sentences() {
        for (field, reason, expected) in [
            ("expires_at", "must be in the future", "Expires at must be in the future."),
            ("username", "Username must be longer.", "Username must be longer."),
            ("password", "password should be longer", "Password should be longer."),
            ("", "no workspace matches `x`", "No workspace matches `x`."),
            ("", "a.pdf: it is empty", "a.pdf: it is empty."),
        ] {
            assert_eq!(sentence(field, reason), expected);
        }
    }
}
