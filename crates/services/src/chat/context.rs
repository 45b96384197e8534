//! Gathers the context of a question: pinned documents, attached documents, retrieved passages, and
//! passages of earlier answers if few were retrieved.
use std::collections::{BTreeSet, HashSet};

use carrel_domain::document::Document;
use carrel_domain::library::Passage;
use carrel_domain::model::{Context, MessageRole};
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId};

use super::attachments::{AttachedDocument, BYTES_PER_TOKEN};
use super::{Conversations, Question};
use crate::exchange::Source;
use crate::reasoning;
use crate::record::{self, EarlierExchange};
use crate::search::{ConversationTurn, MAX_PASSAGES, Query};

/// The maximum number of pinned documents considered.
const MAX_PINNED: u32 = 64;

/// The context of a question.
pub(super) struct QuestionContext {
    /// The context, most important first.
    pub parts: Vec<Context>,
    /// The sources shown to clients. Passages of earlier answers are not included.
    pub sources: Vec<Source>,
}

/// Gathers the context, in order: pinned documents, attached documents, retrieved passages,
/// passages of earlier answers.
pub(super) async fn gather(
    conversations: &Conversations,
    workspace: &Workspace,
    question: &Question,
    attached: Vec<AttachedDocument>,
    history: &[EarlierExchange],
    window: u64,
) -> Result<QuestionContext> {
    let mut context = QuestionContext { parts: Vec::new(), sources: Vec::new() };
    let selection =
        conversations.search.select_documents(workspace.id, &question.overrides.filter).await?;
    let pinned = add_pinned(conversations, workspace, &selection, window, &mut context).await?;
    let unpinned = selection.excluding(pinned);
    for AttachedDocument { document, text } in attached {
        context.add_document(document, text);
    }
    let limit = question.overrides.passages.or(usize::try_from(workspace.settings.passages).ok());
    let limit = limit.unwrap_or(1).clamp(1, MAX_PASSAGES);
    let query = Query {
        text: question.text_for_model().to_owned(),
        limit: Some(limit),
        history: search_turns(question, history),
        ..Query::default()
    };
    let hits = conversations.search.nearest_in(workspace, query, unpinned.as_deref()).await?;
    let hits = hits.unwrap_or_default();
    let retrieved: HashSet<_> = hits.iter().map(|hit| hit.passage.chunk).collect();
    for hit in hits {
        context.parts.push(to_context(&hit.passage, Some(hit.similarity)));
        context.sources.push(Source::Passage(Box::new(hit)));
    }
    if retrieved.len() < limit {
        let gap = limit - retrieved.len();
        let passages =
            passages_of_earlier_answers(conversations, workspace, history, &retrieved).await?;
        let passages = passages.iter().filter(|passage| unpinned.contains(passage.place));
        let passages = passages.take(gap);
        context.parts.extend(passages.map(|passage| to_context(passage, None)));
    }
    Ok(context)
}

/// Adds the selected pinned documents until they fill the window. Returns the documents added.
async fn add_pinned(
    conversations: &Conversations,
    workspace: &Workspace,
    selection: &DocumentSelection<Vec<WorkspaceDocumentId>>,
    window: u64,
    context: &mut QuestionContext,
) -> Result<BTreeSet<WorkspaceDocumentId>> {
    let mut remaining =
        usize::try_from(window.saturating_mul(BYTES_PER_TOKEN)).unwrap_or(usize::MAX);
    let mut pinned = BTreeSet::new();
    for workspace_document in conversations.pins.pinned(workspace.id, MAX_PINNED).await? {
        if remaining == 0 {
            break;
        }
        if !selection.contains(workspace_document.id) {
            continue;
        }
        // A missing file is reported by the integrity check, not here.
        let Some(mut text) = conversations.files.text(&workspace_document.document.path).await?
        else {
            continue;
        };
        text.truncate(text.floor_char_boundary(remaining));
        remaining -= text.len();
        pinned.insert(workspace_document.id);
        context.add_document(workspace_document.document, text);
    }
    Ok(pinned)
}

/// Returns passages used by earlier answers, newest answers first, if they are still in the
/// workspace.
async fn passages_of_earlier_answers(
    conversations: &Conversations,
    workspace: &Workspace,
    history: &[EarlierExchange],
    retrieved: &HashSet<ChunkId>,
) -> Result<Vec<Passage>> {
    let mut known = retrieved.clone();
    let chunks = history.iter().rev().flat_map(|exchange| &exchange.passages).copied();
    let chunks: Vec<_> = chunks.filter(|chunk| known.insert(*chunk)).take(MAX_PASSAGES).collect();
    match chunks.is_empty() {
        true => Ok(Vec::new()),
        false => conversations.search.workspace_documents.passages(workspace.id, &chunks).await,
    }
}

/// Returns the history, newest first: the one sent by the client, or else the stored one.
fn search_turns(question: &Question, history: &[EarlierExchange]) -> Vec<ConversationTurn> {
    let Some(messages) = &question.overrides.history else {
        return history.iter().rev().map(EarlierExchange::to_search_turn).collect();
    };
    let mut turns: Vec<ConversationTurn> = Vec::new();
    for message in messages {
        match (message.role, turns.last_mut()) {
            (MessageRole::Assistant, Some(turn)) => {
                turn.answer = reasoning::strip(&message.text).to_owned();
            }
            (MessageRole::Assistant, None) => {}
            (MessageRole::User, _) => {
                turns.push(ConversationTurn {
                    question: message.text.clone(),
                    ..Default::default()
                });
            }
        }
    }
    turns.reverse();
    turns
}

impl QuestionContext {
    fn add_document(&mut self, document: Document, text: String) {
        self.sources.push(Source::full_document(document.clone(), &text));
        self.parts.push(Context { title: document.title, text, similarity: None });
    }
}

fn to_context(passage: &Passage, similarity: Option<f32>) -> Context {
    let title = passage.document.title.clone();
    Context { title, text: record::passage_text(passage), similarity }
}
