//! What each layout calls people, workspaces, ratings and prompts.
use carrel_domain::export::{ExportRecord, FormatChoice, Layout};

/// Whose exchange it is: in the compatible layout everybody has a name, even those who have none.
pub fn username(record: &ExportRecord, layout: Layout) -> Option<&str> {
    match layout {
        Layout::Native => record.chat.username.as_deref(),
        Layout::Compat => Some(record.chat.asker()),
    }
}

/// Where it was held. The compatible words for a workspace that has gone are the recorded ones.
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

/// The answer's text. Where it cannot be read, the compatible layout leaves the text out.
pub fn response(record: &ExportRecord, layout: Layout) -> Option<&str> {
    match layout {
        Layout::Compat if record.raw => None,
        Layout::Compat | Layout::Native => Some(&record.response),
    }
}

/// What the model was told first.
#[derive(Clone, Debug)]
pub struct SystemPrompt {
    layout: Layout,
    default: String,
}

impl SystemPrompt {
    pub fn new(choice: &FormatChoice) -> Self {
        Self { layout: choice.layout, default: choice.system_prompt.clone() }
    }

    /// Quirk: the compatible layout names the server's prompt even for workspaces that have their
    /// own, as in the recorded exports.
    pub fn of<'a>(&'a self, record: &'a ExportRecord) -> &'a str {
        let own = match self.layout {
            Layout::Native => record.chat.workspace.as_ref().and_then(|of| of.prompt.as_deref()),
            Layout::Compat => None,
        };
        own.unwrap_or(&self.default)
    }
}
