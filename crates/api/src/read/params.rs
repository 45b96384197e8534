//! Query parameters.
use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::{Error, Result};
use serde::de::DeserializeOwned;

/// A query that has not been read yet, so that the handler reports an invalid one in its own error
/// shape.
pub struct Params<T> {
    query: String,
    read_as: PhantomData<T>,
}

impl<T> FromRequest for Params<T> {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { query: request.query_string().to_owned(), read_as: PhantomData }))
    }
}

impl<T: DeserializeOwned> Params<T> {
    pub fn read(self) -> Result<T> {
        let read = actix_web::web::Query::<T>::from_query(&self.query);
        read.map(actix_web::web::Query::into_inner)
            .map_err(|error| Error::invalid("query", error.to_string()))
    }
}
