//! JSON bodies.
use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use carrel_domain::{Error, Result};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::whole;
use crate::Options;
use crate::mount::Mount;

/// A JSON body that has not been read yet. No body at all reads as `{}`.
pub struct Body<T> {
    request: HttpRequest,
    payload: Payload,
    read_as: PhantomData<T>,
}

impl<T> FromRequest for Body<T> {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take(), read_as: PhantomData }))
    }
}

impl<T: DeserializeOwned> Body<T> {
    /// Reads the body. A wrong one is [`Error::Invalid`] with the place and the reason.
    pub async fn read(self) -> Result<T> {
        Ok(self.parsed().await?.0)
    }

    /// The body, and the SHA-256 of its bytes.
    pub async fn read_whole(self) -> Result<(T, [u8; 32])> {
        let (read, body) = self.parsed().await?;
        Ok((read, Sha256::digest(&body).into()))
    }

    async fn parsed(self) -> Result<(T, Bytes)> {
        let layout = layout(&self.request)?;
        let options = self.request.app_data::<Data<Options>>();
        let limit = options.map_or(0, |options| options.json_limit);
        let body = whole(&self.request, self.payload, limit).await?;
        if most_values(&body, &layout) > MOST_VALUES {
            let reason = format!("must not hold more than {MOST_VALUES} values");
            return Err(Error::invalid("body", reason));
        }
        let read = match layout {
            Layout::Json => parse(&body, Mount::of(&self.request)),
            Layout::Form => parse(form(&body).to_string().as_bytes(), Mount::Compat),
            Layout::Unknown => parse(b"", Mount::Compat),
        };
        Ok((read?, body))
    }
}

/// The most values of one body. Each takes a hundred bytes of memory or so, however short it is.
const MOST_VALUES: usize = 250_000;

/// No fewer than the values that the body holds.
fn most_values(body: &[u8], layout: &Layout) -> usize {
    match layout {
        Layout::Json => separators(body),
        Layout::Form => body.iter().filter(|byte| **byte == b'&').count(),
        Layout::Unknown => 0,
    }
}

/// How often a value begins: commas and brackets that stand in no string.
fn separators(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// How a body is written.
enum Layout {
    Json,
    /// As browsers send forms.
    Form,
    /// In a way that is not read.
    Unknown,
}

/// Browsers send other types than JSON across origins without asking, so natively there is no other.
fn layout(request: &HttpRequest) -> Result<Layout> {
    let encoding = request.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(Error::invalid("Content-Encoding", "bodies must not be encoded"));
    }
    if !request.encoding().is_ok_and(|encoding| encoding.name() == "UTF-8") {
        return Err(Error::invalid("Content-Type", "the charset must be UTF-8"));
    }
    let declared = request.content_type();
    let is_json =
        declared.is_empty() || declared == "application/json" || declared.ends_with("+json");
    match Mount::of(request) {
        _ if is_json => Ok(Layout::Json),
        Mount::Native => Err(Error::invalid("Content-Type", "must be application/json")),
        // quirk(any-type): text is taken for JSON, forms are read, anything else is no body.
        Mount::Compat if declared.starts_with("text/") => Ok(Layout::Json),
        Mount::Compat if declared == "application/x-www-form-urlencoded" => Ok(Layout::Form),
        Mount::Compat => Ok(Layout::Unknown),
    }
}

fn form(body: &[u8]) -> Value {
    let fields = url::form_urlencoded::parse(body);
    fields
        .map(|(name, value)| (name.into_owned(), Value::from(value)))
        .collect::<Map<_, _>>()
        .into()
}

fn parse<T: DeserializeOwned>(body: &[u8], mount: Mount) -> Result<T> {
    let text = match body.trim_ascii() {
        [] => b"{}",
        text @ [b'{', ..] => text,
        // quirk(list-as-body): a list has none of the fields that are looked for.
        text @ [b'[', ..] if mount == Mount::Compat => {
            serde_json::from_slice::<IgnoredAny>(text)
                .map_err(|error| Error::invalid("body", error.to_string()))?;
            b"{}"
        }
        _ => return Err(Error::invalid("body", "must be a JSON object")),
    };
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (place, error) = (error.path().to_string(), error.into_inner());
        // Where JSON itself is broken, the place is only how far reading came.
        let is_whole = place == "." || !error.is_data();
        let field = if is_whole { "body".to_owned() } else { place };
        Error::invalid(field, error.to_string())
    })?;
    json.end().map_err(|error| Error::invalid("body", error.to_string()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::separators;

    #[test]
    fn only_what_stands_in_no_string_begins_a_value() {
        assert_eq!(separators(b"{\"a\":[1,2],\"b\":{}}"), 5);
        assert_eq!(separators(br#"{"a":",,[[{\",,","b":"\\"}"#), 2);
        assert_eq!(separators(b""), 0);
    }
}
