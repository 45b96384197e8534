//! Imports the settings in the source's environment file and database.
use std::path::{Path, PathBuf};

use carrel_domain::import::ImportedRows;
use carrel_domain::settings::names;
use carrel_domain::{Error, Result};
use carrel_services::accounts::Passwords;
use carrel_services::settings::SettingsStore;
use carrel_services::settings::imported::{
    PreparedSettings, prepare_preferences, prepare_settings,
};
use serde_json::{Map, Value};

use crate::dotenv;
use crate::report::Report;
use crate::row::Row;

/// The variable with the owner's password on a server without users.
const OWNER_PASSWORD: &str = "AUTH_TOKEN";

/// Variables that only concern AnythingLLM, and why they are not imported.
const NOT_OURS: &[(&str, &str)] = &[
    ("DATABASE_URL", "this server has its own"),
    ("GID", "it configures the other server's container"),
    ("JWT_EXPIRY", "sessions last 30 days here"),
    ("JWT_SECRET", "everybody signs in again"),
    ("NODE_ENV", "it configures the other program"),
    ("SERVER_PORT", "use CARREL_LISTEN"),
    ("STORAGE_DIR", "use CARREL_STORAGE"),
    ("UID", "it configures the other server's container"),
];

/// Variables that this server reads from its environment, with the same names and meanings.
const OF_THE_PROCESS: [&str; 11] = [
    "EMBED_REQUIRE_ALLOWLIST",
    "PASSWORDLOWERCASE",
    "PASSWORDMAXCHAR",
    "PASSWORDMINCHAR",
    "PASSWORDNUMERIC",
    "PASSWORDREQUIREMENTS",
    "PASSWORDSYMBOL",
    "PASSWORDUPPERCASE",
    "SIMPLE_SSO_ENABLED",
    "SIMPLE_SSO_NO_LOGIN",
    "SIMPLE_SSO_NO_LOGIN_REDIRECT",
];

/// Keys with which AnythingLLM encrypts. They are kept sealed, together with the data they decrypt.
const ENCRYPTION: [&str; 2] = ["SIG_KEY", "SIG_SALT"];

/// Returns the environment file: the given one, or the one in the usual place of an installation.
pub fn file(storage: &Path, path: Option<&Path>) -> Option<PathBuf> {
    let usual = [Some(storage.join(".env")), storage.parent().map(|above| above.join(".env"))];
    match path {
        Some(file) => Some(file.to_owned()),
        None => usual.into_iter().flatten().find(|file| file.is_file()),
    }
}

/// The settings to store, and the values to keep sealed because this server does not use them yet.
#[derive(Default)]
pub struct Configuration {
    pub rows: Vec<(String, String)>,
    pub owner: Option<String>,
    /// Variables for the environment file of this server.
    pub environment: Vec<(String, String)>,
    pub leftovers: Map<String, Value>,
    pub multi_user: bool,
    /// The file name of the logo.
    pub logo: Option<String>,
}

/// The embedder of the source, if it is a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceEmbedder {
    pub engine: String,
    pub model: Option<String>,
}

impl Configuration {
    /// Returns `None` if the source used its built-in model.
    pub fn embedder(&self) -> Option<SourceEmbedder> {
        let value = |name: &str| {
            let row = self.rows.iter().find(|(variable, _)| variable == name);
            row.map(|(_, value)| value.clone())
        };
        let engine = value("EMBEDDING_ENGINE").filter(|engine| engine != "native")?;
        Some(SourceEmbedder { engine, model: value("EMBEDDING_MODEL_PREF") })
    }
}

pub fn read(
    env: Option<&Path>,
    labels: &[Row],
    store: &SettingsStore,
    report: &mut Report,
) -> Result<Configuration> {
    let mut configuration = Configuration::default();
    match env {
        None => report.leave_out(".env: there is no such file; name it with --env"),
        Some(file) => {
            let text = std::fs::read(file).map_err(|error| {
                Error::unprocessable(format!("failed to read {}: {error}", file.display()))
            })?;
            environment(&String::from_utf8_lossy(&text), store, &mut configuration, report)?;
        }
    }
    preferences(labels, &mut configuration, report);
    Ok(configuration)
}

fn environment(
    text: &str,
    store: &SettingsStore,
    configuration: &mut Configuration,
    report: &mut Report,
) -> Result<()> {
    let mut settings = Vec::new();
    let values = dotenv::parse(text);
    report.found(".env", "settings; secrets are sealed", values.len() as u64);
    for (name, value) in values {
        let named = name.as_str();
        if value.is_empty() {
            report.leave_out(format!(".env {name}: it is empty"));
        } else if named == OWNER_PASSWORD {
            configuration.owner = Some(value);
        } else if let Some((_, reason)) = NOT_OURS.iter().find(|(known, _)| *known == named) {
            report.leave_out(format!(".env {name}: {reason}"));
        } else if OF_THE_PROCESS.contains(&named)
            && value.chars().all(|c| c.is_ascii_alphanumeric())
        {
            report.imported(".env", 1);
            configuration.environment.push((name, value));
        } else if ENCRYPTION.contains(&named) {
            report.count_kept(".env", 1);
            configuration.leftovers.insert(name, value.into());
        } else {
            if named == "VECTOR_DB" && value != "lancedb" {
                report.differ(format!(
                    "Vectors were in {value}. This server makes new ones, stores them in its \
                     database, and fills {value} under its own names."
                ));
            }
            settings.push((name, value));
        }
    }
    let PreparedSettings { rows, refusals, unknown } = prepare_settings(store, &settings)?;
    report.imported(".env", rows.len() as u64);
    for (name, reason) in refusals {
        report.leave_out(format!(".env {name}: {reason}; it is kept sealed"));
        keep(&name, &settings, configuration, report);
    }
    for name in unknown {
        report
            .leave_out(format!(".env {name}: this server has no such setting; it is kept sealed"));
        keep(&name, &settings, configuration, report);
    }
    configuration.rows.extend(rows);
    Ok(())
}

fn keep(
    name: &str,
    settings: &[(String, String)],
    configuration: &mut Configuration,
    report: &mut Report,
) {
    if let Some((_, value)) = settings.iter().find(|(known, _)| known == name) {
        configuration.leftovers.insert(name.to_owned(), value.clone().into());
        report.count_kept(".env", 1);
    }
}

fn preferences(labels: &[Row], configuration: &mut Configuration, report: &mut Report) {
    let mut preferences = Vec::new();
    for row in labels {
        let Some(label) = row.filled("label") else { continue };
        match row.filled("value") {
            None => report.leave_out(format!("system_settings {label}: it has no value")),
            Some(value) if label == "multi_user_mode" => {
                configuration.multi_user = value == "true";
                report.imported("system_settings", 1);
            }
            Some(value) if label == names::LOGO => configuration.logo = Some(value),
            Some(value) => preferences.push((label, value)),
        }
    }
    let PreparedSettings { rows, refusals, unknown } = prepare_preferences(&preferences);
    report.imported("system_settings", rows.len() as u64);
    let unknown = unknown.into_iter().map(|label| {
        let reason = "this server has no such preference".to_owned();
        (label, reason)
    });
    for (label, reason) in refusals.into_iter().chain(unknown) {
        report.leave_out(format!("system_settings {label}: {reason}; it is kept sealed"));
        if let Some((_, value)) = preferences.iter().find(|(known, _)| *known == label) {
            configuration
                .leftovers
                .insert(format!("system_settings.{label}"), value.clone().into());
            report.count_kept("system_settings", 1);
        }
    }
    configuration.rows.extend(rows);
}

impl Configuration {
    /// Returns the rows of settings, and the owner's row if there are no users.
    pub async fn into_rows(
        self,
        passwords: &Passwords,
        report: &mut Report,
    ) -> Result<Vec<ImportedRows>> {
        let mut rows = vec![ImportedRows::Settings(self.rows)];
        match (self.multi_user, self.owner) {
            (true, _) => rows.push(ImportedRows::MultiUser),
            (false, Some(password)) => {
                rows.push(ImportedRows::Owner(passwords.hash(password).await?));
                report.imported(".env", 1);
            }
            (false, None) => report.differ(
                "The server had no password. Set one with the link that `carrel setup-link` prints.",
            ),
        }
        Ok(rows)
    }

    /// Returns the size of a chunk and its overlap with the previous one, in UTF-16 code units.
    pub fn splitting(&self) -> (usize, usize) {
        let number = |name: &str| {
            let row = self.rows.iter().find(|(known, _)| known == name);
            row.and_then(|(_, value)| value.parse::<usize>().ok())
        };
        let size = number(names::CHUNK_SIZE).unwrap_or(1000).clamp(1, 1000);
        (size, number(names::CHUNK_OVERLAP).unwrap_or(20).min(size - 1))
    }
}
