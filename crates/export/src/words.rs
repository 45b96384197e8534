//! Layout-specific texts for users, workspaces, ratings and prompts.
use carrel_domain::export::{ExportRecord, FormatChoice, Layout};

/// Returns the user's name. The compatible layout has a name even for exchanges without a user.
pub fn username(record: &ExportRecord, layout: Layout) -> Option<&str> {
    match layout {
        Layout::Native => record.chat.username.as_deref(),
        Layout::Compat => Some(record.chat.author()),
    }
}

/// Returns the workspace's name. The compatible layout's text for a deleted workspace comes from
/// recorded exports.
pub fn workspace(record: &ExportRecord, layout: Layout) -> Option<&str> {
    match layout {
        Layout::Native => record.chat.workspace.as_ref().map(|workspace| workspace.name.as_str()),
        Layout::Compat => Some(record.chat.workspace_name()),
    }
}

pub fn rating(record: &ExportRecord, layout: Layout) -> Option<&'static str> {
    match (record.chat.chat.feedback, layout) {
        (Some(true), _) => Some("GOOD"),
        (Some(false), _) => Some("BAD"),
        (None, Layout::Native) => None,
        (None, Layout::Compat) => Some("--"),
    }
}

/// Returns the text of the answer. The compatible layout omits an unreadable answer.
pub fn response(record: &ExportRecord, layout: Layout) -> Option<&str> {
    match layout {
        Layout::Compat if record.raw => None,
        Layout::Compat | Layout::Native => Some(&record.response),
    }
}

/// The system prompt of each exchange.
#[derive(Clone, Debug)]
pub struct SystemPrompt {
    layout: Layout,
    default: String,
}

impl SystemPrompt {
    pub fn new(choice: &FormatChoice) -> Self {
        Self { layout: choice.layout, default: choice.system_prompt.clone() }
    }

    /// Returns the system prompt of an exchange. Quirk: the compatible layout uses the server's prompt
    /// even for workspaces with their own, as in the recorded exports.
    pub fn of<'a>(&'a self, record: &'a ExportRecord) -> &'a str {
        let own = match self.layout {
            Layout::Native => record.chat.workspace.as_ref().and_then(|of| of.prompt.as_deref()),
            Layout::Compat => None,
        };
        own.unwrap_or(&self.default)
    }
}
