//! Importing another server's data while this one runs: one import at a time, in the background.
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use carrel_domain::audit::By;
use carrel_domain::import::{ImportProgress, ImportTarget};
use carrel_domain::{Error, Result};

use crate::background::BackgroundTasks;

/// Reads another server's data and writes it to this server's database.
#[async_trait]
pub trait ImportRunner: Send + Sync {
    /// Imports the storage folder `source`, or only reports what it would import if `dry_run` is
    /// set. Updates `progress`. Returns the report as JSON. [`Error::Unprocessable`] if this server
    /// is in use.
    async fn run(
        &self,
        source: PathBuf,
        dry_run: bool,
        by: &By,
        progress: ImportProgress,
    ) -> Result<String>;
}

/// The state of an import.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ImportState {
    /// There was no import yet.
    #[default]
    Idle,
    /// The import is running.
    Running {
        /// Whether it is a dry run, which stores nothing.
        dry_run: bool,
    },
    /// The import is complete.
    Finished {
        /// Whether it was a dry run.
        dry_run: bool,
        /// The report, as JSON.
        report: String,
    },
    /// The import failed.
    Failed {
        /// Whether it was a dry run.
        dry_run: bool,
        /// The reason, for the operator.
        reason: String,
    },
}

/// Runs imports in the background, one at a time.
pub struct Imports {
    runner: Arc<dyn ImportRunner>,
    target: Arc<dyn ImportTarget>,
    /// The directory of folders that can be imported.
    folder: PathBuf,
    tasks: BackgroundTasks,
    state: Mutex<ImportState>,
    /// The progress of the running import.
    progress: Mutex<ImportProgress>,
}

/// The maximum number of folders listed for import.
const MAX_FOLDERS: usize = 100;

impl Imports {
    /// Creates an importer that runs on `tasks`.
    pub fn new(
        runner: Arc<dyn ImportRunner>,
        target: Arc<dyn ImportTarget>,
        folder: PathBuf,
        tasks: BackgroundTasks,
    ) -> Self {
        Self { runner, target, folder, tasks, state: Mutex::default(), progress: Mutex::default() }
    }

    /// Starts the import of a folder that the operator has placed in the import directory.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the folder does not exist, [`Error::AlreadyExists`] while an import
    /// is running, [`Error::Unprocessable`] if this server is in use.
    pub async fn start(self: Arc<Self>, source: &str, dry_run: bool, by: &By) -> Result<()> {
        let source = self.source(source)?;
        let contents = self.target.contents().await?;
        let is_imported = self.target.last_import().await?.is_some();
        if !dry_run && !is_imported && !contents.is_empty() {
            let contents: Vec<_> =
                contents.iter().map(|(name, count)| format!("{count} {name}")).collect();
            let contents = contents.join(", ");
            return Err(Error::unprocessable(format!(
                "this server is in use and has {contents}; import into an empty server"
            )));
        }
        let progress = self.begin(dry_run)?;
        let (imports, by) = (self.clone(), by.clone());
        self.tasks.spawn(async move {
            let result_state = match imports.runner.run(source, dry_run, &by, progress).await {
                Ok(report) => ImportState::Finished { dry_run, report },
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "an import failed");
                    ImportState::Failed { dry_run, reason: error.to_string() }
                }
            };
            imports.set(result_state);
        });
        Ok(())
    }

    /// Returns the state of the running or last import.
    pub async fn state(&self) -> Result<ImportState> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if state != ImportState::Idle {
            return Ok(state);
        }
        // Imports by another process or the command line are only in the database.
        let last_import = self.target.last_import().await?;
        Ok(last_import.map_or(ImportState::Idle, |last_import| ImportState::Finished {
            dry_run: false,
            report: last_import.report,
        }))
    }

    /// Returns the number of completed rows and documents of the running import, and the total. The
    /// total is 0 until it is known.
    pub fn progress(&self) -> (u64, u64) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).get()
    }

    /// Returns existing data that an import would mix with, with counts. Empty on a new server.
    pub async fn contents(&self) -> Result<Vec<(&'static str, u64)>> {
        self.target.contents().await
    }

    /// Returns the names of at most 100 folders that can be imported, sorted.
    pub async fn folders(&self) -> Result<Vec<String>> {
        let folder = self.folder.clone();
        let folders = tokio::task::spawn_blocking(move || {
            let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
            let names = entries.flatten().filter(|entry| entry.path().is_dir());
            let names = names.filter_map(|entry| entry.file_name().into_string().ok());
            let mut names: Vec<_> = names.filter(|name| is_name(name)).take(MAX_FOLDERS).collect();
            names.sort();
            names
        });
        folders.await.map_err(Error::internal)
    }

    fn begin(&self, dry_run: bool) -> Result<ImportProgress> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, ImportState::Running { .. }) {
            let kind = "an import is running; wait until it has finished";
            return Err(Error::AlreadyExists { kind, key: String::new() });
        }
        *state = ImportState::Running { dry_run };
        let progress = ImportProgress::default();
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress.clone();
        Ok(progress)
    }

    fn set(&self, state: ImportState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Returns the path of a folder in the import directory. Refuses names that lead elsewhere.
    fn source(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        match is_name(name) && folder.is_dir() {
            true => Ok(folder),
            false => Err(Error::not_found("folder in `import` of the storage directory", name)),
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_usual = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_usual)
}

#[cfg(test)]
mod tests {
    use carrel_domain::audit::Event;
    use carrel_domain::import::{PastImport, RowStream};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::fakes::by;

    /// A server with some users whose imports finish when permitted.
    struct Server {
        users: u64,
        may_end: Semaphore,
    }

    #[async_trait]
    impl ImportRunner for Server {
        async fn run(
            &self,
            source: PathBuf,
            _: bool,
            _: &By,
            progress: ImportProgress,
        ) -> Result<String> {
            progress.set_total(3);
            progress.add(2);
            let _permit = self.may_end.acquire().await.map_err(Error::internal)?;
            match source.ends_with("broken") {
                true => Err(Error::unprocessable("there is no database")),
                false => Ok("{}".to_owned()),
            }
        }
    }

    #[async_trait]
    impl ImportTarget for Server {
        async fn contents(&self) -> Result<Vec<(&'static str, u64)>> {
            Ok(if self.users > 0 { vec![("users", self.users)] } else { Vec::new() })
        }

        async fn last_import(&self) -> Result<Option<PastImport>> {
            Ok(None)
        }

        async fn import(&self, _: &str, _: &str, _: RowStream, _: Event) -> Result<()> {
            Ok(())
        }
    }

    async fn finished_state(imports: &Imports) -> ImportState {
        loop {
            match imports.state().await.unwrap() {
                ImportState::Running { .. } => tokio::task::yield_now().await,
                state => return state,
            }
        }
    }

    #[tokio::test]
    async fn one_import_runs_at_a_time_and_reports_its_result() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["old", "broken"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let start_server = |users| {
            let server = Arc::new(Server { users, may_end: Semaphore::new(0) });
            let path = folder.path().to_owned();
            let tasks = BackgroundTasks::new();
            (server.clone(), Arc::new(Imports::new(server.clone(), server, path, tasks)))
        };
        let (server, imports) = start_server(0);
        assert_eq!(imports.state().await.unwrap(), ImportState::Idle);
        for name in ["", "..", ".", "nope", "../old", "old/", "a/b", "/etc"] {
            let result = imports.clone().start(name, true, &by()).await;
            assert!(matches!(result, Err(Error::NotFound { .. })), "{name}");
        }
        imports.clone().start("old", false, &by()).await.unwrap();
        assert_eq!(imports.state().await.unwrap(), ImportState::Running { dry_run: false });
        assert_eq!(imports.folders().await.unwrap(), ["broken", "old"]);
        let second = imports.clone().start("old", true, &by()).await;
        assert!(matches!(second, Err(Error::AlreadyExists { .. })), "{second:?}");
        server.may_end.add_permits(1);
        let report = "{}".to_owned();
        assert_eq!(
            finished_state(&imports).await,
            ImportState::Finished { dry_run: false, report }
        );
        assert_eq!(imports.progress(), (2, 3));
        imports.clone().start("broken", true, &by()).await.unwrap();
        let reason = "there is no database".to_owned();
        assert_eq!(finished_state(&imports).await, ImportState::Failed { dry_run: true, reason });

        let (_, imports) = start_server(3);
        let result = imports.clone().start("old", false, &by()).await;
        assert!(matches!(result, Err(Error::Unprocessable { .. })), "{result:?}");
        imports.start("old", true, &by()).await.unwrap();
    }
}
