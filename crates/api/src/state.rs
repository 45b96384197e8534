//! What comes with every request: the ports and services that [`crate::configure`] registers.
use actix_web::HttpRequest;
use actix_web::web::Data;
use carrel_domain::{Error, Result};

/// The port or service of this type.
pub fn wired<T: ?Sized + 'static>(request: &HttpRequest) -> Result<Data<T>> {
    let found = request.app_data::<Data<T>>().cloned();
    found.ok_or_else(|| Error::internal("a port is not wired"))
}
