//! The routes, and the two places they are mounted at.
mod auth;
mod catalogue;
mod chat_edits;
mod compat;
mod conversations;
mod directory;
mod documents;
mod embeds;
mod files;
mod folders;
pub(crate) mod health;
mod history;
mod jobs;
mod native;
mod openai;
mod pins;
mod placements;
mod reference;
pub(crate) mod register;
mod system;
mod threads;
mod unknown;
mod workspaces;

use actix_web::middleware::from_fn;
use actix_web::web;
use carrel_domain::{Error, Result};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::{AppExt, scope};

use register::Register;

use crate::around;

/// Where the native contract and the other dialect are mounted.
pub const NATIVE: &str = "/v1";
pub const COMPAT: &str = "/api/v1";

/// Every operation, by subject.
fn operations(config: &mut impl Register) {
    config
        .service(auth::authenticate)
        .service(workspaces::create_workspace)
        .service(workspaces::list_workspaces)
        .service(workspaces::find_workspace)
        .service(workspaces::update_workspace)
        .service(workspaces::delete_workspace)
        .service(threads::create_thread)
        .service(threads::list_threads)
        .service(threads::update_thread)
        .service(threads::delete_thread)
        .service(history::list_workspace_chats)
        .service(history::list_thread_chats)
        .service(chat_edits::list_sessions)
        .service(chat_edits::edit_chat)
        .service(chat_edits::delete_chat)
        .service(chat_edits::rate_chat)
        .service(placements::update_embeddings)
        .service(jobs::list_jobs)
        .service(jobs::find_job)
        .service(jobs::follow_job)
        .service(jobs::cancel_job)
        .service(jobs::retry_job)
        .service(pins::update_pin)
        .service(conversations::search_vectors)
        .service(conversations::ask)
        .service(conversations::stream_answer)
        .service(conversations::ask_in_thread)
        .service(conversations::stream_answer_in_thread)
        .service(documents::upload_document)
        .service(documents::upload_into_folder)
        .service(documents::add_raw_text)
        .service(documents::upload_link)
        .service(catalogue::list_documents)
        .service(catalogue::list_folder)
        .service(catalogue::accepted_file_types)
        .service(catalogue::metadata_schema)
        .service(catalogue::find_document_by_id)
        .service(catalogue::remove_document_by_id)
        .service(folders::create_folder)
        .service(folders::remove_folder)
        .service(folders::move_files)
        .service(catalogue::find_document)
        .service(system::count_vectors)
        .service(system::remove_documents)
        .service(directory::list_directory)
        .service(directory::issue_auth_token)
        .service(files::download_generated_file)
        .configure(embeds::operations)
        .configure(openai::operations)
        .configure(crate::prompts::operations)
        .configure(crate::imports::operations)
        .configure(native::shared_operations);
}

// Routes are tried in this order. Those of each dialect have hardly a path with a name in it, and so
// cost nothing to pass over.
fn at_native(config: &mut impl Register) {
    config.configure(native::operations).configure(operations);
}

fn at_compat(config: &mut impl Register) {
    config.configure(compat::operations).configure(operations);
}

/// Registers every operation at both mounts, and answers for the paths there are not.
pub fn configure(docs: bool) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        if docs {
            reference::configure(config);
        }
        compat::surroundings(config);
        health::surroundings(config);
        // A scope does not hand its answer for unknown paths on to the scopes inside it.
        let unknown = || web::to(unknown::not_found);
        let native = web::scope(NATIVE).configure(at_native).default_service(unknown());
        let compat = web::scope(COMPAT).configure(at_compat).default_service(unknown());
        config.service(native).service(compat).default_service(unknown());
    }
}

/// Registers what visitors of other sites' pages use, which is open to them all.
pub fn public(config: &mut web::ServiceConfig) {
    let visitors = web::scope(embeds::public::PUBLIC)
        .wrap(from_fn(around::finish))
        .wrap(embeds::public::cors())
        .configure(embeds::public::operations)
        .default_service(web::to(unknown::not_found));
    config.service(visitors);
}

/// The document of what [`configure`] and [`public`] register.
pub fn documented() -> OpenApi {
    let (_, document) = actix_web::App::new()
        .into_utoipa_app()
        .service(scope(NATIVE).configure(|config| at_native(config)))
        .service(scope(COMPAT).configure(|config| at_compat(config)))
        .service(
            scope(embeds::public::PUBLIC).configure(|config| embeds::public::operations(config)),
        )
        .split_for_parts();
    document
}

/// The number in a path; what is no number names nothing.
pub(crate) fn parse_id(kind: &'static str, text: &str) -> Result<i32> {
    text.parse().map_err(|_| Error::not_found(kind, text))
}

/// The digits that a text begins with.
pub(crate) fn leading_number(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}
