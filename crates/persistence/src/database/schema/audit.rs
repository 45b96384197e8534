//! The tables of the audit log.
diesel::table! {
    events (id) {
        id -> BigInt,
        name -> Text,
        details -> Text,
        actor -> Text,
        address -> Nullable<Text>,
        at -> Timestamp,
        digest -> Binary,
    }
}

diesel::table! {
    audit_head (id) {
        id -> Integer,
        last_id -> BigInt,
        digest -> Binary,
        sealed_id -> Nullable<BigInt>,
        sealed_digest -> Nullable<Binary>,
        seal -> Nullable<Binary>,
    }
}

diesel::table! {
    audit_start (id) {
        id -> Integer,
        last_id -> BigInt,
        digest -> Binary,
        seal -> Binary,
    }
}
