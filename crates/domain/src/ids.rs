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

number!(
    /// An API key. Ids of revoked keys are not used again.
    ApiKeyId,
    i32
);
number!(
    /// An account. Ids of deleted accounts are not used again: the audit log names them.
    UserId,
    i32
);
number!(
    /// A workspace. Clients name it by its slug.
    WorkspaceId,
    i32
);
number!(
    /// A thread. Clients name it by its slug.
    ThreadId,
    i32
);
number!(
    /// A file that stays with a thread.
    ThreadFileId,
    i32
);
number!(
    /// An invite. Whoever redeems it names it by its code.
    InviteId,
    i32
);
number!(
    /// A widget. Pages name it by its key.
    WidgetId,
    i32
);
number!(
    /// A slash command.
    SlashCommandId,
    i32
);
number!(
    /// Instructions that a workspace had before.
    EarlierPromptId,
    i32
);
number!(
    /// A note about a person that their questions take along.
    MemoryId,
    i32
);
number!(
    /// A key of the browser extension.
    ExtensionKeyId,
    i32
);
number!(
    /// An exchange of a workspace or a widget. Later exchanges have larger ids.
    ChatId,
    i64
);
number!(
    /// A job. Later jobs have larger ids.
    JobId,
    i64
);
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
