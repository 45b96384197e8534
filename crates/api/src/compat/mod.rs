//! AUTH, ADMIN and SYSTEM as existing clients of AnythingLLM know them. What says the same at both
//! mounts is in `native`, whose services these share.
pub mod admin;
pub mod etag;
pub mod spelling;
pub mod values;

use actix_web::HttpResponse;
use actix_web::web;
use serde_json::json;

use admin::{chats, invites, members, settings, users};

use crate::routes::register::Register;
use crate::v1::directory;

pub fn operations(config: &mut impl Register) {
    config
        .service(users::list_users)
        .service(users::create_user)
        .service(users::update_user)
        .service(users::delete_user)
        .service(invites::list_invites)
        .service(invites::create_invite)
        .service(invites::disable_invite)
        .service(members::list_members)
        .service(members::update_members)
        .service(members::manage_members)
        .service(chats::list_chats)
        .service(chats::export_chats)
        .service(settings::update_preferences)
        .service(settings::show_settings)
        .service(settings::update_settings)
        .service(settings::dump_settings);
}

/// What such clients ask for outside `/api/v1`. Open to everyone.
pub fn surroundings(config: &mut web::ServiceConfig) {
    let sign_on = web::get().to(directory::redeem_auth_token);
    config.route("/api/ping", web::get().to(ping)).route("/api/request-token/sso/simple", sign_on);
}

async fn ping() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "online": true }))
}
