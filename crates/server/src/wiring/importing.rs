//! Imports while the server runs.
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::audit::By;
use carrel_domain::import::ImportProgress;
use carrel_domain::{Error, Result};
use carrel_import::{ImportOutcome, Importer, Options};
use carrel_services::background::BackgroundTasks;
use carrel_services::imports::{ImportRunner, Imports};

use crate::config::Config;

struct Runner(Importer);

#[async_trait]
impl ImportRunner for Runner {
    async fn run(
        &self,
        source: PathBuf,
        dry_run: bool,
        by: &By,
        progress: ImportProgress,
    ) -> Result<String> {
        let options = Options { storage: source, dry_run, progress, ..Options::default() };
        match self.0.run(options, by).await? {
            ImportOutcome::Imported(report) | ImportOutcome::Planned(report) => {
                serde_json::to_string(&report).map_err(Error::internal)
            }
            ImportOutcome::Earlier(past) => Ok(past.report),
        }
    }
}

pub fn imports(importer: Importer, config: &Config, tasks: &BackgroundTasks) -> Arc<Imports> {
    let target = importer.target.clone();
    let folder = config.storage.imports();
    Arc::new(Imports::new(Arc::new(Runner(importer)), target, folder, tasks.clone()))
}
