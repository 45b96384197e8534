//! Suggested messages of a workspace.
use carrel_domain::audit::By;
use carrel_domain::suggested_message::{SuggestedMessage, SuggestedMessages};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};
use serde_json::json;

/// The maximum number per workspace.
pub const MAX_MESSAGES: usize = 12;
/// The maximum length of a heading, in characters.
pub const MAX_HEADING_CHARS: usize = 255;
/// The maximum length of a message, in characters.
pub const MAX_MESSAGE_CHARS: usize = 2000;

/// Replaces the suggested messages of a workspace. Empty ones are dropped.
pub async fn replace(
    port: &dyn SuggestedMessages,
    workspace: &Workspace,
    messages: Vec<SuggestedMessage>,
    by: &By,
) -> Result<Vec<SuggestedMessage>> {
    let trim = |SuggestedMessage { heading, message }| SuggestedMessage {
        heading: heading.trim().to_owned(),
        message: message.trim().to_owned(),
    };
    let mut messages: Vec<_> = messages.into_iter().map(trim).collect();
    messages.retain(|message| !message.question().is_empty());
    check(&messages)?;
    let details = json!({ "workspaceName": workspace.settings.name, "count": messages.len() });
    let event = by.event("workspace_suggested_messages_updated", details.to_string());
    port.replace(workspace.id, messages.clone(), event).await?;
    Ok(messages)
}

fn check(messages: &[SuggestedMessage]) -> Result<()> {
    if messages.len() > MAX_MESSAGES {
        return Err(Error::invalid("messages", format!("must not be more than {MAX_MESSAGES}")));
    }
    for SuggestedMessage { heading, message } in messages {
        for (field, text, limit) in
            [("heading", heading, MAX_HEADING_CHARS), ("message", message, MAX_MESSAGE_CHARS)]
        {
            if text.chars().count() > limit {
                let reason = format!("must not be longer than {limit} characters");
                return Err(Error::invalid(field, reason));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_joins_heading_and_message() {
        let message = |heading: &str, message: &str| SuggestedMessage {
            heading: heading.into(),
            message: message.into(),
        };
        assert_eq!(message("When do", "you open?").question(), "When do you open?");
        assert_eq!(message("", "Who?").question(), "Who?");
        assert!(check(&vec![message("a", "b"); MAX_MESSAGES]).is_ok());
        assert!(check(&vec![message("a", "b"); MAX_MESSAGES + 1]).is_err());
        assert!(check(&[message(&"é".repeat(256), "b")]).is_err());
    }
}
