//! Measures streamed answers: the memory of many waiting streams, and the cost of relaying one.
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::model_server::ModelServer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use crate::figure::{Figure, median};
use crate::load::{Connection, request};
use crate::process::{processor_time, resident};
use crate::server::{KEY, ROUNDS, Running, start};

const STREAMS: usize = 1000;
const ANSWERS: usize = 100;
/// Questions of one key that wait at once. The server answers at most 64.
const QUESTIONS_PER_KEY: usize = 50;

/// Serves the models of the tests in a separate process, until it is killed.
pub fn serve_models() -> Result<()> {
    allow_files();
    let server = ModelServer::listen("127.0.0.1:0")?;
    println!("{}", server.base_url());
    loop {
        thread::park();
    }
}

fn models() -> Result<(Running, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg("models").stdout(Stdio::piped()).spawn()?;
    let mut address = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut address)?;
    Ok((Running(child), address.trim().to_owned()))
}

pub fn measure() -> Result<Vec<Figure>> {
    allow_files();
    let (_models, base) = models()?;
    let storage = tempfile::tempdir()?;
    let settings = format!(
        "LLM_PROVIDER=generic-openai\nGENERIC_OPEN_AI_BASE_PATH={base}\n\
         GENERIC_OPEN_AI_MODEL_PREF=echo\nGENERIC_OPEN_AI_MODEL_TOKEN_LIMIT=4096\n"
    );
    fs::write(storage.path().join(".env"), settings)?;
    let (server, address, _) = start(storage.path())?;
    let mut connection = Connection::open(&address)?;
    connection.exchange(&request("POST", "/v1/workspace/new", KEY, "{\"name\":\"bench\"}"))?;
    let keys = keys(&mut connection)?;
    let (mut costs, mut first) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        costs.push(relayed(&server, &address)?);
        first.push(first_words(&server, &address, &keys)?);
    }
    let memory = waiting(&server, &address, &keys)?;
    let name = format!("memory that {STREAMS} waiting streams add");
    Ok(vec![
        Figure::new(
            "a streamed answer of twelve parts, from question to end",
            median(costs),
            "CPU ms",
        ),
        Figure::new(
            "from a question to the first part of its answer, the provider's own time left out",
            median(first),
            "CPU ms",
        )
        .at_most(5.0),
        Figure::new(name, memory, "MB").at_most(100.0),
    ])
}

/// Creates enough keys for all streams.
fn keys(connection: &mut Connection) -> Result<Vec<String>> {
    (0..STREAMS.div_ceil(QUESTIONS_PER_KEY))
        .map(|number| {
            let body = format!("{{\"name\":\"bench-{number}\",\"scopes\":[\"chat\"]}}");
            let created =
                connection.exchange(&request("POST", "/v1/admin/api-keys", KEY, &body))?;
            let created: Value = serde_json::from_slice(&created)?;
            Ok(created["api_key"]["secret"]
                .as_str()
                .context("a key without its secret")?
                .to_owned())
        })
        .collect()
}

/// Returns the server's CPU time for one answer in milliseconds. Nothing is searched: the embedding
/// of the question is measured elsewhere.
fn relayed(server: &Running, address: &str) -> Result<f64> {
    let start = processor_time(server.0.id())?;
    for _ in 0..ANSWERS {
        ask(address, KEY, "echo", "finalizeResponseStream")?;
    }
    Ok((processor_time(server.0.id())? - start) * 1e3 / ANSWERS as f64)
}

/// Returns the server's CPU time from a question to the first part of its answer, in milliseconds.
/// The model sends only that part, from another process.
fn first_words(server: &Running, address: &str, keys: &[String]) -> Result<f64> {
    let (mut cpu_time, mut streams) = (0.0, Vec::with_capacity(ANSWERS));
    for number in 0..ANSWERS {
        let start = processor_time(server.0.id())?;
        let key = &keys[number / QUESTIONS_PER_KEY];
        streams.push(ask(address, key, "pausing", "Well, ")?);
        cpu_time += processor_time(server.0.id())? - start;
    }
    drop(streams);
    // Closing the streams is not part of the measurement.
    thread::sleep(Duration::from_secs(1));
    Ok(cpu_time * 1e3 / ANSWERS as f64)
}

/// Returns the memory of waiting streams in MB.
fn waiting(server: &Running, address: &str, keys: &[String]) -> Result<f64> {
    let process = server.0.id();
    let start = resident(process)?;
    let mut streams = Vec::with_capacity(STREAMS);
    for number in 0..STREAMS {
        let key = &keys[number / QUESTIONS_PER_KEY];
        streams.push(ask(address, key, "pausing", "Well, ")?);
    }
    thread::sleep(Duration::from_secs(2));
    let memory = resident(process)? - start;
    drop(streams);
    Ok(memory)
}

/// Asks in a new session, so that no history grows, and reads up to `mark`.
fn ask(address: &str, key: &str, model: &str, mark: &str) -> Result<TcpStream> {
    let session: u64 = std::time::UNIX_EPOCH.elapsed()?.as_nanos() as u64;
    let body = format!(
        "{{\"message\":\"one two three four\",\"mode\":\"chat\",\"model\":\"{model}\",\
         \"sessionId\":\"{session}\"}}"
    );
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(&request("POST", "/v1/workspace/bench/stream-chat", key, &body))?;
    let (mut received, mut part) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&received).contains(mark) {
        let length = stream.read(&mut part)?;
        anyhow::ensure!(length > 0, "ended early: {}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&part[..length]);
    }
    Ok(stream)
}

/// Raises the limit of connections to the system's maximum.
fn allow_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum.or(limit.current), maximum: limit.maximum };
    // If this fails, opening the connections fails too and reports it.
    let _ = setrlimit(Resource::Nofile, raised);
}
