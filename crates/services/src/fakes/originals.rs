//! Originals in memory.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use carrel_domain::original::{
    Original, OriginalFiles, OriginalName, OriginalRecords, OriginalsSize, PageImage, PageRenderer,
};
use carrel_domain::{Error, Result};
use chrono::{DateTime, Utc};

use super::world::World;

/// Whether an original is reserved (and since when), committed or released.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Reserved(DateTime<Utc>),
    Stored,
    Released,
}

/// The records and files of originals in memory.
#[derive(Default)]
pub struct FakeOriginals {
    pub rows: Mutex<BTreeMap<OriginalName, (Original, State)>>,
    pub files: Mutex<BTreeMap<OriginalName, Vec<u8>>>,
    pub room: Mutex<Option<u64>>,
}

#[async_trait]
impl OriginalFiles for World {
    async fn put(&self, name: OriginalName, from: &Path) -> Result<()> {
        self.check("original")?;
        let content = std::fs::read(from).map_err(Error::of_file)?;
        self.originals.files.lock().unwrap().insert(name, content);
        Ok(())
    }

    async fn open(&self, name: OriginalName) -> Result<Option<File>> {
        let content = self.originals.files.lock().unwrap().get(&name).cloned();
        let open = |content: Vec<u8>| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&content).unwrap();
            file.rewind().unwrap();
            file
        };
        Ok(content.map(open))
    }

    async fn delete(&self, name: OriginalName) -> Result<()> {
        self.originals.files.lock().unwrap().remove(&name);
        Ok(())
    }

    async fn room(&self) -> Result<Option<u64>> {
        Ok(*self.originals.room.lock().unwrap())
    }
}

#[async_trait]
impl PageRenderer for World {
    async fn render_page(&self, _: File, page: u32, _: &str) -> Result<PageImage> {
        Err(Error::not_found("page", page))
    }
}

/// Releases originals without documents, as removing a document does.
pub fn release_originals(world: &World) {
    for (original, state) in world.originals.rows.lock().unwrap().values_mut() {
        if *state == State::Stored && !is_original(world, original) {
            *state = State::Released;
        }
    }
}

fn is_original(world: &World, original: &Original) -> bool {
    let documents = world.documents.lock().unwrap();
    documents.values().any(|document| document.origin.digest == Some(original.digest))
}

fn stored_original(world: &World, digest: [u8; 32]) -> Option<Original> {
    let rows = world.originals.rows.lock().unwrap();
    let is_stored = |(original, state): &&(Original, State)| {
        *state == State::Stored && original.digest == digest
    };
    rows.values().find(is_stored).map(|(original, _)| original.clone())
}

#[async_trait]
impl OriginalRecords for World {
    async fn reserve(&self, original: &Original, quota: u64, now: DateTime<Utc>) -> Result<bool> {
        let mut rows = self.originals.rows.lock().unwrap();
        let used: u64 = rows.values().map(|(original, _)| original.bytes).sum();
        if used + original.bytes > quota {
            return Ok(false);
        }
        rows.insert(original.name, (original.clone(), State::Reserved(now)));
        Ok(true)
    }

    async fn commit_or_release(&self, name: OriginalName) -> Result<bool> {
        let Some((original, state)) = self.originals.rows.lock().unwrap().get(&name).cloned()
        else {
            return Ok(false);
        };
        let is_stored = match state {
            State::Stored => true,
            State::Released => false,
            State::Reserved(_) => {
                is_original(self, &original) && stored_original(self, original.digest).is_none()
            }
        };
        let state = if is_stored { State::Stored } else { State::Released };
        self.originals.rows.lock().unwrap().insert(name, (original, state));
        Ok(is_stored)
    }

    async fn of(&self, digest: [u8; 32]) -> Result<Option<Original>> {
        Ok(stored_original(self, digest))
    }

    async fn pending(&self, before: DateTime<Utc>) -> Result<Vec<OriginalName>> {
        let rows = self.originals.rows.lock().unwrap();
        let is_pending = |state: &State| match state {
            State::Reserved(at) => *at < before,
            State::Stored => false,
            State::Released => true,
        };
        let pending = rows.iter().filter(|(_, (_, state))| is_pending(state));
        Ok(pending.map(|(name, _)| *name).collect())
    }

    async fn forget(&self, name: OriginalName) -> Result<()> {
        self.originals.rows.lock().unwrap().remove(&name);
        Ok(())
    }

    async fn size(&self) -> Result<OriginalsSize> {
        let rows = self.originals.rows.lock().unwrap();
        let stored = rows.values().filter(|(_, state)| *state == State::Stored);
        let bytes = stored.clone().map(|(original, _)| original.bytes).sum();
        Ok(OriginalsSize { files: stored.count() as u64, bytes })
    }
}

/// Returns a library that stores originals up to `quota` bytes.
pub fn keeping(quota: u64) -> Arc<World> {
    let world = World::default();
    *world.originals_quota.lock().unwrap() = Some(quota);
    Arc::new(world)
}
