//! State of every request: the ports and options that [`crate::configure`] registers.
use actix_web::HttpRequest;
use actix_web::web::Data;
use carrel_domain::{Error, Result};
use carrel_services::Ports;

use crate::Options;

/// Returns the server's ports.
pub fn ports(request: &HttpRequest) -> Result<Data<Ports>> {
    app_data(request)
}

/// Returns the operator's options.
pub fn options(request: &HttpRequest) -> Result<Data<Options>> {
    app_data(request)
}

fn app_data<T: 'static>(request: &HttpRequest) -> Result<Data<T>> {
    let data = request.app_data::<Data<T>>().cloned();
    data.ok_or_else(|| Error::internal("the API is used without `carrel_api::configure`"))
}
