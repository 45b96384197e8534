//! The two databases on which every endpoint is tested.
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// Variable with the PostgreSQL server for tests; `skip` omits these tests.
const POSTGRES: &str = "CARREL_TEST_POSTGRES";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// The mode of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A single owner, who signs in with only a password.
    Owner,
    /// Users with names and roles.
    Team,
}

/// A database of one test. A PostgreSQL one is dropped with it.
#[derive(Debug)]
pub enum Database {
    /// In the storage directory, the default.
    Sqlite,
    Postgres {
        server: String,
        name: String,
    },
}

impl Backend {
    /// Whether tests on this backend should run.
    pub fn is_wanted(self) -> bool {
        self == Self::Sqlite || std::env::var(POSTGRES).as_deref() != Ok("skip")
    }

    pub fn create(self) -> Result<Database> {
        if self == Self::Sqlite {
            return Ok(Database::Sqlite);
        }
        let server = std::env::var(POSTGRES)
            .with_context(|| format!("{POSTGRES} is not set; `cargo xtask test` sets it"))?;
        let name = format!(
            "e2e_{:016x}",
            std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), 0)
        );
        psql(&server, &format!("CREATE DATABASE {name}"))?;
        Ok(Database::Postgres { server, name })
    }
}

impl Database {
    /// Returns the value of `DATABASE_URL`, if needed.
    pub fn url(&self) -> Option<String> {
        let Self::Postgres { server, name } = self else { return None };
        let (base, _) = server.rsplit_once('/')?;
        Some(format!("{base}/{name}"))
    }
}

impl Database {
    /// Runs a statement on the server of a PostgreSQL database; `{}` stands for the database's
    /// name.
    pub fn administer(&self, statement: &str) -> Result<()> {
        match self {
            Self::Sqlite => bail!("there is no server"),
            Self::Postgres { server, name } => psql(server, &statement.replace("{}", name)),
        }
    }

    /// Runs the statements of a file in a PostgreSQL database.
    pub fn run_file(&self, file: &Path) -> Result<()> {
        let url = self.url().context("there is no server")?;
        let mut run = Command::new("psql");
        run.args([url.as_str(), "-qX", "-v", "ON_ERROR_STOP=1", "-f"]).arg(file);
        let run = run.output().context("failed to run psql")?;
        ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { server, name } = self {
            // A database that is left behind disappears with the temporary server.
            let _ = psql(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

fn psql(server: &str, statement: &str) -> Result<()> {
    let run = Command::new("psql").args([server, "-qXc", statement]).output();
    let run = run.context("failed to run psql, which comes with PostgreSQL")?;
    if !run.status.success() {
        bail!("{statement} failed: {}", String::from_utf8_lossy(&run.stderr));
    }
    Ok(())
}

/// Writes a test once and runs it on both databases.
#[macro_export]
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::Backend::Sqlite).await
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() -> anyhow::Result<()> {
                match $crate::Backend::Postgres.is_wanted() {
                    true => super::$name($crate::Backend::Postgres).await,
                    false => Ok(()),
                }
            })+
        }
    };
}

/// Writes a test once and runs it for one person and for a team, the latter on both databases.
#[macro_export]
macro_rules! in_both_modes {
    ($($name:ident),+ $(,)?) => {
        mod owner {
            $(#[tokio::test]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::Backend::Sqlite, $crate::Mode::Owner).await
            })+
        }
        mod team {
            $crate::on_both_databases!($($name),+);
            $(async fn $name(backend: $crate::Backend) -> anyhow::Result<()> {
                super::$name(backend, $crate::Mode::Team).await
            })+
        }
    };
}
