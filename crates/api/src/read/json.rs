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

impl<T: DeserializeOwned + Send + 'static> Body<T> {
    /// Reads the body. A wrong one is [`Error::Invalid`] with the place and the reason.
    pub async fn read(self) -> Result<T> {
        Ok(self.parsed().await?.0)
    }

    /// The body, and the SHA-256 of its bytes.
    pub async fn read_whole(self) -> Result<(T, [u8; 32])> {
        let (read, body) = self.parsed().await?;
        Ok((read, Sha256::digest(&body).into()))
    }

    /// Reads the body of a route that is open to strangers.
    pub async fn read_public(self) -> Result<T> {
        Ok(self.parsed_within(PUBLIC_BODY).await?.0)
    }

    async fn parsed(self) -> Result<(T, Bytes)> {
        let options = self.request.app_data::<Data<Options>>();
        let limit = options.map_or(0, |options| options.json_limit);
        self.parsed_within(limit).await
    }

    async fn parsed_within(self, limit: usize) -> Result<(T, Bytes)> {
        let layout = layout(&self.request)?;
        let is_native = Mount::of(&self.request) == Mount::Native;
        let limits = Limits { is_upload: true, ..Limits::of_body(limit as u64) };
        let body = body::whole(&self.request, self.payload, limits).await?;
        let text = match layout {
            // quirk(list-as-body): a list has none of the fields that are looked for.
            Layout::Json if !is_native && json::is_array(body.clone()).await? => Bytes::new(),
            Layout::Json => body.clone(),
            Layout::Form => object(form::parse(body.clone()).await?),
            Layout::Unknown => Bytes::new(),
        };
        Ok((json::parse(text).await?, body))
    }
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

fn object(fields: form::Fields) -> Bytes {
    let fields = fields.into_pairs().into_iter();
    let object: Map<_, _> = fields.map(|(name, value)| (name, Value::from(value))).collect();
    Value::from(object).to_string().into()
}
