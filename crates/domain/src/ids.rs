//! Ids are types, so that one can never stand where another is meant.
use std::fmt;

use uuid::Uuid;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $repr:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $repr);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(ApiKeyId, i32);
number!(UserId, i32);
number!(WorkspaceId, i32);
number!(ThreadId, i32);
number!(InviteId, i32);
number!(WidgetId, i32);
number!(SlashCommandId, i32);
number!(EarlierPromptId, i32);
number!(ChatId, i64);
number!(JobId, i64);
number!(
    /// A document's place in one workspace.
    WorkspaceDocumentId,
    i64
);
number!(
    /// A piece of a document in one workspace. Later pieces have larger ids.
    ChunkId,
    i64
);

/// Names one document for as long as it exists, wherever it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(pub Uuid);

impl DocumentId {
    /// A new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
