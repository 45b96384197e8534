//! Memories: notes about a person, visible only to that person and sent with each of their
//! questions.
use carrel_domain::audit::By;
use carrel_domain::memory::{Memories, Memory};
use carrel_domain::{Error, MemoryId, Result, UserId, WorkspaceId};
use serde_json::json;

/// The maximum length of a memory, in bytes.
pub const MAX_BYTES: usize = 4 << 10;

/// The maximum number of memories sent with a question. The newest are sent.
const MAX_PER_QUESTION: usize = 40;

/// The maximum size of the memories sent with a question, in bytes.
const MAX_BYTES_PER_QUESTION: usize = 8 << 10;

const HEADING: &str = "Notes about the person who asks:";

/// Changes the text of a person's memory.
pub async fn update(
    port: &dyn Memories,
    id: MemoryId,
    user: Option<UserId>,
    content: &str,
    by: &By,
) -> Result<()> {
    let content = content.trim();
    if content.is_empty() {
        return Err(Error::invalid("content", "must not be empty; delete the memory instead"));
    }
    if content.len() > MAX_BYTES {
        let reason = format!("must not be longer than {MAX_BYTES} bytes");
        return Err(Error::invalid("content", reason));
    }
    let event = by.event("memory_updated", details(id));
    to_result(id, port.update(id, user, content.to_owned(), event).await?)
}

/// Deletes a person's memory.
pub async fn delete(
    port: &dyn Memories,
    id: MemoryId,
    user: Option<UserId>,
    by: &By,
) -> Result<()> {
    let event = by.event("memory_deleted", details(id));
    to_result(id, port.delete(id, user, event).await?)
}

/// Returns the details of audit events. They omit the text, because others can read the log.
fn details(id: MemoryId) -> String {
    json!({ "memory": id.0 }).to_string()
}

fn to_result(id: MemoryId, is_found: bool) -> Result<()> {
    match is_found {
        true => Ok(()),
        false => Err(Error::not_found("memory", id)),
    }
}

/// Returns the text appended to the instructions of a question: the memories that apply to its
/// workspace. Returns `None` if there are none.
pub fn text(memories: &[Memory], workspace: WorkspaceId) -> Option<String> {
    let applies = |memory: &&Memory| memory.workspace.is_none_or(|id| id == workspace);
    let (mut lines, mut bytes) = (Vec::new(), 0);
    for memory in memories.iter().filter(applies).take(MAX_PER_QUESTION) {
        let line = format!("- {}", memory.content.trim().replace('\n', "\n  "));
        bytes += line.len();
        if bytes > MAX_BYTES_PER_QUESTION {
            break;
        }
        lines.push(line);
    }
    (!lines.is_empty()).then(|| format!("{HEADING}\n{}", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn memory(workspace: Option<i32>, content: &str) -> Memory {
        let at = DateTime::UNIX_EPOCH;
        Memory {
            id: MemoryId(1),
            user: None,
            workspace: workspace.map(WorkspaceId),
            content: content.to_owned(),
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn a_question_includes_applicable_memories_up_to_the_limit() {
        let workspace = WorkspaceId(1);
        let memories =
            [memory(None, "Short.\nPlease."), memory(Some(2), "x"), memory(Some(1), "Here")];
        let expected = "Notes about the person who asks:\n- Short.\n  Please.\n- Here";
        assert_eq!(text(&memories, workspace).as_deref(), Some(expected));
        assert_eq!(text(&memories[1..2], workspace), None);
        let memories = vec![memory(None, &"x".repeat(MAX_BYTES)); 3];
        assert_eq!(text(&memories, workspace).map_or(0, |text| text.matches("- x").count()), 1);
        let memories = vec![memory(None, "x"); 99];
        assert_eq!(
            text(&memories, workspace).map_or(0, |text| text.matches("- x").count()),
            MAX_PER_QUESTION
        );
    }
}
