//! Gathers the context of a question: pinned documents, attached documents, retrieved passages, and
//! passages of earlier answers if few were retrieved.
use std::collections::{BTreeSet, HashSet};

use carrel_domain::document::Document;
use carrel_domain::library::Passage;
use carrel_domain::model::{Context, MessageRole};
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId};

use super::attachments::{Attached, BYTES_A_TOKEN};
use super::{Conversations, Question};
use crate::exchange::Source;
use crate::reasoning;
use crate::record::{self, Earlier};
use crate::search::{EarlierTurn, MOST_PASSAGES, Query};

/// The maximum number of pinned documents considered.
const MOST_PINNED: u32 = 64;

/// The context of a question.
pub(super) struct Gathered {
    /// The context, most important first.
    pub context: Vec<Context>,
    /// The sources shown to clients. Passages of earlier answers are not included.
    pub sources: Vec<Source>,
}

/// Gathers the context, in order: pinned documents, attached documents, retrieved passages,
/// passages of earlier answers.
pub(super) async fn gather(
    conversations: &Conversations,
    workspace: &Workspace,
    question: &Question,
    attached: Vec<Attached>,
    past: &[Earlier],
    window: u64,
) -> Result<Gathered> {
    let mut gathered = Gathered { context: Vec::new(), sources: Vec::new() };
    let chosen = conversations.search.chosen(workspace.id, &question.overrides.filter).await?;
    let pinned = add_pinned(conversations, workspace, &chosen, window, &mut gathered).await?;
    let unshown = chosen.excluding(pinned);
    for Attached { document, text } in attached {
        gathered.add_whole(document, text);
    }
    let wanted = question.overrides.passages.or(usize::try_from(workspace.settings.passages).ok());
    let wanted = wanted.unwrap_or(1).clamp(1, MOST_PASSAGES);
    let query = Query {
        text: question.asked().to_owned(),
        limit: Some(wanted),
        earlier: earlier_turns(question, past),
        ..Query::default()
    };
    let hits = conversations.search.nearest_among(workspace, query, unshown.as_deref()).await?;
    let hits = hits.unwrap_or_default();
    let found: HashSet<_> = hits.iter().map(|hit| hit.passage.chunk).collect();
    for hit in hits {
        gathered.context.push(shown(&hit.passage, Some(hit.similarity)));
        gathered.sources.push(Source::Passage(Box::new(hit)));
    }
    if found.len() < wanted {
        let missing = wanted - found.len();
        let earlier = of_earlier_answers(conversations, workspace, past, &found).await?;
        let earlier = earlier.iter().filter(|passage| unshown.contains(passage.place));
        let earlier = earlier.take(missing);
        gathered.context.extend(earlier.map(|passage| shown(passage, None)));
    }
    Ok(gathered)
}

/// Adds the selected pinned documents until they fill the window. Returns the documents added.
async fn add_pinned(
    conversations: &Conversations,
    workspace: &Workspace,
    chosen: &DocumentSelection<Vec<WorkspaceDocumentId>>,
    window: u64,
    gathered: &mut Gathered,
) -> Result<BTreeSet<WorkspaceDocumentId>> {
    let mut room = usize::try_from(window.saturating_mul(BYTES_A_TOKEN)).unwrap_or(usize::MAX);
    let mut added = BTreeSet::new();
    for place in conversations.pins.pinned(workspace.id, MOST_PINNED).await? {
        if room == 0 {
            break;
        }
        if !chosen.contains(place.id) {
            continue;
        }
        // A missing file is reported by the integrity check, not here.
        let Some(mut text) = conversations.files.text(&place.document.path).await? else {
            continue;
        };
        text.truncate(text.floor_char_boundary(room));
        room -= text.len();
        added.insert(place.id);
        gathered.add_whole(place.document, text);
    }
    Ok(added)
}

/// Returns passages used by earlier answers, newest answers first, if they are still in the
/// workspace.
async fn of_earlier_answers(
    conversations: &Conversations,
    workspace: &Workspace,
    past: &[Earlier],
    found: &HashSet<ChunkId>,
) -> Result<Vec<Passage>> {
    let mut seen = found.clone();
    let chunks = past.iter().rev().flat_map(|earlier| &earlier.passages).copied();
    let chunks: Vec<_> = chunks.filter(|chunk| seen.insert(*chunk)).take(MOST_PASSAGES).collect();
    match chunks.is_empty() {
        true => Ok(Vec::new()),
        false => conversations.search.workspace_documents.passages(workspace.id, &chunks).await,
    }
}

/// Returns the history, newest first: the one sent by the client, or else the stored one.
fn earlier_turns(question: &Question, past: &[Earlier]) -> Vec<EarlierTurn> {
    let Some(messages) = &question.overrides.history else {
        return past.iter().rev().map(Earlier::to_search_turn).collect();
    };
    let mut turns: Vec<EarlierTurn> = Vec::new();
    for message in messages {
        match (message.role, turns.last_mut()) {
            (MessageRole::Assistant, Some(turn)) => {
                turn.answer = reasoning::strip(&message.text).to_owned();
            }
            (MessageRole::Assistant, None) => {}
            (MessageRole::User, _) => {
                turns.push(EarlierTurn { question: message.text.clone(), ..Default::default() });
            }
        }
    }
    turns.reverse();
    turns
}

impl Gathered {
    fn add_whole(&mut self, document: Document, text: String) {
        self.sources.push(Source::whole(document.clone(), &text));
        self.context.push(Context { title: document.title, text, similarity: None });
    }
}

fn shown(passage: &Passage, similarity: Option<f32>) -> Context {
    let title = passage.document.title.clone();
    Context { title, text: record::passage_text(passage), similarity }
}
