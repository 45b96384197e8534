//! Example questions for an empty conversation, made from titles and headings of a workspace's
//! documents.
use carrel_domain::document_list::{DocumentQuery, DocumentScope, DocumentSummary};
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Page, Result};

use crate::session::current_user::CurrentUser;
use crate::view::texts::t;

/// Number of questions, and maximum number of documents they refer to.
const QUESTION_COUNT: usize = 4;
/// Maximum length of a document that is searched for headings, in words.
const MAX_WORDS: i32 = 100_000;
/// Maximum length of a heading in a question, in characters.
const MAX_HEADING_LENGTH: usize = 60;

/// Returns the newest documents of a workspace.
pub async fn newest_documents<P>(
    current_user: &CurrentUser<P>,
    workspace: &Workspace,
    limit: u32,
) -> Result<Page<DocumentSummary>> {
    let scope = DocumentScope::Workspace(workspace.id);
    let query = DocumentQuery { scope, title: String::new() };
    current_user.ports().document_list.list(&query, 0, limit).await
}

/// Returns the newest documents of a workspace, and questions about them.
pub async fn suggestions<P>(
    current_user: &CurrentUser<P>,
    workspace: &Workspace,
) -> Result<(Page<DocumentSummary>, Vec<SuggestedMessage>)> {
    let documents = newest_documents(current_user, workspace, QUESTION_COUNT as u32).await?;
    let mut subjects = Vec::new();
    for document in &documents.items {
        let title = without_extension(&document.title).to_owned();
        let mut headings = Vec::new();
        if document.words <= MAX_WORDS {
            let text = current_user.ports().library.files.text(&document.path).await?;
            headings = text.as_deref().map(self::headings).unwrap_or_default();
        }
        subjects.push((title, headings));
    }
    let example = |message| SuggestedMessage { heading: String::new(), message };
    Ok((documents, questions(&subjects).into_iter().map(example).collect()))
}

/// Makes questions about each document in turn, until there are enough.
fn questions(subjects: &[(String, Vec<String>)]) -> Vec<String> {
    let mut questions = Vec::new();
    for round in 0..QUESTION_COUNT {
        for (title, headings) in subjects {
            let question = match headings.get(round) {
                Some(heading) => t("example.heading").replace("{heading}", heading),
                None if round == 0 => t("example.title").to_owned(),
                None => continue,
            };
            questions.push(question.replace("{title}", title));
        }
    }
    questions.truncate(QUESTION_COUNT);
    questions
}

/// Returns the headings of a text below its main heading.
fn headings(text: &str) -> Vec<String> {
    let heading = |line: &str| {
        let rest = line.trim_start_matches('#');
        let level = line.len() - rest.len();
        let words = rest.trim().trim_end_matches([':', '.', '?']);
        let is_heading = (2..=4).contains(&level) && rest.starts_with(' ');
        (is_heading && !words.is_empty() && words.chars().count() <= MAX_HEADING_LENGTH)
            .then(|| words.to_owned())
    };
    text.lines().filter_map(heading).take(QUESTION_COUNT).collect()
}

/// Returns a title without the file extension.
fn without_extension(title: &str) -> &str {
    match title.rsplit_once('.') {
        Some((name, extension))
            if !name.is_empty()
                && (1..=5).contains(&extension.len())
                && extension.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            name
        }
        _ => title,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_about_headings_and_titles() {
        let text = "# Handbook\n\n## The lamp\n\ntext\n\n### Fuel:\n\n##\n#not one\n";
        assert_eq!(headings(text), ["The lamp", "Fuel"]);
        let subjects = [("Handbook".to_owned(), headings(text)), ("Table".to_owned(), Vec::new())];
        let questions = questions(&subjects);
        assert_eq!(questions.len(), 3);
        assert!(
            questions[0].contains("The lamp") && questions[1].contains("Table"),
            "{questions:?}"
        );
        assert_eq!(
            (
                without_extension("a.b.pdf"),
                without_extension(".env"),
                without_extension("Mr. Smith went")
            ),
            ("a.b", ".env", "Mr. Smith went")
        );
    }
}
