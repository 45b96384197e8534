//! `/api/v1`: AnythingLLM's developer API, for programs that were written for it.
//!
//! An adapter of the native API in [`crate::v1`], with a module for each subject. It converts
//! bodies to the form that `v1` reads, and results and errors to the form that clients expect.
//! Operations that are the same in both contracts are registered from `v1`. A marker names each
//! difference; the table in `docs/compatibility.md` is generated from the markers.
mod admin;
mod conversations;
mod directory;
mod documents;
mod embeds;
mod entity_tags;
mod error;
mod extension;
mod history;
mod names;
mod openai;
mod pins;
mod request_fixes;
mod search;
mod sources;
mod spelling;
mod system;
mod threads;
mod values;
mod workspace_documents;
mod workspaces;

use actix_web::HttpResponse;
use actix_web::web;
use serde_json::json;

use self::admin::{chats, invites, members, settings, users};
use self::documents::{folders, list, uploads};
use crate::face::Face;
use crate::routes::register::{ADMIN, CHAT, DOCUMENTS, OPEN, READ, Register};
use crate::v1 as native;

/// A body in any form that existing clients send.
// quirk(any-type): `text/plain` is read as JSON, forms are read as objects, a body of any other
// type is ignored
// native: the content type of a JSON body is JSON, or absent
// test: `compat::addresses_and_bodies_may_be_spelled_in_many_ways`
// quirk(list-as-body): a list counts as an object without fields
// native: a body is a JSON object
// test: `compat::addresses_and_bodies_may_be_spelled_in_many_ways`
use crate::read::LooseBody as JsonBody;

const MOUNT: &str = "/api/v1";
/// Prefix of every path that existing clients request.
const ROOT: &str = "/api/";

pub static FACE: Face = Face {
    mount: MOUNT,
    root: ROOT,
    about: "the same for programs that were written for AnythingLLM's developer API.",
    prefix: "compat_",
    operations: |config| operations(config),
    documented: |config| operations(config),
    listed: |rows| operations(rows),
    extra_routes,
    before_routing: request_fixes::correct,
    refuse: error::refuse,
    failures: error::of,
    after_response: entity_tags::tag,
};

/// Registers every operation. The router tries them in this order; paths without parameters cost
/// least.
#[rustfmt::skip]
fn operations(config: &mut impl Register) {
    config
        .get("/admin/users", ADMIN, users::list_users)
        .post("/admin/users/new", ADMIN, users::create_user)
        .post("/admin/users/{id}", ADMIN, users::update_user)
        .delete("/admin/users/{id}", ADMIN, users::delete_user)
        .post("/admin/users/{id}/recovery-link", ADMIN, native::admin::users::create_recovery_link)
        .get("/admin/invites", ADMIN, invites::list_invites)
        .post("/admin/invite/new", ADMIN, invites::create_invite)
        .delete("/admin/invite/{id}", ADMIN, invites::disable_invite)
        .get("/admin/workspaces/{workspace_id}/users", ADMIN, members::list_members)
        .post("/admin/workspaces/{workspace_id}/update-users", ADMIN, members::update_members)
        .post("/admin/workspaces/{workspace_slug}/manage-users", ADMIN, members::manage_members)
        .post("/admin/workspace-chats", ADMIN, chats::list_chats)
        .get("/system/export-chats", ADMIN, chats::export_chats)
        .post("/admin/preferences", ADMIN, settings::update_preferences)
        .get("/system", ADMIN, settings::show_settings)
        .post("/system/update-env", ADMIN, settings::update_settings)
        .get("/system/env-dump", OPEN, settings::dump_settings)
        .get("/auth", READ, native::auth::authenticate)
        .post("/workspace/new", ADMIN, workspaces::create_workspace)
        .get("/workspaces", READ, native::workspaces::list_workspaces)
        .get("/workspace/{slug}", READ, workspaces::find_workspace)
        .post("/workspace/{slug}/update", ADMIN, workspaces::update_workspace)
        .delete("/workspace/{slug}", ADMIN, workspaces::delete_workspace)
        .post("/workspace/{slug}/thread/new", CHAT, threads::create_thread)
        .get("/workspace/{slug}/threads", READ, native::threads::list_threads)
        .post("/workspace/{slug}/thread/{thread}/update", CHAT, threads::update_thread)
        .delete("/workspace/{slug}/thread/{thread}", CHAT, threads::delete_thread)
        .delete("/workspace/{slug}/threads", CHAT, native::threads::delete_threads)
        .post("/workspace/{slug}/chats/{id}/branch", CHAT, native::threads::branch_chat)
        .get("/workspace/{slug}/chats", READ, history::list_workspace_chats)
        .get("/workspace/{slug}/thread/{thread}/chats", READ, history::list_thread_chats)
        .get("/workspace/{slug}/sessions", READ, native::chat_edits::list_sessions)
        .patch("/workspace/{slug}/chats/{id}", CHAT, native::chat_edits::edit_chat)
        .delete("/workspace/{slug}/chats/{id}", CHAT, native::chat_edits::delete_chat)
        .post("/workspace/{slug}/chat-feedback/{id}", CHAT, native::chat_edits::rate_chat)
        .post("/workspace/{slug}/update-embeddings", DOCUMENTS, workspace_documents::update_embeddings)
        .get("/jobs", DOCUMENTS, native::jobs::list_jobs)
        .get("/jobs/{id}", DOCUMENTS, native::jobs::find_job)
        .get("/jobs/{id}/events", DOCUMENTS, native::jobs::follow_job)
        .post("/jobs/{id}/cancel", DOCUMENTS, native::jobs::cancel_job)
        .post("/jobs/{id}/retry", DOCUMENTS, native::jobs::retry_job)
        .post("/workspace/{slug}/update-pin", DOCUMENTS, pins::update_pin)
        .post("/workspace/{slug}/vector-search", READ, search::search_vectors)
        .post("/workspace/{slug}/chat", CHAT, conversations::ask)
        .post("/workspace/{slug}/stream-chat", CHAT, conversations::stream_answer)
        .post("/workspace/{slug}/thread/{thread}/chat", CHAT, conversations::ask_in_thread)
        .post("/workspace/{slug}/thread/{thread}/stream-chat", CHAT, conversations::stream_answer_in_thread)
        .post("/document/upload", DOCUMENTS, uploads::upload_document)
        .post("/document/upload/{folderName}", DOCUMENTS, uploads::upload_into_folder)
        .post("/document/raw-text", DOCUMENTS, uploads::add_raw_text)
        .post("/document/upload-link", DOCUMENTS, uploads::upload_link)
        .get("/documents", READ, list::list_documents)
        .get("/documents/folder/{folderName}", READ, list::list_folder)
        .get("/document/accepted-file-types", READ, list::accepted_file_types)
        .get("/document/metadata-schema", READ, native::documents::list::metadata_schema)
        .get("/document/id/{id}", READ, list::find_document_by_id)
        .delete("/document/id/{id}", DOCUMENTS, native::documents::list::remove_document_by_id)
        .get("/document/id/{id}/original", READ, native::documents::originals::download_original)
        .get("/document/id/{id}/page/{page}", READ, native::documents::originals::show_page)
        .post("/document/create-folder", DOCUMENTS, folders::create_folder)
        .delete("/document/remove-folder", DOCUMENTS, folders::remove_folder)
        .post("/document/move-files", DOCUMENTS, folders::move_files)
        .get("/document/{docName}", READ, list::find_document)
        .get("/system/vector-count", READ, native::system::count_vectors)
        .delete("/system/remove-documents", DOCUMENTS, system::remove_documents)
        .get("/users", ADMIN, native::directory::list_directory)
        .get("/users/{id}/issue-auth-token", ADMIN, directory::issue_auth_token)
        .get("/document/generated-files/{filename}", READ, native::documents::files::download_generated_file)
        .get("/embed", ADMIN, embeds::list_embeds)
        .post("/embed/new", ADMIN, embeds::create_embed)
        .post("/embed/{embed}", ADMIN, embeds::update_embed)
        .delete("/embed/{embed}", ADMIN, embeds::delete_embed)
        .get("/embed/{embed}/chats", ADMIN, embeds::list_embed_chats)
        .get("/embed/{embed}/chats/{session}", ADMIN, embeds::list_session_chats)
        .get("/openai/models", READ, native::openai::list_models)
        .get("/openai/models/{model}", READ, native::openai::find_model)
        .get("/openai/vector_stores", READ, openai::list_vector_stores)
        .post("/openai/chat/completions", CHAT, openai::complete_chat)
        .post("/openai/embeddings", CHAT, openai::embed_texts)
        .post("/openai/images/generations", CHAT, openai::generate_image)
        .post("/openai/audio/transcriptions", CHAT, native::openai::audio::transcribe)
        .post("/openai/audio/translations", CHAT, native::openai::audio::translate)
        .post("/openai/audio/speech", CHAT, native::openai::audio::speak)
        .get("/audio/voices", CHAT, native::speech::list_voices)
        .get("/audio/models", CHAT, native::speech::list_speech_models)
        .get("/workspace/{slug}/chat/{id}/speech", CHAT, native::speech::read_answer_aloud)
        .post("/system/backup", ADMIN, native::system::backup::back_up)
        .delete("/admin/workspace-chats", ADMIN, native::admin::chats::clear_chats)
        .get("/admin/usage", ADMIN, native::admin::usage::show_usage)
        .get("/admin/is-multi-user-mode", READ, native::admin::users::is_multi_user_mode)
        .post("/admin/enable-multi-user", ADMIN, native::admin::users::enable_multi_user)
        .get("/admin/invite/{id}", ADMIN, native::admin::invites::find_invite)
        .post("/invite/{code}", OPEN, native::admin::invites::redeem_invite)
        .get("/admin/api-keys", ADMIN, native::admin::keys::list_api_keys)
        .post("/admin/api-keys", ADMIN, native::admin::keys::create_api_key)
        .delete("/admin/api-keys/{id}", ADMIN, native::admin::keys::revoke_api_key)
        .get("/admin/event-logs", ADMIN, native::admin::events::list_events)
        .get("/workspace/{slug}/suggested-messages", READ, native::prompts::suggested_messages::list_suggested_messages)
        .post("/workspace/{slug}/suggested-messages", ADMIN, native::prompts::suggested_messages::replace_suggested_messages)
        .get("/workspace/{slug}/prompt-history", ADMIN, native::prompts::history::list_earlier_prompts)
        .post("/workspace/{slug}/prompt-history/{id}/restore", ADMIN, native::prompts::history::restore_earlier_prompt)
        .delete("/workspace/{slug}/prompt-history/{id}", ADMIN, native::prompts::history::delete_earlier_prompt)
        .delete("/workspace/{slug}/prompt-history", ADMIN, native::prompts::history::clear_earlier_prompts)
        .get("/slash-commands", CHAT, native::prompts::slash_commands::list_available_commands)
        .get("/admin/slash-commands", ADMIN, native::prompts::slash_commands::list_slash_commands)
        .post("/admin/slash-commands", ADMIN, native::prompts::slash_commands::create_slash_command)
        .post("/admin/slash-commands/{id}", ADMIN, native::prompts::slash_commands::update_slash_command)
        .delete("/admin/slash-commands/{id}", ADMIN, native::prompts::slash_commands::delete_slash_command)
        .get("/admin/browser-extension-keys", ADMIN, native::admin::extension_keys::list_extension_keys)
        .post("/admin/browser-extension-keys", ADMIN, native::admin::extension_keys::create_extension_key)
        .delete("/admin/browser-extension-keys/{id}", ADMIN, native::admin::extension_keys::delete_extension_key)
        .get("/workspace/{slug}/thread/{thread}/files", READ, native::threads::files::list_thread_files)
        .post("/workspace/{slug}/thread/{thread}/files", CHAT, native::threads::files::add_thread_file)
        .delete("/workspace/{slug}/thread/{thread}/files/{id}", CHAT, native::threads::files::remove_thread_file)
        .get("/memories", CHAT, native::prompts::memories::list_memories)
        .post("/memories/{id}", CHAT, native::prompts::memories::update_memory)
        .delete("/memories/{id}", CHAT, native::prompts::memories::delete_memory)
        .get("/system/prompt-variables", ADMIN, native::prompts::variables::list_prompt_variables)
        .post("/system/prompt-variables", ADMIN, native::prompts::variables::set_prompt_variable)
        .delete("/system/prompt-variables/{key}", ADMIN, native::prompts::variables::delete_prompt_variable)
        .get("/system/logo", READ, native::pictures::show_logo)
        .post("/system/logo", ADMIN, native::pictures::upload_logo)
        .delete("/system/logo", ADMIN, native::pictures::remove_logo)
        .get("/workspace/{slug}/picture", READ, native::pictures::show_workspace_picture)
        .post("/workspace/{slug}/picture", ADMIN, native::pictures::upload_workspace_picture)
        .delete("/workspace/{slug}/picture", ADMIN, native::pictures::remove_workspace_picture)
        .post("/system/import", ADMIN, native::imports::start_import)
        .get("/system/import", ADMIN, native::imports::show_import);
}

/// Registers the routes outside the mount that existing clients request.
fn extra_routes(config: &mut web::ServiceConfig) {
    let sign_on = web::get().to(directory::redeem_auth_token);
    config.route("/api/ping", web::get().to(ping)).route("/api/request-token/sso/simple", sign_on);
    extension::routes(config);
}

async fn ping() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "online": true }))
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::routes;
    use crate::routes::register::{RowList, tests};

    #[test]
    fn the_table_matches_the_handlers() {
        let mut rows = RowList::default();
        operations(&mut rows);
        tests::check(FACE.mount, &rows);
    }

    /// The session operation serves the native API only, and the other product lists the models of
    /// a provider outside its developer API.
    const NATIVE_ONLY: [&str; 2] = ["/v1/session", "/v1/system/models"];

    #[test]
    fn every_other_native_operation_is_here_too() {
        let methods = routes::methods();
        let native = methods.iter().filter(|(path, _)| !NATIVE_ONLY.contains(&path.as_str()));
        for (path, known) in native {
            if let Some(rest) = path.strip_prefix("/v1") {
                assert_eq!(methods.get(&format!("{MOUNT}{rest}")), Some(known), "{path}");
            }
        }
    }
}
