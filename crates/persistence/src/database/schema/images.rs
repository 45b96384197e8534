//! The tables of images beside questions.
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
