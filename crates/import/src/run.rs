//! Runs an import, from reading the source to the report.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use carrel_domain::audit::By;
use carrel_domain::document::{Document, DocumentFiles, Splitter, Splitting};
use carrel_domain::import::{
    ImportProgress, ImportTarget, ImportedRows, Numbered, PastImport, RowStream,
};
use carrel_domain::library::Documents;
use carrel_domain::picture::PictureConverter;
use carrel_domain::{Error, Folder, Result};
use carrel_services::accounts::Passwords;
use carrel_services::indexer::Indexer;
use carrel_services::settings::SettingsStore;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::chats::{Portions, SourceReader};
use crate::configuration::{self, Configuration};
use crate::documents::{self, Scan};
use crate::files::read;
use crate::leftovers;
use crate::pictures::add_pictures;
use crate::placements::{self, KnownDocument, Passages, PlacedRow};
use crate::report::Report;
use crate::row::Row;
use crate::small_tables::{last_ids, small_tables, version};
use crate::source::SourceDatabase;
use crate::tables::{Fate, treatment_of};
use crate::thread_files::{self, ThreadFileRows};
use crate::vectors;

const KIND: &str = "anythingllm";

/// Documents in one portion of rows.
const AT_ONCE: usize = 200;

/// Options of an import.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The storage folder of the other server.
    pub storage: PathBuf,
    /// Its database, if that is PostgreSQL.
    pub database: Option<String>,
    /// Its environment file, if it is not in the usual place.
    pub env: Option<PathBuf>,
    /// Only report what would be imported.
    pub dry_run: bool,
    /// Receives the progress.
    pub progress: ImportProgress,
    /// Reuse the cached vectors if the model is the same.
    pub keep_vectors: bool,
}

/// The largest tables. The progress counts their rows and the documents.
const COUNTED: [&str; 4] = ["workspace_documents", "workspace_chats", "embed_chats", "event_logs"];

#[derive(Debug)]
pub enum ImportOutcome {
    Imported(Report),
    /// The report of a dry run.
    Planned(Report),
    /// The data was imported earlier.
    Earlier(PastImport),
}

/// Imports data. Holds everything that an import writes to.
#[derive(Clone)]
pub struct Importer {
    pub target: Arc<dyn ImportTarget>,
    pub documents: Arc<dyn Documents>,
    pub files: Arc<dyn DocumentFiles>,
    pub splitter: Arc<dyn Splitter>,
    /// Creates the jobs that embed the imported documents later.
    pub indexer: Indexer,
    pub settings: Arc<SettingsStore>,
    pub passwords: Passwords,
    /// Re-encodes pictures.
    pub pictures: Arc<dyn PictureConverter>,
    /// The storage directory of this server.
    pub root: PathBuf,
    /// The folder for a copy of the source's database, which may be large.
    pub scratch: PathBuf,
}

/// The data read before anything is written.
struct Plan {
    reading: SourceReader,
    configuration: Configuration,
    rows: Vec<ImportedRows>,
    thread_files: ThreadFileRows,
    scan: Scan,
    placed: Vec<Row>,
    leftovers: BTreeMap<String, Value>,
    last_ids: BTreeMap<Numbered, i64>,
}

impl Importer {
    /// Runs an import.
    ///
    /// # Errors
    /// Returns [`Error::AlreadyExists`] if this server is already in use, and
    /// [`Error::Unprocessable`] if the source cannot be read. The database is not changed in either
    /// case.
    pub async fn run(&self, options: Options, by: &By) -> Result<ImportOutcome> {
        if let Some(past) = self.target.last_import().await? {
            return Ok(ImportOutcome::Earlier(past));
        }
        let there = self.target.contents().await?;
        if !there.is_empty() && !options.dry_run {
            let there: Vec<_> =
                there.iter().map(|(name, count)| format!("{count} {name}")).collect();
            let reason = format!(
                "this server is in use and has {}; import into an empty storage directory",
                there.join(", ")
            );
            return Err(Error::unprocessable(reason));
        }
        let (this, options_of_task) = (self.clone(), options.clone());
        let now = by.at;
        let plan = tokio::task::spawn_blocking(move || this.plan(&options_of_task, now)).await;
        let plan = plan.map_err(Error::internal)??;
        match options.dry_run {
            true => self.dry_run(&options, plan, now).await.map(ImportOutcome::Planned),
            false => self.execute(&options, plan, by).await.map(ImportOutcome::Imported),
        }
    }

    /// Reads the source, except for its large tables. Blocks.
    fn plan(&self, options: &Options, now: DateTime<Utc>) -> Result<Plan> {
        let file = options.storage.join("anythingllm.db");
        let mut source = match &options.database {
            Some(url) => SourceDatabase::postgres(url)?,
            None => SourceDatabase::sqlite(&file, &self.scratch)?,
        };
        let mut report = Report {
            kind: KIND.to_owned(),
            origin: options.storage.display().to_string(),
            version: version(&mut source)?,
            dry_run: options.dry_run,
            ..Report::default()
        };
        let mut leftovers = BTreeMap::new();
        for table in source.tables() {
            let (treatment, words) = treatment_of(&table);
            let count = source.count(&table)?;
            report.found(&table, words, count);
            if treatment == Fate::Kept && count > 0 {
                let rows = source.all(&table)?;
                report.count_kept(&table, rows.len() as u64);
                let rows = rows.into_iter().map(|row| Value::Object(row.0));
                leftovers.insert(table, Value::Array(rows.collect()));
            }
        }
        let env = configuration::file(&options.storage, options.env.as_deref());
        let labels = source.all("system_settings")?;
        let configuration =
            configuration::read(env.as_deref(), &labels, &self.settings, &mut report)?;
        report.multi_user = configuration.multi_user;
        if !configuration.leftovers.is_empty() {
            leftovers.insert("settings".to_owned(), Value::Object(configuration.leftovers.clone()));
        }
        let mut last_ids = last_ids(&mut source)?;
        let (rows, known) = small_tables(&mut source, &mut last_ids, now, &mut report)?;
        let scan = documents::scan(&options.storage.join("documents"), &mut report)?;
        report.found("documents/", "documents", scan.files.len() as u64);
        let placed = source.all("workspace_documents")?;
        let dropped = source.all(thread_files::TABLE)?;
        let counted = COUNTED.iter().filter_map(|table| report.tables.get(*table));
        let large: u64 = counted.map(|table| table.found).sum();
        options.progress.set_total(large + scan.files.len() as u64);
        let reading = SourceReader {
            source: Arc::new(Mutex::new(source)),
            known: Arc::new(known),
            report: Arc::new(Mutex::new(report)),
            now,
            progress: options.progress.clone(),
        };
        let thread_files = ThreadFileRows::new(dropped, &options.storage, reading.clone());
        Ok(Plan { reading, configuration, rows, thread_files, scan, placed, leftovers, last_ids })
    }

    /// Runs the import without writing anything, for a dry run.
    async fn dry_run(&self, options: &Options, plan: Plan, now: DateTime<Utc>) -> Result<Report> {
        let Plan { reading, configuration, mut rows, thread_files, scan, placed, .. } = plan;
        self.first_rows(options, configuration, &mut rows, &reading).await?;
        let (storage, root) = (options.storage.clone(), self.root.clone());
        let shared = reading.clone();
        let outcome = tokio::task::spawn_blocking(move || {
            let (mut used_ids, mut stored) = (HashSet::new(), HashMap::new());
            for (path, file) in &scan.files {
                shared.progress.add(1);
                if let Some(read) = read(path, file, &mut used_ids, &shared) {
                    stored.insert(path.clone(), summary(&read.document));
                }
            }
            let files = scan.files.iter().map(|(path, _)| path.clone()).collect();
            shared.progress.add(placed.len() as u64);
            shared.report(|report| {
                let cache = placements::cache(&storage);
                let recovered =
                    placements::recovered(&placed, &files, &cache, &mut used_ids, now, report);
                for read in recovered {
                    stored.insert(read.document.path.clone(), summary(&read.document));
                }
                report.imported("documents/", stored.len() as u64);
                placements::rows(placed, &stored, &shared.known, now, report);
            });
            for rows in thread_files.chain(large_tables(&shared)) {
                rows?;
            }
            let mut report = shared.report.lock().unwrap_or_else(PoisonError::into_inner);
            leftovers::copy_files(&storage, &root, &mut report)
        });
        outcome.await.map_err(Error::internal)??;
        Ok(taken_out(&reading))
    }

    /// Adds pictures to `rows`. Returns the rows that precede them.
    async fn first_rows(
        &self,
        options: &Options,
        configuration: Configuration,
        rows: &mut Vec<ImportedRows>,
        reading: &SourceReader,
    ) -> Result<Vec<ImportedRows>> {
        let mut report = taken_out(reading);
        let logo = configuration.logo.as_deref();
        add_pictures(self, &options.storage, logo, rows, &mut report).await?;
        let first = configuration.into_rows(&self.passwords, &mut report).await?;
        general_differences(&mut report);
        reading.report(|shared| *shared = report);
        Ok(first)
    }

    async fn execute(&self, options: &Options, plan: Plan, by: &By) -> Result<Report> {
        let Plan {
            reading,
            configuration,
            mut rows,
            thread_files,
            scan,
            placed,
            mut leftovers,
            last_ids,
        } = plan;
        let splitting = configuration.splitting();
        let environment = configuration.environment.clone();
        let embedder = configuration.embedder();
        let mut first = self.first_rows(options, configuration, &mut rows, &reading).await?;
        first.extend(rows);
        let folders = scan.folders.clone();
        let (documents, payloads) =
            self.store_documents(&options.storage, scan, &placed, &reading).await?;
        if !payloads.is_empty() {
            leftovers.insert("connector-payloads".to_owned(), Value::Object(payloads));
        }
        self.keep(&options.storage, leftovers, environment, &reading).await?;

        let stored: HashMap<_, _> =
            documents.iter().map(|document| (document.path.clone(), summary(document))).collect();
        let mut placed_rows = Vec::new();
        reading.report(|report| {
            report.imported("documents/", documents.len() as u64);
            placed_rows = placements::rows(placed, &stored, &reading.known, by.at, report);
        });
        placed_rows.sort_by(|one, other| one.path.cmp(&other.path));
        let rows = OrderedRows {
            first,
            thread_files,
            folders,
            documents,
            placed: placed_rows,
            splitting,
            last_ids,
        };
        let rows = rows.stream(self, &reading);
        let origin = options.storage.display().to_string();
        let event = by.event("data_imported", json!({ "kind": KIND, "from": origin }).to_string());
        self.target.import(KIND, &origin, rows, event).await?;

        self.settings.reload().await?;
        let mut report = taken_out(&reading);
        if options.keep_vectors {
            vectors::keep(self, &options.storage, embedder.as_ref(), &mut report).await?;
        }
        let folder = leftovers::folder(&self.root);
        let (text, json) = (report.text(), serde_json::to_vec_pretty(&report));
        let json = json.map_err(Error::internal)?;
        leftovers::write(&folder.join("report.txt"), text.as_bytes())
            .and_then(|()| leftovers::write(&folder.join("report.json"), &json))
            .map_err(Error::of_file)?;
        Ok(report)
    }
}

/// The rows to write. Rows only refer to earlier ones.
struct OrderedRows {
    first: Vec<ImportedRows>,
    thread_files: ThreadFileRows,
    folders: Vec<Folder>,
    documents: Vec<Document>,
    placed: Vec<PlacedRow>,
    /// The size of a passage and its overlap with the next, in characters.
    splitting: (usize, usize),
    last_ids: BTreeMap<Numbered, i64>,
}

impl OrderedRows {
    fn stream(self, importer: &Importer, reading: &SourceReader) -> RowStream {
        let (size, overlap) = self.splitting;
        let passages = Passages {
            placed: self.placed.into_iter(),
            files: Arc::clone(&importer.files),
            splitter: Arc::clone(&importer.splitter),
            splitting: Splitting { size, overlap },
            handle: Handle::current(),
            last: None,
            progress: reading.progress.clone(),
        };
        let last = reading.clone();
        let report = std::iter::once_with(move || {
            let report = last.report.lock().unwrap_or_else(PoisonError::into_inner);
            serde_json::to_string(&*report).map(ImportedRows::Report).map_err(Error::internal)
        });
        let documents = batches(self.documents).map(ImportedRows::Documents);
        let small = self.first.into_iter().chain([ImportedRows::Folders(self.folders)]);
        let rows = small
            .chain(documents)
            .map(Ok)
            .chain(self.thread_files)
            .chain(passages)
            .chain(large_tables(reading))
            .chain([Ok(ImportedRows::LastIds(self.last_ids))])
            .chain(report);
        Box::new(rows)
    }
}

/// Returns the rows of the tables that are read in portions.
fn large_tables(reading: &SourceReader) -> impl Iterator<Item = Result<ImportedRows>> + use<> {
    let tables = [Portions::chats, Portions::widget_chats, Portions::events];
    let reading = reading.clone();
    tables.into_iter().flat_map(move |table| table(reading.clone()))
}

fn summary(document: &Document) -> KnownDocument {
    KnownDocument { id: document.id, title: document.title.clone() }
}

fn taken_out(reading: &SourceReader) -> Report {
    reading.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn batches<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let batch: Vec<T> = rows.by_ref().take(AT_ONCE).collect();
        (!batch.is_empty()).then_some(batch)
    })
}

/// Reports the differences that concern every installation.
fn general_differences(report: &mut Report) {
    if report.multi_user {
        report.differ("Everybody signs in again, with the same name and password.");
    } else {
        report.differ("The owner signs in again, with the same password.");
    }
    report.differ("Documents are embedded by jobs. Until those are done, they are found by words.");
    report.differ("Times of documents are read as UTC.");
    report.differ(
        "Events of the other server are in the audit log. Changes to them before the import cannot \
         be detected.",
    );
}
