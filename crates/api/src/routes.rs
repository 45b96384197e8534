//! The router: every contract below its mount, the routes outside the mounts, and the responses for
//! unknown paths.
pub(crate) mod health;
mod reference;
pub(crate) mod register;
pub(crate) mod unknown;

use std::collections::BTreeMap;

use actix_web::middleware::from_fn;
use actix_web::web;
use carrel_domain::{Error, Result};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::{AppExt, scope};

use self::register::Row;
use crate::{FACES, middleware, widget};

/// Registers every operation of every contract.
pub fn configure(docs: bool) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        if docs {
            reference::configure(config);
        }
        health::surroundings(config);
        FACES.iter().for_each(|face| (face.extra_routes)(config));
        // A scope does not pass its default service on to nested scopes.
        let unknown = || web::to(unknown::not_found);
        for face in FACES {
            let operations = web::scope(face.mount).configure(face.operations);
            config.service(operations.default_service(unknown()));
        }
        config.default_service(unknown());
    }
}

/// Registers the routes for visitors of other sites, which are open to everyone.
pub fn public(config: &mut web::ServiceConfig) {
    let visitors = web::scope(widget::PUBLIC)
        .wrap(from_fn(middleware::handle))
        .wrap(widget::cors())
        .configure(widget::operations)
        .default_service(web::to(unknown::not_found));
    config.service(visitors);
}

/// Returns the path of every operation with its methods.
pub fn methods() -> BTreeMap<String, Vec<&'static str>> {
    let mut methods = BTreeMap::<String, Vec<_>>::new();
    let mut list = |mount: &str, rows: Vec<Row>| {
        for row in rows {
            methods.entry(format!("{mount}{}", row.path)).or_default().push(row.method);
        }
    };
    for face in FACES {
        let mut rows = Vec::new();
        (face.listed)(&mut rows);
        list(face.mount, rows);
    }
    let mut rows = Vec::new();
    widget::operations(&mut rows);
    list(widget::PUBLIC, rows);
    methods
}

/// Returns the OpenAPI document of what [`configure`] and [`public`] register.
pub fn documented() -> OpenApi {
    let app = actix_web::App::new().into_utoipa_app();
    let app = FACES.iter().fold(app, |app, face| {
        app.service(scope(face.mount).configure(|config| (face.documented)(config)))
    });
    let visitors = scope(widget::PUBLIC).configure(|config| widget::operations(config));
    let (_, document) = app.service(visitors).split_for_parts();
    document
}

/// Parses the id in a path. A text that is not a number is reported as not found.
pub(crate) fn parse_id(kind: &'static str, text: &str) -> Result<i32> {
    text.parse().map_err(|_| Error::not_found(kind, text))
}
