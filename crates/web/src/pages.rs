//! All pages and their routes.
mod account;
mod admin;
mod after_answer;
mod ask;
mod chat;
mod commands;
mod composer;
mod conversations;
mod deletions;
mod documents;
mod examples;
mod exchange;
mod export;
mod find;
mod home;
mod invite;
mod job;
mod library;
mod live;
mod memories;
mod old_addresses;
mod original;
mod picture;
mod prompts;
mod recovery;
mod search;
mod setup;
mod share;
mod sign_in;
mod source;
mod speech;
mod workspace;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Path, ServiceConfig, get, post, resource};

use crate::http::assets;
use crate::http::page_error::PageError;
use crate::http::pwa;
use crate::http::response::PageResult;

pub fn configure(config: &mut ServiceConfig) {
    config
        .configure(admin::configure)
        .configure(documents::configure)
        .configure(old_addresses::configure)
        .route("/assets/{name}", get().to(asset))
        .route("/manifest.webmanifest", get().to(pwa::manifest))
        .route("/service-worker.js", get().to(pwa::service_worker))
        .route("/offline", get().to(pwa::offline))
        .route("/", get().to(home::home))
        .service(resource("/workspaces/new").get(home::new_workspace).post(home::create_workspace))
        .service(resource("/sign-in").get(sign_in::sign_in_page).post(sign_in::sign_in))
        .service(resource("/recover").get(recovery::form).post(recovery::recover))
        .service(resource("/recover/link").get(recovery::link_form).post(recovery::recover_by_link))
        .route("/sign-out", post().to(sign_in::sign_out))
        .service(resource("/sso/simple").get(sign_in::sign_on).post(sign_in::confirm_sign_on))
        .service(resource("/setup").get(setup::form).post(setup::set_up))
        .route("/welcome", get().to(setup::welcome))
        .route("/welcome/sample", post().to(setup::sample))
        .route("/welcome/key", post().to(setup::first_key))
        .route("/w/{slug}", get().to(chat::main))
        .route("/ask", post().to(ask::ask_in_new_thread))
        .route("/w/{slug}/ask", post().to(ask::ask))
        .route("/w/{slug}/models", get().to(composer::models))
        .route("/w/{slug}/models/names", get().to(composer::model_names))
        .route("/w/{slug}/model", post().to(composer::choose_model))
        .route("/w/{slug}/documents/titles", get().to(composer::titles))
        .route("/w/{slug}/forget", post().to(ask::discard_draft))
        .route("/w/{slug}/reset", post().to(chat::reset))
        .route("/w/{slug}/threads", post().to(chat::new_thread))
        .route("/w/{slug}/conversations", get().to(conversations::list))
        .route("/w/{slug}/conversations/delete", post().to(conversations::delete))
        .route("/w/{slug}/conversations/archive", post().to(conversations::archive))
        .route("/w/{slug}/conversations/unarchive", post().to(conversations::unarchive))
        .route("/w/{slug}/t/{thread}", get().to(chat::thread))
        .route("/w/{slug}/t/{thread}/ask", post().to(ask::ask_in_thread))
        .route("/w/{slug}/t/{thread}/files/{id}/remove", post().to(chat::remove_file))
        .route("/w/{slug}/t/{thread}/forget", post().to(ask::discard_thread_draft))
        .route("/w/{slug}/t/{thread}/rename", post().to(chat::rename_thread))
        .route("/w/{slug}/t/{thread}/delete", post().to(chat::delete_thread))
        .route("/w/{slug}/export", get().to(export::main))
        .route("/w/{slug}/t/{thread}/export", get().to(export::thread))
        .service(resource("/w/{slug}/share").get(share::show).post(share::create))
        .service(
            resource("/w/{slug}/t/{thread}/share")
                .get(share::show_thread)
                .post(share::create_thread),
        )
        .route("/shared/{secret}", get().to(share::read))
        .route("/account/shares/{id}/revoke", post().to(share::revoke))
        .route("/account/bin", get().to(deletions::list))
        .route("/bin/{id}/restore", post().to(deletions::restore))
        .route("/w/{slug}/chats/{id}", get().to(exchange::show))
        .route("/w/{slug}/chats/{id}/branch", post().to(export::branch))
        .route("/w/{slug}/chats/{id}/rate", post().to(exchange::rate))
        .route("/w/{slug}/chats/{id}/speech", get().to(speech::read_aloud))
        .route("/dictation", post().to(speech::dictate))
        .route("/w/{slug}/chats/{id}/delete", post().to(exchange::delete))
        .service(
            resource("/w/{slug}/chats/{id}/correct").get(exchange::correct).post(exchange::save),
        )
        .route("/w/{slug}/chats/{id}/shown/{place}", get().to(exchange::question_image))
        .route("/w/{slug}/documents/pin", post().to(library::pin))
        .route("/w/{slug}/documents", get().to(library::list))
        .route("/w/{slug}/documents/upload", post().to(library::upload))
        .route("/w/{slug}/documents/paste", post().to(library::paste))
        .route("/w/{slug}/documents/link", post().to(library::link))
        .route("/w/{slug}/documents/withdraw", post().to(library::withdraw))
        .route("/w/{slug}/source", get().to(source::show))
        .route("/w/{slug}/original", get().to(original::open))
        .route("/w/{slug}/page", get().to(original::page))
        .route("/w/{slug}/picture", post().to(picture::save_workspace))
        .route("/w/{slug}/picture/{name}", get().to(picture::workspace))
        .route("/logo/{name}", get().to(picture::logo))
        .service(resource("/w/{slug}/settings").get(workspace::settings).post(workspace::save))
        .route("/w/{slug}/suggestions", post().to(prompts::save_suggestions))
        .route("/w/{slug}/prompts", get().to(prompts::list))
        .route("/w/{slug}/prompts/{id}/restore", post().to(prompts::restore))
        .route("/w/{slug}/prompts/{id}/delete", post().to(prompts::delete))
        .route("/w/{slug}/delete", post().to(workspace::delete))
        .service(
            resource("/w/{slug}/members").get(workspace::members).post(workspace::save_members),
        )
        .route("/find", get().to(find::show))
        .route("/search", get().to(search::playground))
        .service(resource("/account").get(account::show).post(account::save))
        .service(resource("/account/commands").get(commands::list).post(commands::create))
        .route("/account/commands/{id}", post().to(commands::save))
        .route("/account/commands/{id}/delete", post().to(commands::delete))
        .route("/account/memories", get().to(memories::list))
        .route("/account/memories/{id}", post().to(memories::save))
        .route("/account/memories/{id}/delete", post().to(memories::delete))
        .route("/account/language", post().to(account::choose_language))
        .route("/account/password", post().to(account::change_password))
        .route("/account/recovery-codes", post().to(recovery::create))
        .route("/account/recovery-codes/dismiss", post().to(recovery::dismiss))
        .route("/account/sessions/end", post().to(account::end_session))
        .route("/jobs/{id}", get().to(job::show))
        .route("/jobs/{id}/events", get().to(job::follow))
        .route("/jobs/{id}/cancel", post().to(job::cancel))
        .route("/jobs/{id}/retry", post().to(job::retry))
        .route("/answers/{id}", get().to(live::listen))
        .route("/answers/{id}/stop", post().to(live::stop))
        .service(resource("/invite/{code}").get(invite::form).post(invite::accept));
}

async fn asset(request: HttpRequest, name: Path<String>) -> PageResult {
    assets::respond(&request, &name).ok_or_else(|| PageError::not_found("asset", &name))
}

/// Responds to unknown addresses.
pub async fn not_found() -> PageResult {
    Err(PageError::Other(StatusCode::NOT_FOUND))
}
