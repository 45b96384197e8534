//! The pages, and where they are.
mod entrance;
mod home;
mod invite;
mod setup;

use actix_web::http::StatusCode;
use actix_web::web::{ServiceConfig, get, post, resource};

use crate::assets;
use crate::refusal::Refusal;
use crate::reply::Answer;

pub fn configure(config: &mut ServiceConfig) {
    config
        .route("/assets/{name}", get().to(assets::show))
        .route("/", get().to(home::home))
        .service(resource("/workspaces/new").get(home::new_workspace).post(home::create_workspace))
        .service(resource("/sign-in").get(entrance::door).post(entrance::sign_in))
        .route("/sign-out", post().to(entrance::sign_out))
        .route("/sso/simple", get().to(entrance::sign_on))
        .service(resource("/setup").get(setup::form).post(setup::set_up))
        .route("/welcome", get().to(setup::welcome))
        .route("/welcome/sample", post().to(setup::sample))
        .route("/welcome/key", post().to(setup::first_key))
        .service(resource("/invite/{code}").get(invite::form).post(invite::accept));
}

/// For every address that names nothing.
pub async fn nowhere() -> Answer {
    Err(Refusal::Other(StatusCode::NOT_FOUND))
}
