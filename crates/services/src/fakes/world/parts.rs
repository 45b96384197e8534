//! Documents whose passages are stored in parts.
use async_trait::async_trait;
use carrel_domain::document::{Chunk, Span, Splitter, Splitting};
use carrel_domain::job::queue::{
    ItemOutcome, PartResult, PartialIndexing, PassagePart, Superseded,
};
use carrel_domain::library::{IndexedDocument, NewPassage, Passage, WorkspaceDocument};
use carrel_domain::provenance::Provenance;
use carrel_domain::{ChunkId, Result, TextKind, WorkspaceDocumentId};

use super::World;

impl World {
    /// Assigns the next id to a workspace document.
    pub fn put_place(&self, mut place: WorkspaceDocument) -> WorkspaceDocument {
        let mut places = self.places.lock().unwrap();
        let last = places.last().map_or(0, |place| place.id.0);
        place.id = WorkspaceDocumentId(last + 1);
        places.push(place.clone());
        place
    }

    pub fn note_passages(&self, count: usize) {
        self.written_passages.lock().unwrap().push(count);
    }

    pub fn add_part(&self, part: PassagePart) -> PartResult {
        let PassagePart {
            item,
            passages: IndexedDocument { workspace, passages: new, .. },
            before,
        } = part;
        let Some(document) = self.documents.lock().unwrap().get(&item.path).cloned() else {
            return PartResult::Ended(ItemOutcome::Failed("it is gone".into()));
        };
        let mut stored = before.unwrap_or_else(|| {
            let place = self.places.lock().unwrap().iter().find_map(|place| {
                let is_same = place.workspace == workspace && place.document.path == item.path;
                is_same.then_some(place.id)
            });
            let last_chunk = self.passages.lock().unwrap().last().map_or(-1, |last| last.chunk.0);
            let last_before = ChunkId(last_chunk);
            match place {
                Some(place) => PartialIndexing { place, is_new: false, last_before, stored: 0 },
                None => {
                    let empty =
                        IndexedDocument { workspace, recipe: String::new(), passages: Vec::new() };
                    self.put_places(&document, vec![empty]);
                    let place = self.places.lock().unwrap().last().unwrap().id;
                    PartialIndexing { place, is_new: true, last_before, stored: 0 }
                }
            }
        });
        self.note_passages(new.len());
        let mut passages = self.passages.lock().unwrap();
        for NewPassage { text, span, provenance, vector: _ } in new {
            let chunk = ChunkId(passages.last().map_or(0, |last| last.chunk.0 + 1));
            let (place, ordinal, document) = (stored.place, stored.stored as i32, document.clone());
            passages.push(Passage { chunk, place, ordinal, span, provenance, text, document });
            stored.stored += 1;
        }
        PartResult::Stored(stored)
    }

    /// Returns whether any are left.
    pub fn remove_passages(&self, stored: PartialIndexing, which: Superseded, limit: u32) -> bool {
        let mut remaining = limit as usize;
        self.passages.lock().unwrap().retain(|passage| {
            let is_new = passage.chunk > stored.last_before;
            let is_removed = passage.place == stored.place && is_new == (which == Superseded::New);
            let removed = is_removed && remaining > 0;
            remaining -= usize::from(removed);
            !removed
        });
        self.note_passages(limit as usize - remaining);
        if remaining > 0 && stored.is_new && which == Superseded::New {
            self.places.lock().unwrap().retain(|place| place.id != stored.place);
        }
        remaining == 0
    }

    pub fn finish_parts(&self, stored: PartialIndexing, recipe: String) {
        let mut places = self.places.lock().unwrap();
        let place = places.iter_mut().find(|place| place.id == stored.place);
        place.unwrap().recipe = recipe;
    }
}

#[async_trait]
impl Splitter for World {
    async fn split(&self, text: String, _: TextKind, _: Splitting) -> Result<Vec<Chunk>> {
        // A vertical bar separates chunks.
        let chunk = |text: &str| {
            let span = Span { start: 0, end: text.chars().count() as u32 };
            Chunk { text: text.to_owned(), span, provenance: Provenance::default() }
        };
        Ok(text.split('|').map(chunk).collect())
    }
}
