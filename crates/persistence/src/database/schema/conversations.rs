//! The tables of counted exchanges, restorable deletions, shared conversations, and thread files.
diesel::table! {
    chat_blocks (level, block) {
        level -> SmallInt,
        block -> BigInt,
        chats -> BigInt,
        first_at -> Timestamp,
        last_at -> Timestamp,
    }
}

diesel::table! {
    deletions (id) {
        id -> BigInt,
        kind -> Text,
        workspace_id -> Integer,
        thread_id -> Nullable<Integer>,
        user_id -> Nullable<Integer>,
        name -> Text,
        deleted_at -> Timestamp,
    }
}

diesel::table! {
    deleted_chats (deletion_id, chat_id) {
        deletion_id -> BigInt,
        chat_id -> BigInt,
    }
}

diesel::table! {
    shares (id) {
        id -> BigInt,
        workspace_id -> Integer,
        thread_id -> Nullable<Integer>,
        user_id -> Nullable<Integer>,
        digest -> Binary,
        last_chat_id -> BigInt,
        created_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    thread_files (id) {
        id -> Integer,
        thread_id -> Integer,
        name -> Text,
        text -> Text,
        tokens -> Integer,
        created_at -> Timestamp,
    }
}
