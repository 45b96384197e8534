//! The tables of images in exchanges, and of pictures of the server and of workspaces.
diesel::table! {
    chat_images (chat_id, place) {
        chat_id -> BigInt,
        place -> Integer,
        content -> Text,
    }
}

diesel::table! {
    chat_image_backlog (id) {
        id -> Integer,
        up_to -> BigInt,
    }
}

diesel::table! {
    pictures (name) {
        name -> Text,
        workspace_id -> Nullable<Integer>,
        png -> Binary,
        created_at -> Timestamp,
    }
}
