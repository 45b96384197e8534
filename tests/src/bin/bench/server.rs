//! Measures the server as a whole: memory, start, and requests compared with a bare handler.
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use e2e::Carrel;

use crate::figure::{Figure, median};
use crate::load::{Connection, request};
use crate::process::{processor_time, resident};

pub const KEY: &str = "a-key-for-the-benchmark-012345";
pub const ROUNDS: usize = 7;
const REQUESTS: usize = 20_000;

/// A process that is killed when this value is dropped.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn measure() -> Result<Vec<Figure>> {
    let storage = tempfile::tempdir()?;
    // The first start creates the database; the measured ones reuse it.
    drop(start(storage.path())?);
    let mut figures = Vec::new();
    let mut starts = Vec::new();
    for _ in 0..ROUNDS {
        let (_server, _, milliseconds) = start(storage.path())?;
        starts.push(milliseconds);
    }
    figures.push(Figure::new("start to first answer", median(starts), "ms").at_most(150.0));
    let (server, address, _) = start(storage.path())?;
    std::thread::sleep(Duration::from_secs(2));
    let idle = resident(server.0.id())?;
    figures.push(Figure::new("resident memory, idle, model not loaded", idle, "MB").at_most(40.0));
    figures.extend(authentication(&server, &address)?);
    figures.extend(main_job(&server, &address)?);
    Ok(figures)
}

/// Starts the server and waits for its first response. Returns the duration in milliseconds.
pub fn start(storage: &Path) -> Result<(Running, String, f64)> {
    start_with(storage, &[])
}

/// Works like [`start`], with additional environment variables.
pub fn start_with(storage: &Path, environment: &[(&str, &str)]) -> Result<(Running, String, f64)> {
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let mut carrel = Carrel::new(storage)?.with("CARREL_API_KEY", KEY);
    for (name, value) in environment {
        carrel = carrel.with(name, value);
    }
    let mut command = carrel.command(&["serve", "--listen", &free]);
    let started = Instant::now();
    let server = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    let ask = request("GET", "/v1/auth", KEY, "");
    while started.elapsed() < Duration::from_secs(30) {
        let response = Connection::open(&free).and_then(|mut connection| connection.exchange(&ask));
        if response.is_ok() {
            let milliseconds = started.elapsed().as_secs_f64() * 1e3;
            return Ok((server, free, milliseconds));
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    bail!("the server did not start")
}

fn bare_actix() -> Result<(Running, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg("bare-actix").stdout(Stdio::piped()).spawn()?;
    let mut address = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut address)?;
    Ok((Running(child), address.trim().to_owned()))
}

/// Measures the CPU time of `GET /v1/auth`, and its ratio to the bare handler, in alternation.
fn authentication(server: &Running, address: &str) -> Result<Vec<Figure>> {
    let (reference, reference_address) = bare_actix()?;
    let ask = request("GET", "/v1/auth", KEY, "");
    let (mut costs, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let reference_cost = cost(reference.0.id(), &reference_address, &ask, REQUESTS)?;
        let carrel_cost = cost(server.0.id(), address, &ask, REQUESTS)?;
        costs.push(carrel_cost * 1e6);
        ratios.push(carrel_cost / reference_cost);
    }
    Ok(vec![
        Figure::new("GET /v1/auth", median(costs), "CPU µs"),
        Figure::new("GET /v1/auth beside a bare actix handler", median(ratios), "x").at_most(1.5),
    ])
}

/// Returns the CPU seconds of a process for one of many requests.
pub fn cost(process: u32, address: &str, ask: &[u8], requests: usize) -> Result<f64> {
    let mut connection = Connection::open(address)?;
    connection.exchange(ask)?;
    let start = processor_time(process)?;
    for _ in 0..requests {
        connection.exchange(ask)?;
    }
    Ok((processor_time(process)? - start) / requests as f64)
}

/// Adds one document, asks one question, and measures the memory.
fn main_job(server: &Running, address: &str) -> Result<Vec<Figure>> {
    let mut connection = Connection::open(address)?;
    connection.exchange(&request("POST", "/v1/workspace/new", KEY, "{\"name\":\"bench\"}"))?;
    let text = "Mars has two moons, Phobos and Deimos. ".repeat(60);
    let body = format!(
        "{{\"textContent\":\"{text}\",\"metadata\":{{\"title\":\"moons\"}},\"addToWorkspaces\":\"bench\"}}"
    );
    connection.exchange(&request("POST", "/v1/document/raw-text", KEY, &body))?;
    let ask =
        request("POST", "/v1/workspace/bench/chat", KEY, "{\"message\":\"Which moons has Mars?\"}");
    let mut times = Vec::new();
    for _ in 0..30 {
        let start = processor_time(server.0.id())?;
        connection.exchange(&ask)?;
        times.push((processor_time(server.0.id())? - start) * 1e3);
    }
    let memory = resident(server.0.id())?;
    Ok(vec![
        Figure::new("a question answered by the extractive model", median(times), "CPU ms"),
        Figure::new("resident memory, model loaded", memory, "MB"),
    ])
}
