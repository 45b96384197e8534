//! JSON bodies.
use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use carrel_domain::{Error, Result};
use serde::de::DeserializeOwned;

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
        self.check_type()?;
        let options = self.request.app_data::<Data<Options>>();
        let limit = options.map_or(0, |options| options.json_limit);
        let body = whole(&self.request, self.payload, limit).await?;
        let text = match body.trim_ascii() {
            [] => b"{}",
            text @ [b'{', ..] => text,
            _ => return Err(Error::invalid("body", "must be a JSON object")),
        };
        let mut json = serde_json::Deserializer::from_slice(text);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = error.path().to_string();
            let field = if place == "." { "body".to_owned() } else { place };
            Error::invalid(field, error.into_inner().to_string())
        })?;
        json.end().map_err(|error| Error::invalid("body", error.to_string()))?;
        Ok(value)
    }

    /// Browsers send other types across origins without asking; JSON they do not.
    fn check_type(&self) -> Result<()> {
        let declared = self.request.content_type();
        let is_json =
            declared.is_empty() || declared == "application/json" || declared.ends_with("+json");
        // quirk(any-type): at `/api/v1` a body of any type is taken for JSON.
        if is_json || Mount::of(&self.request) == Mount::Compat {
            return Ok(());
        }
        Err(Error::invalid("Content-Type", "must be application/json"))
    }
}
