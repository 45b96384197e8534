//! What an import writes to.
use std::sync::Arc;

use carrel_import::Importer;

use crate::config::Config;
use crate::wiring::App;

impl App {
    pub fn importer(&self, config: &Config) -> Importer {
        Importer {
            target: self.database.clone(),
            documents: self.database.clone(),
            files: Arc::new(self.files.clone()),
            splitter: self.ports.library.indexer.splitter.clone(),
            settings: self.ports.settings_store.clone(),
            passwords: self.ports.accounts.passwords.clone(),
            root: config.storage.root().to_owned(),
            scratch: config.storage.uploads(),
        }
    }
}
