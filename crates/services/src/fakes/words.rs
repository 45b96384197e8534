//! Full-text search and filters in memory.
use async_trait::async_trait;
use carrel_domain::filter::{FilterHint, FilterRow, FilterRows};
use carrel_domain::lexical::{Lexical, Postings, PostingsQuery};
use carrel_domain::{Result, WorkspaceDocumentId, WorkspaceId};

use super::world::World;

/// Every selected passage matches every word.
#[async_trait]
impl Lexical for World {
    async fn postings(&self, query: PostingsQuery<'_>) -> Result<(u64, Vec<Postings>)> {
        let passages = self.passages.lock().unwrap();
        let selected = passages.iter().filter(|passage| query.among.contains(passage.place));
        let chunks: Vec<_> = selected.map(|passage| passage.chunk).collect();
        let list = Postings { chunks, cut: false };
        Ok((passages.len() as u64, vec![list; query.groups.len()]))
    }
}

/// No document matches any name.
#[async_trait]
impl FilterRows for World {
    async fn filter_rows(
        &self,
        _: WorkspaceId,
        _: FilterHint<'_>,
        _: Option<WorkspaceDocumentId>,
        _: usize,
    ) -> Result<Vec<FilterRow>> {
        Ok(Vec::new())
    }
}
