//! Lists of documents and folders.
use std::collections::HashSet;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::folder::{DocumentMove, Folders, ListPosition, ListedDocument};
use carrel_domain::library::RemovedDocument;
use carrel_domain::path::DEFAULT_FOLDER;
use carrel_domain::{DocumentId, DocumentPath, Error, Folder, Result};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{IDS_AT_ONCE, rows, text, time};
use crate::database::schema::{documents, workspace_documents};
use crate::database::sql::StaticSql;
use crate::database::tx_error::{OrRefused, TxError};
use crate::documents::folders;
use crate::documents::list_rows::{self, ListedRow, with_marks};
use crate::documents::originals;
use crate::documents::parts;
use crate::documents::pending_files;
use crate::documents::remove::withdraw_everywhere;
use crate::documents::rows::{lock_to_remove, stored_path};

/// The row number. SQLite reads rows selected by it in file order.
const ROW: StaticSql<BigInt> = StaticSql::new("documents.rowid");
const CHOSEN_ROW: StaticSql<BigInt> = StaticSql::new("chosen.rowid");

/// Loads a page of the documents that match a condition on folder and name, sorted by folder and
/// name. SQLite reads the chosen rows in file order, so that each page of the file is read once,
/// however the documents of a folder are spread over it.
macro_rules! page_of {
    ($conn:expr, $offset:expr, $limit:expr, |$folder:ident, $name:ident| $condition:expr) => {{
        let (offset, limit) = (rows($offset), rows($limit));
        match $conn {
            AnyConnection::Postgres(conn) => {
                let ($folder, $name) = (documents::folder, documents::name);
                let page = list_rows::all().filter($condition).order(($folder, $name));
                page.offset(offset).limit(limit).load::<ListedRow>(conn)
            }
            AnyConnection::Sqlite(conn) => {
                let chosen = diesel::alias!(documents as chosen);
                let $folder = chosen.field(documents::folder);
                let $name = chosen.field(documents::name);
                let page = chosen.filter($condition).order(($folder, $name));
                let page = page.offset(offset).limit(limit).select(CHOSEN_ROW);
                list_rows::all().filter(ROW.eq_any(page)).load(conn).map(list_rows::in_order)
            }
        }
    }};
}

/// Loads documents of a folder with names after `after`.
fn in_folder(
    conn: &mut AnyConnection,
    folder: &str,
    after: &str,
    offset: u64,
    limit: usize,
) -> QueryResult<Vec<ListedRow>> {
    page_of!(conn, offset, limit, |folders, name| folders.eq(folder).and(name.gt(after)))
}

/// Loads documents of all folders after `folder` except the default folder.
fn in_later_folders(
    conn: &mut AnyConnection,
    folder: &str,
    offset: u64,
    limit: usize,
) -> QueryResult<Vec<ListedRow>> {
    page_of!(conn, offset, limit, |folders, _name| {
        folders.gt(folder).and(folders.ne(DEFAULT_FOLDER))
    })
}

/// Returns the paths that have a document or, with `placed`, a document in some workspace.
fn existing_paths(
    conn: &mut AnyConnection,
    mut paths: Vec<DocumentPath>,
    placed: bool,
) -> Result<Vec<DocumentPath>, TxError> {
    let names: Vec<String> = paths.iter().map(|path| path.name().to_owned()).collect();
    let mut there = HashSet::with_capacity(paths.len());
    for names in names.chunks(IDS_AT_ONCE) {
        let named = documents::table
            .filter(documents::name.eq_any(names.to_vec()))
            .select((documents::folder, documents::name));
        let places = workspace_documents::table
            .filter(workspace_documents::document_id.eq(documents::id))
            .select(workspace_documents::id);
        let some: Vec<(String, String)> = match placed {
            true => named.filter(exists(places)).load(conn)?,
            false => named.load(conn)?,
        };
        for (folder, name) in some {
            there.insert(stored_path(&folder, &name)?);
        }
    }
    paths.retain(|path| there.contains(path));
    Ok(paths)
}

/// The maximum number of documents of one file name that are compared. Names contain an id, so
/// duplicates are rare.
const MAX_NAMESAKES: i64 = 100;

/// Returns the workspace and id of every workspace document of a folder.
fn places_in_folder(conn: &mut AnyConnection, folder: &str) -> QueryResult<Vec<(i32, i64)>> {
    workspace_documents::table
        .inner_join(documents::table)
        .filter(documents::folder.eq(folder.to_owned()))
        .select((workspace_documents::workspace_id, workspace_documents::id))
        .load(conn)
}

#[async_trait]
impl Folders for Database {
    async fn folders(&self) -> Result<Vec<Folder>> {
        self.read(folders::all).await
    }

    async fn documents_in(&self, folder: &Folder) -> Result<Option<u64>> {
        let folder = folder.clone();
        self.snapshot(move |conn| {
            let there: Vec<String> = crate::database::schema::folders::table
                .find(folder.as_str().to_owned())
                .select(crate::database::schema::folders::name)
                .load(conn)?;
            if there.is_empty() {
                return Ok(None);
            }
            let in_folder =
                documents::table.filter(documents::folder.eq(folder.as_str().to_owned()));
            let count: i64 = in_folder.count().get_result(conn)?;
            Ok(Some(count.try_into().unwrap_or_default()))
        })
        .await
    }

    async fn list(
        &self,
        from: &ListPosition,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<ListedDocument>> {
        let (from, limit) = (from.clone(), limit as usize);
        self.snapshot(move |conn| {
            let found = match from {
                ListPosition::In { folder, after } => {
                    let after = after.unwrap_or_default();
                    in_folder(conn, folder.as_str(), &after, offset, limit)?
                }
                ListPosition::Elsewhere { after: None } => {
                    in_later_folders(conn, "", offset, limit)?
                }
                ListPosition::Elsewhere { after: Some(path) } => {
                    let mut found = in_folder(conn, path.folder(), path.name(), offset, limit)?;
                    let rest = limit.saturating_sub(found.len());
                    if rest > 0 {
                        found.extend(in_later_folders(conn, path.folder(), 0, rest)?);
                    }
                    found
                }
            };
            Ok(with_marks(conn, found)?)
        })
        .await
    }

    async fn existing(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>> {
        let paths = paths.to_vec();
        self.snapshot(move |conn| existing_paths(conn, paths, false)).await
    }

    async fn in_workspaces(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>> {
        let paths = paths.to_vec();
        self.snapshot(move |conn| existing_paths(conn, paths, true)).await
    }

    async fn by_name(&self, name: &str) -> Result<Option<ListedDocument>> {
        let name = text(name);
        self.snapshot(move |conn| {
            let mut found = list_rows::in_order(on_each_backend!(conn => list_rows::all()
                .filter(documents::name.eq(&name))
                .limit(MAX_NAMESAKES)
                .load(conn))?);
            found.truncate(1);
            Ok(with_marks(conn, found)?.pop())
        })
        .await
    }

    async fn by_id(&self, id: DocumentId) -> Result<Option<ListedDocument>> {
        self.snapshot(move |conn| {
            let found = on_each_backend!(conn => list_rows::all()
                .filter(documents::id.eq(id.to_string()))
                .load(conn))?;
            Ok(with_marks(conn, found)?.pop())
        })
        .await
    }

    async fn create_folder(&self, folder: &Folder, event: Event) -> Result<()> {
        let folder = folder.clone();
        self.write(move |conn| {
            if !folders::make(conn, folder.as_str(), time(event.by.at))? {
                let key = folder.to_string();
                return Err(Error::AlreadyExists { kind: "folder", key }.into());
            }
            audit::record(conn, event)
        })
        .await
    }

    async fn remove_folder(
        &self,
        folder: &Folder,
        event: Event,
    ) -> Result<Option<Vec<RemovedDocument>>> {
        let (folder, of) = (folder.clone(), folder.as_str().to_owned());
        let places = self.read(move |conn| Ok(places_in_folder(conn, &of)?)).await?;
        parts::remove_passages_first(self, places).await?;
        self.write(move |conn| {
            if !folders::lock_to_remove(conn, folder.as_str())? {
                return Ok(None);
            }
            let (ids, mut removed) = lock_contents(conn, &folder)?;
            withdraw_everywhere(conn, &ids, &mut removed)?;
            let now = time(event.by.at);
            pending_files::record_folder(conn, folder.as_str(), now)?;
            let digests = originals::digests_of(conn, &ids)?;
            let in_folder = documents::folder.eq(folder.as_str().to_owned());
            diesel::delete(documents::table.filter(in_folder)).execute(conn)?;
            originals::release(conn, &digests, now)?;
            folders::delete(conn, folder.as_str())?;
            audit::record(conn, event)?;
            Ok(Some(removed))
        })
        .await
    }

    async fn relocate(&self, moves: &[DocumentMove], event: Event) -> Result<()> {
        let mut moves = moves.to_vec();
        moves.sort_by(|a, b| a.from.cmp(&b.from));
        self.write(move |conn| {
            let mut targets: Vec<_> = moves.iter().map(|each| each.to.folder()).collect();
            targets.sort_unstable();
            targets.dedup();
            for folder in targets {
                if !folders::lock_to_use(conn, folder)? {
                    return Err(Error::not_found("folder", folder).into());
                }
            }
            for DocumentMove { from, to } in &moves {
                let Some(id) = lock_to_remove(conn, from)? else {
                    return Err(Error::not_found("document", from).into());
                };
                diesel::update(documents::table.find(id))
                    .set((documents::folder.eq(to.folder()), documents::name.eq(to.name())))
                    .execute(conn)
                    .or_taken("document", to)?;
                pending_files::forget(conn, to)?;
                pending_files::record_intent(conn, from, time(event.by.at))?;
            }
            audit::record(conn, event)
        })
        .await
    }
}

/// Returns the documents of a locked folder and locks them against removal and against being added
/// to workspaces until the transaction ends.
fn lock_contents(
    conn: &mut AnyConnection,
    folder: &Folder,
) -> Result<(Vec<String>, Vec<RemovedDocument>), TxError> {
    let in_folder = documents::table
        .filter(documents::folder.eq(folder.as_str()))
        .order(documents::name)
        .select((documents::id, documents::name));
    let found: Vec<(String, String)> = match conn {
        AnyConnection::Postgres(conn) => in_folder.for_update().load(conn)?,
        AnyConnection::Sqlite(conn) => in_folder.load(conn)?,
    };
    let (mut ids, mut removed) = (Vec::new(), Vec::new());
    for (id, name) in found {
        ids.push(id);
        let path = stored_path(folder.as_str(), &name)?;
        removed.push(RemovedDocument { path, places: Vec::new() });
    }
    Ok((ids, removed))
}
