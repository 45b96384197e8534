//! The tables that `migrations/` creates in both databases.
mod audit;
mod conversations;
mod images;
mod prompts;
mod work;

pub(crate) use audit::{audit_head, audit_start, events};
pub(crate) use conversations::{chat_blocks, deleted_chats, deletions, shares, thread_files};
pub(crate) use images::{chat_image_backlog, chat_images, pictures};
pub(crate) use prompts::{
    memories, prompt_history, prompt_variables, slash_commands, suggested_messages,
};
pub(crate) use work::{
    embeddings, embeddings_size, extension_keys, imports, job_items, jobs, login_attempts,
    originals, recovery_codes, recovery_links, speech_use, unsettled_files, uploads,
};

diesel::table! {
    users (id) {
        id -> Integer,
        username -> Text,
        password_hash -> Text,
        role -> Text,
        suspended -> Bool,
        bio -> Text,
        daily_message_limit -> Nullable<Integer>,
        pfp_filename -> Nullable<Text>,
        seen_recovery_codes -> Bool,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Integer,
        name -> Nullable<Text>,
        digest -> Binary,
        prefix -> Text,
        origin -> Text,
        scopes -> Text,
        workspaces -> Text,
        rate_limit -> Nullable<Integer>,
        created_by -> Nullable<Integer>,
        by_owner -> Bool,
        expires_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    settings (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    workspaces (id) {
        id -> Integer,
        slug -> Text,
        name -> Text,
        temperature -> Nullable<Double>,
        history -> Integer,
        prompt -> Nullable<Text>,
        least_similarity -> Double,
        passages -> Integer,
        chat_mode -> Text,
        search_mode -> Text,
        chat_provider -> Nullable<Text>,
        chat_model -> Nullable<Text>,
        agent_provider -> Nullable<Text>,
        agent_model -> Nullable<Text>,
        refusal -> Nullable<Text>,
        router_id -> Nullable<Integer>,
        vector_tag -> Nullable<Text>,
        pfp_filename -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    threads (id) {
        id -> Integer,
        slug -> Text,
        name -> Text,
        workspace_id -> Integer,
        user_id -> Nullable<Integer>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        sought -> Nullable<Text>,
        deleted_at -> Nullable<Timestamp>,
        archived_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    chats (id) {
        id -> BigInt,
        workspace_id -> Integer,
        thread_id -> Nullable<Integer>,
        user_id -> Nullable<Integer>,
        session -> Nullable<Text>,
        include -> Bool,
        feedback -> Nullable<Bool>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        prompt -> Text,
        response -> Text,
        prompt_tokens -> Nullable<Integer>,
        completion_tokens -> Nullable<Integer>,
        image_bytes -> BigInt,
    }
}

diesel::table! {
    documents (id) {
        id -> Text,
        folder -> Text,
        name -> Text,
        title -> Text,
        url -> Text,
        author -> Text,
        description -> Text,
        source -> Text,
        chunk_source -> Text,
        published_at -> Nullable<Timestamp>,
        words -> Integer,
        tokens -> Integer,
        digest -> Binary,
        created_at -> Timestamp,
        metadata -> Text,
        external_key -> Nullable<Text>,
        part -> Text,
        upload_digest -> Nullable<Binary>,
        request -> Nullable<Binary>,
        sought -> Nullable<Text>,
        warnings -> Nullable<Text>,
    }
}

diesel::table! {
    folders (name) {
        name -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    repeatable_requests (name) {
        name -> Binary,
        api_key_id -> Integer,
        content -> Binary,
        answer -> Nullable<Text>,
        begun_at -> Timestamp,
    }
}

diesel::table! {
    workspace_documents (id) {
        id -> BigInt,
        workspace_id -> Integer,
        document_id -> Text,
        key -> Text,
        pinned -> Bool,
        watched -> Bool,
        recipe -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    vector_name (name) {
        name -> Text,
    }
}

diesel::table! {
    namespaces (workspace_id) {
        workspace_id -> Integer,
        additions -> BigInt,
        removals -> BigInt,
        vectors -> BigInt,
    }
}

diesel::table! {
    chunks (id) {
        id -> BigInt,
        workspace_document_id -> BigInt,
        workspace_id -> Integer,
        ordinal -> Integer,
        text -> Text,
        span_start -> Nullable<Integer>,
        span_end -> Nullable<Integer>,
        headings -> Nullable<Text>,
        locator -> Nullable<Text>,
    }
}

diesel::table! {
    vector_codes (chunk_id) {
        chunk_id -> BigInt,
        workspace_id -> Integer,
        workspace_document_id -> BigInt,
        scale -> Float,
        code -> Binary,
    }
}

diesel::table! {
    vectors (chunk_id) {
        chunk_id -> BigInt,
        vector -> Binary,
    }
}

diesel::table! {
    lexical_version (id) {
        id -> Integer,
        version -> Integer,
    }
}

diesel::table! {
    invites (id) {
        id -> Integer,
        code -> Text,
        status -> Text,
        claimed_by -> Nullable<Integer>,
        workspaces -> Text,
        created_by -> Nullable<Integer>,
        expires_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    workspace_users (id) {
        id -> Integer,
        user_id -> Integer,
        workspace_id -> Integer,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    sessions (digest) {
        digest -> Binary,
        user_id -> Integer,
        expires_at -> Timestamp,
        created_at -> Timestamp,
        address -> Nullable<Text>,
        issued_by -> Nullable<Integer>,
    }
}

diesel::table! {
    owner (id) {
        id -> Integer,
        password_hash -> Text,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    owner_sessions (digest) {
        digest -> Binary,
        address -> Nullable<Text>,
        expires_at -> Timestamp,
        created_at -> Timestamp,
    }
}

diesel::table! {
    setup_links (digest) {
        digest -> Binary,
        expires_at -> Timestamp,
        created_at -> Timestamp,
    }
}

diesel::table! {
    sign_in_tokens (digest) {
        digest -> Binary,
        user_id -> Integer,
        expires_at -> Timestamp,
        created_at -> Timestamp,
        issued_by -> Nullable<Integer>,
    }
}

diesel::table! {
    questions (id) {
        id -> BigInt,
        user_id -> Integer,
        asked_at -> Timestamp,
    }
}

diesel::joinable!(jobs -> workspaces (workspace_id));
diesel::table! {
    embeds (id) {
        id -> Integer,
        key -> Text,
        workspace_id -> Integer,
        enabled -> Bool,
        chat_mode -> Text,
        origins -> Nullable<Text>,
        allow_model -> Bool,
        allow_temperature -> Bool,
        allow_prompt -> Bool,
        day_limit -> Nullable<Integer>,
        session_limit -> Nullable<Integer>,
        history -> Nullable<Integer>,
        created_by -> Nullable<Integer>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    embed_chats (id) {
        id -> BigInt,
        embed_id -> Integer,
        session -> Text,
        include -> Bool,
        created_at -> Timestamp,
        connection -> Nullable<Text>,
        prompt -> Text,
        response -> Text,
        prompt_tokens -> Nullable<Integer>,
        completion_tokens -> Nullable<Integer>,
    }
}

diesel::table! {
    embed_questions (id) {
        id -> BigInt,
        embed_id -> Integer,
        session -> Text,
        asked_at -> Timestamp,
    }
}

diesel::joinable!(embeds -> workspaces (workspace_id));
diesel::allow_tables_to_appear_in_same_query!(embeds, workspaces);
diesel::joinable!(workspace_documents -> documents (document_id));
diesel::joinable!(chunks -> workspace_documents (workspace_document_id));
diesel::joinable!(api_keys -> users (created_by));
diesel::joinable!(invites -> users (claimed_by));
diesel::joinable!(workspace_users -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(sign_in_tokens -> users (user_id));
diesel::joinable!(recovery_links -> users (user_id));
diesel::joinable!(chats -> users (user_id));
diesel::joinable!(chats -> threads (thread_id));
diesel::joinable!(deletions -> threads (thread_id));
diesel::joinable!(shares -> threads (thread_id));
diesel::joinable!(chats -> workspaces (workspace_id));
diesel::allow_tables_to_appear_in_same_query!(
    documents,
    originals,
    unsettled_files,
    uploads,
    workspace_documents,
    chunks
);
diesel::allow_tables_to_appear_in_same_query!(chunks, vector_codes);
diesel::allow_tables_to_appear_in_same_query!(users, api_keys);
diesel::allow_tables_to_appear_in_same_query!(users, invites);
diesel::allow_tables_to_appear_in_same_query!(users, workspace_users);
diesel::allow_tables_to_appear_in_same_query!(users, sessions);
diesel::allow_tables_to_appear_in_same_query!(users, sign_in_tokens);
diesel::allow_tables_to_appear_in_same_query!(users, recovery_links);
diesel::allow_tables_to_appear_in_same_query!(chats, users, workspaces);
diesel::allow_tables_to_appear_in_same_query!(chats, threads);
diesel::allow_tables_to_appear_in_same_query!(deletions, threads);
diesel::allow_tables_to_appear_in_same_query!(shares, threads);
diesel::allow_tables_to_appear_in_same_query!(jobs, workspaces);
diesel::allow_tables_to_appear_in_same_query!(job_items, documents);
diesel::allow_tables_to_appear_in_same_query!(job_items, workspace_documents);
