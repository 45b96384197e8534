//! Typed ids, so that an id of one kind cannot be used in place of another.
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
    /// An API key. Ids of revoked keys are not reused.
    ApiKeyId,
    i32
);
number!(
    /// An account. Ids of deleted accounts are not reused, because the audit log refers to them.
    UserId,
    i32
);
number!(
    /// A workspace. Clients use its slug.
    WorkspaceId,
    i32
);
number!(
    /// A thread. Clients use its slug.
    ThreadId,
    i32
);
number!(
    /// A file that belongs to a thread.
    ThreadFileId,
    i32
);
number!(
    /// An invite. Invited people use its code.
    InviteId,
    i32
);
number!(
    /// A widget. Web pages use its key.
    WidgetId,
    i32
);
number!(
    /// A slash command.
    SlashCommandId,
    i32
);
number!(
    /// Previous instructions of a workspace.
    EarlierPromptId,
    i32
);
number!(
    /// A memory: a note about a person.
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
    /// A document in one workspace.
    WorkspaceDocumentId,
    i64
);
number!(
    /// A passage of a document in one workspace. Later passages have larger ids.
    ChunkId,
    i64
);

/// A document. The id stays the same when the document is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(pub Uuid);

impl DocumentId {
    /// Returns a new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
