//! JSON bodies.
use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use carrel_domain::{Error, Result};
use carrel_http::body::{self, Limits};
use carrel_http::{PUBLIC_BODY, form, json};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::Options;

/// A JSON body that has not been read yet. An absent body reads as `{}`.
///
/// Browsers send other content types across origins without a preflight request, so the body must
/// be declared as JSON, unless it is `LOOSE`.
pub struct JsonBody<T, const LOOSE: bool = false> {
    request: HttpRequest,
    payload: Payload,
    read_as: PhantomData<T>,
}

/// A body of any content type: text is read as JSON and a form as an object. Anything else, and a
/// list, counts as an empty object.
pub type LooseBody<T> = JsonBody<T, true>;

impl<T, const LOOSE: bool> FromRequest for JsonBody<T, LOOSE> {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take(), read_as: PhantomData }))
    }
}

impl<T: DeserializeOwned + Send + 'static, const LOOSE: bool> JsonBody<T, LOOSE> {
    /// Reads the body. An invalid body is [`Error::Invalid`] with the position and the reason.
    pub async fn read(self) -> Result<T> {
        Ok(self.parse().await?.0)
    }

    /// Reads the body and returns the SHA-256 of its bytes with it.
    pub async fn read_whole(self) -> Result<(T, [u8; 32])> {
        let (read, body) = self.parse().await?;
        Ok((read, Sha256::digest(&body).into()))
    }

    /// Reads the body of a route without authorization.
    pub async fn read_public(self) -> Result<T> {
        Ok(self.parse_within(PUBLIC_BODY).await?.0)
    }

    async fn parse(self) -> Result<(T, Bytes)> {
        let options = self.request.app_data::<Data<Options>>();
        let limit = options.map_or(0, |options| options.json_limit);
        self.parse_within(limit).await
    }

    async fn parse_within(self, limit: usize) -> Result<(T, Bytes)> {
        let layout = layout(&self.request, LOOSE)?;
        let limits = Limits { is_upload: true, ..Limits::of_body(limit as u64) };
        let body = body::whole(&self.request, self.payload, limits).await?;
        let text = match layout {
            // A list has none of the expected fields.
            Layout::Json if LOOSE && json::is_array(body.clone()).await? => Bytes::new(),
            Layout::Json => body.clone(),
            Layout::MultipartForm => object(form::parse(body.clone()).await?),
            Layout::Unknown => Bytes::new(),
        };
        Ok((json::parse(text).await?, body))
    }
}

/// The format of a body.
enum Layout {
    Json,
    /// A form, as browsers send it.
    MultipartForm,
    /// A format that is not read.
    Unknown,
}

fn layout(request: &HttpRequest, is_loose: bool) -> Result<Layout> {
    if !request.encoding().is_ok_and(|encoding| encoding.name() == "UTF-8") {
        return Err(Error::invalid("Content-Type", "the charset must be UTF-8"));
    }
    match request.content_type() {
        "" | "application/json" => Ok(Layout::Json),
        declared if declared.ends_with("+json") => Ok(Layout::Json),
        _ if !is_loose => Err(Error::invalid("Content-Type", "must be application/json")),
        declared if declared.starts_with("text/") => Ok(Layout::Json),
        "application/x-www-form-urlencoded" => Ok(Layout::MultipartForm),
        _ => Ok(Layout::Unknown),
    }
}

fn object(fields: form::Fields) -> Bytes {
    let fields = fields.into_pairs().into_iter();
    let object: Map<_, _> = fields.map(|(name, value)| (name, Value::from(value))).collect();
    Value::from(object).to_string().into()
}
