//! Forms without files, urlencoded or multipart, and the fields of forms and queries.
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use carrel_domain::{Error, Result};
use chrono::TimeDelta;

use crate::body::{self, Limits};
use crate::json::off_worker;
use crate::multipart::Multipart;

/// Most fields of one form.
pub const MAX_FIELDS: usize = 1_000;

/// A form of at most `MAX` bytes that has not been read yet. The handler reads it, so that the body
/// of an unauthorized request is never read.
pub struct Form<const MAX: usize> {
    request: HttpRequest,
    payload: Payload,
}

impl<const MAX: usize> FromRequest for Form<MAX> {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl<const MAX: usize> Form<MAX> {
    /// Reads the form.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond `MAX` bytes. [`Error::Invalid`] beyond [`MAX_FIELDS`], if the
    /// body takes too long, contains files, or is not a form.
    pub async fn read(self) -> Result<Fields> {
        let limits = Limits { what: "the form", ..Limits::of_body(MAX as u64) };
        match self.request.content_type() {
            "application/x-www-form-urlencoded" => {
                let body = body::whole(&self.request, self.payload, limits).await;
                parse(body.map_err(of_form)?).await
            }
            "multipart/form-data" => self.parts(limits).await,
            // A form without fields.
            "" => match body::whole(&self.request, self.payload, limits).await.map_err(of_form)? {
                body if body.is_empty() => Ok(Fields::default()),
                _ => Err(Error::invalid("form", "has no Content-Type")),
            },
            _ => Err(Error::invalid("form", "must be application/x-www-form-urlencoded")),
        }
    }

    async fn parts(self, limits: Limits) -> Result<Fields> {
        let mut parts = Multipart::new(&self.request, self.payload, limits, MAX_FIELDS, "form")?;
        let mut fields = Fields::default();
        while let Some(mut part) = parts.next().await? {
            if part.file_name().is_some() {
                return Err(Error::invalid("form", "takes no files"));
            }
            let name = part.name().to_owned();
            fields.push(name, part.text(MAX).await?);
        }
        Ok(fields)
    }
}

fn of_form(error: Error) -> Error {
    match error {
        Error::Invalid { field, reason } if field == "body" => Error::invalid("form", reason),
        error => error,
    }
}

/// Parses an urlencoded form. Large forms are parsed on the blocking pool.
///
/// # Errors
/// [`Error::Invalid`] beyond [`MAX_FIELDS`].
pub async fn parse(body: Bytes) -> Result<Fields> {
    if body.iter().filter(|byte| **byte == b'&').count() >= MAX_FIELDS {
        let reason = format!("must not have more than {MAX_FIELDS} fields");
        return Err(Error::invalid("form", reason));
    }
    off_worker(body, |body| Ok(Fields::of_urlencoded(body))).await
}

/// The fields of a form or a query, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl From<Vec<(String, String)>> for Fields {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }
}

impl Fields {
    fn of_urlencoded(text: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(text);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// Returns the parameters of the request's query.
    pub fn of_query(request: &HttpRequest) -> Self {
        Self::of_urlencoded(request.query_string().as_bytes())
    }

    pub fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// Returns the first field with this name as sent, or an empty text if there is none.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Returns [`Fields::raw`] without surrounding white space.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// Returns [`Fields::text`] unless it is empty.
    pub fn text_or_none(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// Returns all fields with this name, such as checkboxes.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Refuses fields that are neither in `once` nor in `many`, and repeated fields of `once`.
    ///
    /// Forms that grant access call this, because a misspelled or repeated limit would otherwise be
    /// silently dropped.
    pub fn check_fields(&self, once: &[&str], many: &[&str]) -> Result<()> {
        for (place, (name, _)) in self.0.iter().enumerate() {
            let shown: String = name.chars().take(60).collect();
            if once.contains(&name.as_str()) {
                if self.0[..place].iter().any(|(previous, _)| previous == name) {
                    return Err(Error::invalid(shown, "must be given once"));
                }
            } else if !many.contains(&name.as_str()) {
                return Err(Error::invalid("form", format!("unknown field `{shown}`")));
            }
        }
        Ok(())
    }

    /// Parses every field with this name, and refuses a value for which `parse` returns `None`.
    pub fn parsed<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>> {
        let unknown = || Error::invalid(name, "must be one of the offered values");
        self.all(name).map(|value| parse(value).ok_or_else(unknown)).collect()
    }

    /// Returns a whole number of days from 1 to `most`, if the field is not empty.
    pub fn days(&self, name: &'static str, most: i64) -> Result<Option<TimeDelta>> {
        let days: Option<i64> = self.number(name)?;
        if days.is_some_and(|days| !(1..=most).contains(&days)) {
            return Err(Error::invalid(name, format!("must be from 1 to {most}")));
        }
        Ok(days.map(TimeDelta::days))
    }

    /// Returns a number, if the field is not empty.
    pub fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| Error::invalid(name, "must be a number"))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn read(kind: &'static str, body: String) -> Result<Fields> {
        let request = TestRequest::default().insert_header(("content-type", kind));
        let (request, mut payload) = request.set_payload(body).to_http_parts();
        let form = Form::<2_000>::from_request(&request, &mut payload).await;
        form.map_err(|error| Error::internal(error.to_string()))?.read().await
    }

    #[actix_web::test]
    async fn forms_are_read_in_either_encoding() {
        let parts = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1 2\r\n--b--\r\n";
        for (kind, body) in [
            ("application/x-www-form-urlencoded", "a=1+2"),
            ("application/x-www-form-urlencoded; charset=UTF-8", "a=1%202&b"),
            ("multipart/form-data; boundary=b", parts),
        ] {
            let fields = read(kind, body.to_owned()).await.unwrap();
            assert_eq!(fields.text("a"), "1 2", "{kind}");
        }
    }

    #[actix_web::test]
    async fn a_form_is_bounded_in_bytes_and_fields() {
        let urlencoded = "application/x-www-form-urlencoded";
        let file = "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x\"\r\n\r\n1\r\n\
                    --b--\r\n";
        for (kind, body, message) in [
            (urlencoded, "&".repeat(1_000), "must not have more than 1000 fields"),
            (urlencoded, "x".repeat(2_001), "the form is larger than the 2000 bytes allowed"),
            ("text/plain", "a=1".to_owned(), "must be application/x-www-form-urlencoded"),
            ("multipart/form-data; boundary=b", file.to_owned(), "takes no files"),
        ] {
            let error = read(kind, body).await.unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert!(read(urlencoded, "&".repeat(999)).await.is_ok());
    }
}
