//! Generates files for people: the API description, which is checked in, and the schema.
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

/// Writes or checks the description of the API, as printed by the server.
pub fn openapi(sh: &Shell, mode: Mode) -> Result<()> {
    let document = cmd!(sh, "cargo run --quiet -p carrel-server --bin carrel -- openapi").read()?;
    settle(sh, "docs/openapi.json", &document, mode, "openapi")
}

/// Prints the tables of a database: its migrations one after another.
pub fn schema(sh: &Shell, arguments: &[String]) -> Result<()> {
    let [database] = arguments else { bail!("the only argument is sqlite or postgres") };
    if !["sqlite", "postgres"].contains(&database.as_str()) {
        bail!("there is no schema for `{database}`; there are sqlite and postgres");
    }
    let mut migrations = sh.read_dir(format!("migrations/{database}"))?;
    migrations.sort();
    for migration in migrations {
        let name = migration.file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("-- {name}\n\n{}\n", sh.read_file(migration.join("up.sql"))?.trim());
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
