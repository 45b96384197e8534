//! Who is calling. A handler states whom it admits in its argument types.
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::Error;
use carrel_domain::api_key::Scope;
use carrel_services::keyring::Keyring;
use chrono::Utc;

use crate::failure::Refusal;
use crate::mount::Mount;

/// Which callers a route admits.
pub trait Policy: 'static {
    const SCOPE: Scope;
}

macro_rules! policy {
    ($(#[$doc:meta])* $name:ident, $scope:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Policy for $name {
            const SCOPE: Scope = Scope::$scope;
        }
    };
}

policy!(/** Whoever may read: any holder of a valid key. */ Reader, Read);
policy!(/** Whoever may ask questions. */ Asker, Chat);
policy!(/** Whoever may manage documents. */ Librarian, Documents);
policy!(/** Whoever may do everything. */ Admin, Admin);

/// A caller that `P` admits. Taking one as an argument is what protects a route: bodies are only
/// read by handlers, so a stranger's body never is.
pub struct Caller<P>(PhantomData<P>);

impl<P: Policy> FromRequest for Caller<P> {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let secret = secret(&request).ok_or(Refusal::NotAdmitted)?;
            let keyring = request.app_data::<Data<Keyring>>().ok_or_else(unwired)?;
            let key = keyring.admit(secret, Utc::now()).await.map_err(Refusal::plain)?;
            let key = key.ok_or(Refusal::NotAdmitted)?;
            if !key.grants(P::SCOPE) {
                return Err(Refusal::LacksScope(P::SCOPE));
            }
            Ok(Self(PhantomData))
        })
    }
}

fn secret(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = header.split_once(' ')?;
    match Mount::of(request) {
        Mount::Native => scheme.eq_ignore_ascii_case("bearer").then_some(rest),
        // quirk(any-scheme): the scheme is not looked at, and what follows the key is dropped.
        Mount::Compat => rest.split(' ').next(),
    }
}

fn unwired() -> Refusal {
    Refusal::plain(Error::internal("the keyring is not wired"))
}
