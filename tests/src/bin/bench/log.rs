//! Measures administration: the list of users, the chat log, and an export of it.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::database::{Copy, execute};
use crate::figure::{Figure, median};
use crate::load::{Connection, request};
use crate::process::{OwnMemory, processor_time};
use crate::server::{KEY, ROUNDS, Running, cost, start};

const USERS: usize = 100;
const PAGED_CHATS: usize = 10_000;
const EXPORTED_CHATS: usize = 100_000;
const MILLION: usize = 1_000_000;

pub fn measure() -> Result<Vec<Figure>> {
    let storage = tempfile::tempdir()?;
    let (server, address, _) = start(storage.path())?;
    let mut figures = vec![users(&server, &address)?];
    seed(storage.path(), PAGED_CHATS)?;
    figures.push(page(&server, &address)?);
    figures.push(first_export(&server, &address)?);
    seed(storage.path(), EXPORTED_CHATS - PAGED_CHATS)?;
    drop(server);
    let (server, address, _) = start(storage.path())?;
    figures.extend(exports(&server, &address, storage.path())?);
    Ok(figures)
}

/// Measures an export of a million exchanges (about 4.5 GB of disk): its memory, and the delay of
/// other requests meanwhile.
pub fn measure_million() -> Result<Vec<Figure>> {
    let storage = tempfile::tempdir()?;
    drop(start(storage.path())?);
    seed(storage.path(), MILLION)?;
    let (server, address, _) = start(storage.path())?;
    let id = server.0.id();
    let memory = OwnMemory::observe(id)?;
    let start = processor_time(id)?;
    let idle_waits = latencies(&address, || {
        std::thread::sleep(Duration::from_secs(5));
        Ok(())
    })?;
    let export_waits = latencies(&address, || {
        let bytes = download(&address, "/v1/system/export-chats?type=jsonl")?;
        ensure!(bytes > 4_000_000_000, "the export was cut off after {bytes} bytes");
        Ok(())
    })?;
    let wait = |name: &str, value| Figure::new(name, value, "ms");
    Ok(vec![
        Figure::new("export of 1,000,000 exchanges", processor_time(id)? - start, "CPU s"),
        Figure::new("own memory over idle meanwhile", memory.growth()?, "MB").at_most(20.0),
        wait("GET /v1/auth meanwhile, median", median(export_waits.clone())),
        wait("GET /v1/auth meanwhile, longest", maximum(&export_waits)),
        wait("GET /v1/auth on an idle server, longest", maximum(&idle_waits)),
    ])
}

fn maximum(times: &[f64]) -> f64 {
    times.iter().copied().fold(0.0, f64::max)
}

/// Returns the durations of `GET /v1/auth` in milliseconds, a hundred times a second while `work`
/// runs.
fn latencies(address: &str, work: impl FnOnce() -> Result<()>) -> Result<Vec<f64>> {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut connection = Connection::open(address)?;
            let ask = request("GET", "/v1/auth", KEY, "");
            let mut times = Vec::new();
            while !is_done.load(Ordering::Relaxed) {
                let sent_at = Instant::now();
                connection.exchange(&ask)?;
                times.push(sent_at.elapsed().as_secs_f64() * 1e3);
                std::thread::sleep(Duration::from_millis(10));
            }
            anyhow::Ok(times)
        });
        let worked = work();
        is_done.store(true, Ordering::Relaxed);
        let times = watch.join().map_err(|_| anyhow::anyhow!("the watch stopped"))?;
        worked.and(times)
    })
}

fn users(server: &Running, address: &str) -> Result<Figure> {
    let mut connection = Connection::open(address)?;
    let user = |name: &str| format!("{{\"username\":\"{name}\",\"password\":\"correct horse\"}}");
    connection.exchange(&request(
        "POST",
        "/v1/admin/enable-multi-user",
        KEY,
        &user("main-admin"),
    ))?;
    for number in 1..USERS {
        let body = user(&format!("user-{number}"));
        connection.exchange(&request("POST", "/v1/admin/users/new", KEY, &body))?;
    }
    let list = request("GET", "/v1/admin/users", KEY, "");
    Ok(Figure::new(
        "GET /v1/admin/users, 100 users",
        milliseconds(server, address, &list)?,
        "CPU ms",
    )
    .at_most(0.1))
}

fn page(server: &Running, address: &str) -> Result<Figure> {
    let page = request("POST", "/v1/admin/workspace-chats", KEY, "{\"offset\":0}");
    let name = "a page of 20 of 10,000 exchanges";
    Ok(Figure::new(name, milliseconds(server, address, &page)?, "CPU ms").at_most(0.35))
}

fn milliseconds(server: &Running, address: &str, ask: &[u8]) -> Result<f64> {
    let rounds: Result<Vec<_>> =
        (0..ROUNDS).map(|_| cost(server.0.id(), address, ask, 1000)).collect();
    Ok(median(rounds?) * 1e3)
}

/// Writes exchanges of about 4.5 kB directly to the database.
fn seed(storage: &Path, count: usize) -> Result<()> {
    let text = "Mars has two moons, Phobos and Deimos. ".repeat(110);
    let sql = format!(
        "INSERT OR IGNORE INTO workspaces (id, slug, name, history, least_similarity, passages, chat_mode, search_mode, created_at, updated_at)
         VALUES (1, 'bench', 'Bench', 20, 0.25, 4, 'chat', 'default', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000');
         WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
         INSERT INTO chats (workspace_id, session, prompt, response, include, created_at, updated_at)
         SELECT 1, 's' || (n % 1000), 'Question ' || n,
                '{{\"text\":\"{text}\",\"sources\":[],\"type\":\"chat\",\"attachments\":[],\"metrics\":{{}}}}', 1,
                '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000' FROM numbers;"
    );
    execute(storage, &sql)
}

fn first_export(server: &Running, address: &str) -> Result<Figure> {
    let start = processor_time(server.0.id())?;
    let bytes = download(address, "/v1/system/export-chats?type=jsonl")?;
    ensure!(bytes > 40_000_000, "the export was cut off after {bytes} bytes");
    let cpu_time = processor_time(server.0.id())? - start;
    Ok(Figure::new("export of 10,000 exchanges as jsonl", cpu_time, "CPU s"))
}

fn exports(server: &Running, address: &str, storage: &Path) -> Result<Vec<Figure>> {
    let id = server.0.id();
    let memory = OwnMemory::observe(id)?;
    let reference = Copy::of(storage, &["chats", "workspaces"])?.select(CHATS)?;
    let mut figures =
        vec![Figure::new("sqlite3 selecting 100,000 exchanges to a file", reference, "CPU s")];
    for kind in ["jsonl", "json", "csv", "jsonAlpaca"] {
        let start = processor_time(id)?;
        let bytes = download(address, &format!("/v1/system/export-chats?type={kind}"))?;
        let cpu_time = processor_time(id)? - start;
        ensure!(bytes > 400_000_000, "the export was cut off after {bytes} bytes");
        figures.push(Figure::new(
            format!("export of 100,000 exchanges as {kind}"),
            cpu_time,
            "CPU s",
        ));
        let name = format!("export as {kind} beside sqlite3");
        figures.push(Figure::new(name, cpu_time / reference, "x").at_most(2.0));
    }
    let name = "own memory over idle during exports";
    figures.push(Figure::new(name, memory.growth()?, "MB").at_most(20.0));
    Ok(figures)
}

/// Reads and discards a response. Returns its length in bytes.
pub fn download(address: &str, path: &str) -> Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\n\r\n"
    )?;
    let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(bytes),
            bytes_read => bytes += bytes_read as u64,
        }
    }
}

/// The query for the rows of an export.
const CHATS: &str = "SELECT c.id, w.name, c.prompt, c.response, c.created_at, c.feedback FROM chats c \
    LEFT JOIN workspaces w ON w.id = c.workspace_id ORDER BY c.id";
