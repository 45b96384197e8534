//! Files that are written by a program and checked in for people to read.
use anyhow::{Result, bail};
use xshell::{Shell, cmd};

#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    Write,
    Check,
}

pub fn mode(arguments: &[String]) -> Result<Mode> {
    match arguments {
        [] => Ok(Mode::Write),
        [flag] if flag == "--check" => Ok(Mode::Check),
        _ => bail!("the only argument is --check"),
    }
}

/// The description of the API, as the server itself gives it.
pub fn openapi(sh: &Shell, mode: Mode) -> Result<()> {
    let document = cmd!(sh, "cargo run --quiet -p carrel-server --bin carrel -- openapi").read()?;
    settle(sh, "docs/openapi.json", &document, mode, "openapi")
}

/// The tables, for each database: its migrations one after another.
pub fn schema(sh: &Shell, mode: Mode) -> Result<()> {
    for database in ["sqlite", "postgres"] {
        let mut migrations = sh.read_dir(format!("migrations/{database}"))?;
        migrations.sort();
        let mut schema =
            format!("-- All migrations for {database}, in order. Written by `cargo xtask schema`.");
        for migration in migrations {
            let name = migration.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let up = sh.read_file(migration.join("up.sql"))?;
            schema.push_str(&format!("\n\n-- {name}\n\n{}", up.trim()));
        }
        settle(sh, &format!("docs/schema/{database}.sql"), &schema, mode, "schema")?;
    }
    Ok(())
}

fn settle(sh: &Shell, path: &str, content: &str, mode: Mode, chore: &str) -> Result<()> {
    let content = format!("{}\n", content.trim_end());
    match mode {
        Mode::Write => Ok(sh.write_file(path, content)?),
        Mode::Check if sh.read_file(path).is_ok_and(|found| found == content) => Ok(()),
        Mode::Check => bail!("{path} is not up to date: run `cargo xtask {chore}`"),
    }
}
