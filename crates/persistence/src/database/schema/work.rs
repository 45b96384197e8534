//! The tables of jobs, uploads and their files, cached vectors, imports, sign-in attempts, recovery
//! codes and links, and extension keys.
diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        state -> Text,
        workspace_id -> Integer,
        actor -> Text,
        address -> Nullable<Text>,
        awaited -> Bool,
        cancelling -> Bool,
        total -> Integer,
        done -> Integer,
        failed -> Integer,
        cancelled -> Integer,
        attempts -> Integer,
        error -> Nullable<Text>,
        changes -> BigInt,
        lease -> Nullable<Text>,
        due_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        started_at -> Nullable<Timestamp>,
        finished_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
        upload -> Nullable<Text>,
    }
}

diesel::table! {
    uploads (id) {
        id -> Text,
        begun_at -> Timestamp,
    }
}

diesel::table! {
    originals (name) {
        name -> Text,
        digest -> Binary,
        bytes -> BigInt,
        noted_at -> Nullable<Timestamp>,
        released -> Bool,
    }
}

diesel::table! {
    unsettled_files (folder, name) {
        folder -> Text,
        name -> Text,
        noted_at -> Timestamp,
        upload -> Nullable<Text>,
    }
}

diesel::table! {
    job_items (job_id, number) {
        job_id -> BigInt,
        number -> BigInt,
        folder -> Text,
        name -> Text,
        state -> Text,
        attempts -> Integer,
        reason -> Nullable<Text>,
        changed -> BigInt,
        recording -> Nullable<Text>,
        recording_details -> Nullable<Text>,
        heard -> Nullable<Integer>,
        duration -> Nullable<Integer>,
    }
}

diesel::table! {
    embeddings (key) {
        key -> Binary,
        vector -> Binary,
        bytes -> Integer,
        used_at -> Timestamp,
    }
}

diesel::table! {
    embeddings_size (id) {
        id -> Integer,
        bytes -> BigInt,
    }
}

diesel::table! {
    imports (id) {
        id -> Integer,
        kind -> Text,
        origin -> Text,
        report -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    login_attempts (subject) {
        subject -> Binary,
        refilled_at -> Timestamp,
        succeeded_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    speech_use (actor, kind, day) {
        actor -> Text,
        kind -> Text,
        day -> Integer,
        seconds -> BigInt,
    }
}

diesel::table! {
    extension_keys (id) {
        id -> Integer,
        digest -> Binary,
        prefix -> Text,
        user_id -> Nullable<Integer>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    recovery_codes (digest) {
        digest -> Binary,
        user_id -> Integer,
        created_at -> Timestamp,
    }
}

diesel::table! {
    recovery_links (digest) {
        digest -> Binary,
        user_id -> Integer,
        issued_by -> Nullable<Integer>,
        expires_at -> Timestamp,
        created_at -> Timestamp,
    }
}
