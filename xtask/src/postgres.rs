//! A PostgreSQL cluster that exists only while the tests run.
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::certificate;

/// The data need not survive a crash, so writes do not wait for the disk.
const SETTINGS: &str = "-c listen_addresses=127.0.0.1 -c unix_socket_directories='' \
    -c max_connections=300 -c fsync=off -c synchronous_commit=off -c full_page_writes=off";

/// Waits for the end of its input, then removes the cluster. The input ends when this program ends
/// in any way, so an interrupted run leaves nothing behind.
const CARETAKER: &str = r#"cat; "$1/pg_ctl" -D "$2/data" -m immediate -w stop; rm -rf "$2""#;

/// A cluster that runs until this value is dropped.
pub struct Cluster {
    supervisor: Child,
    port: u16,
    /// The certificate of the authority that signed the server's.
    authority: Option<PathBuf>,
}

impl Cluster {
    pub fn start() -> Result<Self> {
        let owner = owner()?;
        let (directory, programs) = (directory(owner)?, programs()?);
        let encrypts = Command::new(programs.join("pg_config")).arg("--configure").output();
        let encrypts = encrypts.is_ok_and(|output| {
            let options = String::from_utf8_lossy(&output.stdout);
            options.contains("--with-openssl") || options.contains("--with-ssl")
        });
        if encrypts {
            certificate::write(&directory, owner)?;
        }
        Self::start_in(directory, owner, &programs)
    }

    /// Works like [`Cluster::start`], with the PostgreSQL of a Python package in `packages`. It is
    /// copied, because its user may not have access to the cache.
    pub fn start_packaged(packages: &Path) -> Result<Self> {
        let owner = owner()?;
        let directory = directory(owner)?;
        let mut copy = Command::new("cp");
        copy.arg("-r").args(["pgserver", "pgserver.libs"].map(|name| packages.join(name)));
        succeed(copy.arg(&directory))?;
        if let Some((user, group)) = owner {
            // The user who removes it must own it.
            let owner = format!("{user}:{group}");
            succeed(Command::new("chown").args(["-R", &owner]).arg(&directory))?;
        }
        let programs = directory.join("pgserver/pginstall/bin");
        Self::start_in(directory, owner, &programs)
    }

    fn start_in(directory: PathBuf, owner: Option<(u32, u32)>, programs: &Path) -> Result<Self> {
        let mut supervisor = run_as(owner, Path::new("sh"));
        supervisor.args(["-c", CARETAKER, "caretaker"]).arg(programs).arg(&directory);
        // A separate process group, so that Ctrl-C in the terminal does not reach it.
        supervisor.stdin(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let supervisor = supervisor.spawn().context("failed to start sh")?;
        let mut cluster = Self { supervisor, port: 0, authority: None };

        let data = directory.join("data");
        let mut initdb = run_as(owner, &programs.join("initdb"));
        initdb.args([
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
            "-D",
        ]);
        succeed(initdb.arg(&data))?;
        // Another process may take the free port before it is used.
        let mut outcome = Ok(());
        for _ in 0..5 {
            cluster.port = free_port()?;
            let mut start = run_as(owner, &programs.join("pg_ctl"));
            start.args(["-w", "-t", "60", "-s", "-o"]);
            let mut settings = format!("{SETTINGS} -p {}", cluster.port);
            let authority = directory.join(certificate::AUTHORITY);
            if authority.exists() {
                let file = |name| directory.join(name).display().to_string();
                let (certificate, key) = (file(certificate::CERTIFICATE), file(certificate::KEY));
                settings.push_str(&format!(
                    " -c ssl=on -c ssl_cert_file={certificate} -c ssl_key_file={key}"
                ));
                cluster.authority = Some(authority);
            }
            start.arg(settings).arg("-D").arg(&data);
            outcome = succeed(start.arg("-l").arg(directory.join("log")).arg("start"));
            if outcome.is_ok() {
                return Ok(cluster);
            }
        }
        let log = fs::read_to_string(directory.join("log")).unwrap_or_default();
        outcome.map(|()| cluster).context(log)
    }

    /// Returns the certificate to trust when verifying the server's; `None` if this PostgreSQL does
    /// not encrypt.
    pub fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// Returns a superuser's URL of the database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

/// Returns the directory with `initdb` and the other programs: from the search path, or the newest
/// one of Debian's packages.
fn programs() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for directory in std::env::split_paths(&path) {
        if let Some(directory) = siblings(&directory) {
            return Ok(directory);
        }
    }
    let versions = match fs::read_dir("/usr/lib/postgresql") {
        Ok(versions) => versions.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(),
    };
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.into_iter().filter(|path| siblings(&path.join("bin")).is_some());
    match newest.max_by_key(version) {
        Some(newest) => Ok(newest.join("bin")),
        None => bail!(
            "PostgreSQL is not installed: `./setup test` does so, or name a server in CARREL_TEST_POSTGRES"
        ),
    }
}

/// Returns the real directory of `initdb` in `directory`, if the other programs are in it too.
fn siblings(directory: &Path) -> Option<PathBuf> {
    let real = directory.join("initdb").canonicalize().ok()?;
    let real = real.parent()?;
    (real.join("pg_ctl").is_file() && real.join("postgres").is_file()).then(|| real.to_owned())
}

/// Returns the user and group to run as. PostgreSQL refuses to run as root, so root uses the user
/// `postgres`.
fn owner() -> Result<Option<(u32, u32)>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let line =
        line.context("there is no user `postgres`, and PostgreSQL refuses to run as root")?;
    let mut fields = line.split(':').skip(2).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok(Some((user, group))),
        _ => bail!("the entry of `postgres` in /etc/passwd cannot be read"),
    }
}

/// Creates a directory that only `owner` can enter.
fn directory(owner: Option<(u32, u32)>) -> Result<PathBuf> {
    for number in 0..1000 {
        let name = format!("carrel-postgres-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        match fs::create_dir(&directory) {
            Ok(()) => {
                if let Some((user, group)) = owner {
                    chown(&directory, Some(user), Some(group))?;
                }
                return Ok(directory);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).context("failed to make a temporary directory"),
        }
    }
    bail!("the temporary directory is full of clusters left by others")
}

fn run_as(owner: Option<(u32, u32)>, program: &Path) -> Command {
    let mut command = Command::new(program);
    // The other user may not have access to the current directory, and PG* variables name other
    // servers.
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// Returns a port that is free at this moment.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_cluster_answers_until_it_is_dropped_and_leaves_nothing_behind() {
        if programs().is_err() {
            return; // The tests were given a server elsewhere.
        }
        let cluster = Cluster::start().unwrap();
        let port = cluster.port;
        assert_eq!(cluster.url(), format!("postgres://postgres@127.0.0.1:{port}/postgres"));
        TcpStream::connect(("127.0.0.1", port)).unwrap();
        let own = format!("carrel-postgres-{}-", std::process::id());
        let left = || {
            let entries = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
            entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&own)).count()
        };
        assert_eq!(left(), 1);
        drop(cluster);
        assert_eq!(left(), 0);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
