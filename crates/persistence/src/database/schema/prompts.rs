//! The tables of suggested messages, slash commands, variables, earlier instructions, and memories.
diesel::table! {
    suggested_messages (id) {
        id -> Integer,
        workspace_id -> Integer,
        heading -> Text,
        message -> Text,
    }
}

diesel::table! {
    slash_commands (id) {
        id -> Integer,
        name -> Text,
        prompt -> Text,
        description -> Text,
        user_id -> Nullable<Integer>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    prompt_variables (name) {
        name -> Text,
        value -> Text,
        description -> Text,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    prompt_history (id) {
        id -> Integer,
        workspace_id -> Integer,
        prompt -> Text,
        replaced_by -> Nullable<Integer>,
        replaced_at -> Timestamp,
    }
}

diesel::table! {
    memories (id) {
        id -> Integer,
        user_id -> Nullable<Integer>,
        workspace_id -> Nullable<Integer>,
        content -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}
