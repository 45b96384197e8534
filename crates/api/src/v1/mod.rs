//! The native API, `/v1`: a module for each subject, with its handlers and, in `wire`, their JSON
//! types. Code that several subjects share is in this folder. Nothing here depends on another
//! contract.
pub mod admin;
pub mod auth;
pub mod chat_edits;
pub mod conversations;
pub mod directory;
pub mod documents;
pub mod embeds;
pub mod filter;
pub mod history;
pub mod imports;
pub mod jobs;
pub mod openai;
pub mod pictures;
pub mod pins;
pub mod prompts;
mod provenance;
pub mod search;
pub mod session;
pub mod source;
pub mod speech;
pub mod system;
pub mod threads;
pub mod workspace_documents;
pub mod workspaces;

use crate::error::openai as openai_error;
use crate::face::Face;
use crate::routes::register::{ADMIN, CHAT, DOCUMENTS, OPEN, READ, Register};

use admin::{chats, events, extension_keys, invites, keys, members, usage, users};
use documents::{files, folders, list, originals, uploads};
use prompts::{history as prompt_history, memories, slash_commands, suggested_messages, variables};
use system::{backup, models, settings};

pub static FACE: Face = Face {
    mount: "/v1",
    root: "/v1/",
    about: "the native API.",
    prefix: "",
    operations: |config| operations(config),
    documented: |config| operations(config),
    listed: |rows| operations(rows),
    extra_routes: |_| {},
    before_routing: |_| {},
    refuse: |refusal, path| openai_error::is_spoken_at(path).then(|| refusal.respond_as_openai()),
    failures: |_| None,
    after_response: |answer| answer,
};

/// Registers every operation. The router tries them in this order; paths without parameters cost
/// least.
#[rustfmt::skip]
pub fn operations(config: &mut impl Register) {
    config
        .get("/admin/users", ADMIN, users::list_users)
        .post("/admin/users/new", ADMIN, users::create_user)
        .post("/admin/users/{id}", ADMIN, users::update_user)
        .delete("/admin/users/{id}", ADMIN, users::delete_user)
        .post("/admin/users/{id}/recovery-link", ADMIN, users::create_recovery_link)
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
        .post("/system/models", ADMIN, models::list_provider_models)
        .post("/session", OPEN, session::sign_in)
        .get("/session", OPEN, session::show_session)
        .delete("/session", OPEN, session::sign_out)
        .get("/auth", READ, auth::authenticate)
        .post("/workspace/new", ADMIN, workspaces::create_workspace)
        .get("/workspaces", READ, workspaces::list_workspaces)
        .get("/workspace/{slug}", READ, workspaces::find_workspace)
        .post("/workspace/{slug}/update", ADMIN, workspaces::update_workspace)
        .delete("/workspace/{slug}", ADMIN, workspaces::delete_workspace)
        .post("/workspace/{slug}/thread/new", CHAT, threads::create_thread)
        .get("/workspace/{slug}/threads", READ, threads::list_threads)
        .post("/workspace/{slug}/thread/{thread}/update", CHAT, threads::update_thread)
        .delete("/workspace/{slug}/thread/{thread}", CHAT, threads::delete_thread)
        .delete("/workspace/{slug}/threads", CHAT, threads::delete_threads)
        .post("/workspace/{slug}/chats/{id}/branch", CHAT, threads::branch_chat)
        .get("/workspace/{slug}/chats", READ, history::list_workspace_chats)
        .get("/workspace/{slug}/thread/{thread}/chats", READ, history::list_thread_chats)
        .get("/workspace/{slug}/sessions", READ, chat_edits::list_sessions)
        .patch("/workspace/{slug}/chats/{id}", CHAT, chat_edits::edit_chat)
        .delete("/workspace/{slug}/chats/{id}", CHAT, chat_edits::delete_chat)
        .post("/workspace/{slug}/chat-feedback/{id}", CHAT, chat_edits::rate_chat)
        .post("/workspace/{slug}/update-embeddings", DOCUMENTS, workspace_documents::update_embeddings)
        .get("/jobs", DOCUMENTS, jobs::list_jobs)
        .get("/jobs/{id}", DOCUMENTS, jobs::find_job)
        .get("/jobs/{id}/events", DOCUMENTS, jobs::follow_job)
        .post("/jobs/{id}/cancel", DOCUMENTS, jobs::cancel_job)
        .post("/jobs/{id}/retry", DOCUMENTS, jobs::retry_job)
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
        .get("/document/metadata-schema", READ, list::metadata_schema)
        .get("/document/id/{id}", READ, list::find_document_by_id)
        .delete("/document/id/{id}", DOCUMENTS, list::remove_document_by_id)
        .get("/document/id/{id}/original", READ, originals::download_original)
        .get("/document/id/{id}/page/{page}", READ, originals::show_page)
        .post("/document/create-folder", DOCUMENTS, folders::create_folder)
        .delete("/document/remove-folder", DOCUMENTS, folders::remove_folder)
        .post("/document/move-files", DOCUMENTS, folders::move_files)
        .get("/document/{docName}", READ, list::find_document)
        .get("/system/vector-count", READ, system::count_vectors)
        .delete("/system/remove-documents", DOCUMENTS, system::remove_documents)
        .get("/users", ADMIN, directory::list_directory)
        .get("/users/{id}/issue-auth-token", ADMIN, directory::issue_auth_token)
        .get("/document/generated-files/{filename}", READ, files::download_generated_file)
        .get("/embed", ADMIN, embeds::list_embeds)
        .post("/embed/new", ADMIN, embeds::create_embed)
        .post("/embed/{embed}", ADMIN, embeds::update_embed)
        .delete("/embed/{embed}", ADMIN, embeds::delete_embed)
        .get("/embed/{embed}/chats", ADMIN, embeds::list_embed_chats)
        .get("/embed/{embed}/chats/{session}", ADMIN, embeds::list_session_chats)
        .get("/openai/models", READ, openai::list_models)
        .get("/openai/models/{model}", READ, openai::find_model)
        .get("/openai/vector_stores", READ, openai::list_vector_stores)
        .post("/openai/chat/completions", CHAT, openai::chat::complete_chat)
        .post("/openai/embeddings", CHAT, openai::embeddings::embed_texts)
        .post("/openai/images/generations", CHAT, openai::images::generate_image)
        .post("/openai/audio/transcriptions", CHAT, openai::audio::transcribe)
        .post("/openai/audio/translations", CHAT, openai::audio::translate)
        .post("/openai/audio/speech", CHAT, openai::audio::speak)
        .get("/audio/voices", CHAT, speech::list_voices)
        .get("/audio/models", CHAT, speech::list_speech_models)
        .get("/workspace/{slug}/chat/{id}/speech", CHAT, speech::read_answer_aloud)
        .post("/system/backup", ADMIN, backup::back_up)
        .delete("/admin/workspace-chats", ADMIN, chats::clear_chats)
        .get("/admin/usage", ADMIN, usage::show_usage)
        .get("/admin/is-multi-user-mode", READ, users::is_multi_user_mode)
        .post("/admin/enable-multi-user", ADMIN, users::enable_multi_user)
        .get("/admin/invite/{id}", ADMIN, invites::find_invite)
        .post("/invite/{code}", OPEN, invites::redeem_invite)
        .get("/admin/api-keys", ADMIN, keys::list_api_keys)
        .post("/admin/api-keys", ADMIN, keys::create_api_key)
        .delete("/admin/api-keys/{id}", ADMIN, keys::revoke_api_key)
        .get("/admin/browser-extension-keys", ADMIN, extension_keys::list_extension_keys)
        .post("/admin/browser-extension-keys", ADMIN, extension_keys::create_extension_key)
        .delete("/admin/browser-extension-keys/{id}", ADMIN, extension_keys::delete_extension_key)
        .get("/admin/event-logs", ADMIN, events::list_events)
        .get("/workspace/{slug}/suggested-messages", READ, suggested_messages::list_suggested_messages)
        .post("/workspace/{slug}/suggested-messages", ADMIN, suggested_messages::replace_suggested_messages)
        .get("/workspace/{slug}/prompt-history", ADMIN, prompt_history::list_earlier_prompts)
        .post("/workspace/{slug}/prompt-history/{id}/restore", ADMIN, prompt_history::restore_earlier_prompt)
        .delete("/workspace/{slug}/prompt-history/{id}", ADMIN, prompt_history::delete_earlier_prompt)
        .delete("/workspace/{slug}/prompt-history", ADMIN, prompt_history::clear_earlier_prompts)
        .get("/slash-commands", CHAT, slash_commands::list_available_commands)
        .get("/admin/slash-commands", ADMIN, slash_commands::list_slash_commands)
        .post("/admin/slash-commands", ADMIN, slash_commands::create_slash_command)
        .post("/admin/slash-commands/{id}", ADMIN, slash_commands::update_slash_command)
        .delete("/admin/slash-commands/{id}", ADMIN, slash_commands::delete_slash_command)
        .get("/workspace/{slug}/thread/{thread}/files", READ, threads::files::list_thread_files)
        .post("/workspace/{slug}/thread/{thread}/files", CHAT, threads::files::add_thread_file)
        .delete("/workspace/{slug}/thread/{thread}/files/{id}", CHAT, threads::files::remove_thread_file)
        .get("/memories", CHAT, memories::list_memories)
        .post("/memories/{id}", CHAT, memories::update_memory)
        .delete("/memories/{id}", CHAT, memories::delete_memory)
        .get("/system/prompt-variables", ADMIN, variables::list_prompt_variables)
        .post("/system/prompt-variables", ADMIN, variables::set_prompt_variable)
        .delete("/system/prompt-variables/{key}", ADMIN, variables::delete_prompt_variable)
        .get("/system/logo", READ, pictures::show_logo)
        .post("/system/logo", ADMIN, pictures::upload_logo)
        .delete("/system/logo", ADMIN, pictures::remove_logo)
        .get("/workspace/{slug}/picture", READ, pictures::show_workspace_picture)
        .post("/workspace/{slug}/picture", ADMIN, pictures::upload_workspace_picture)
        .delete("/workspace/{slug}/picture", ADMIN, pictures::remove_workspace_picture)
        .post("/system/import", ADMIN, imports::start_import)
        .get("/system/import", ADMIN, imports::show_import);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::register::{RowList, tests};

    #[test]
    fn the_table_matches_the_handlers() {
        let mut rows = RowList::default();
        operations(&mut rows);
        tests::check(FACE.mount, &rows);
    }
}
