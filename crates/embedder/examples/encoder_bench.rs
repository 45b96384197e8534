//! Benchmark of the embedder. Prints one JSON line per figure, in the format of
//! `bench/onnxruntime_reference.py`.
//!
//! Arguments: the model's directory and the number of threads, both optional.
use std::env;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use carrel_domain::model::{Embedder as _, Purpose};
use carrel_domain::{Error, Result};
use carrel_embedder::catalog::{self, MINILM};
use carrel_embedder::{ModelDirectory, NativeEmbedder, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let directory =
        arguments.next().map_or_else(carrel_embedder::testing::model_dir, PathBuf::from);
    let threads = arguments.next().unwrap_or_else(|| "2".into());
    let threads: NonZeroUsize = threads.parse().map_err(Error::internal)?;
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let model = Some(catalog::find(name).unwrap_or(&MINILM));
    let directory = ModelDirectory { path: directory, model };
    let model = NativeEmbedder::new(Options { directory, threads, release_after: None });

    let loading = Instant::now();
    model.embed(&words(1, 0..1), Purpose::Query).await?;
    report("load and first text", loading.elapsed().as_secs_f64() * 1e3, "ms");

    latency(&model, "short query", words(8, 1..2), 200).await?;
    latency(&model, "one long text", words(400, 2..3), 40).await?;
    for batch in [1, 8, 32] {
        let figure = format!("256 tokens, batch {batch}");
        throughput(&model, &figure, words(254, 0..batch), (64 / batch).max(3)).await?;
    }
    let mixed: Vec<String> =
        (0..64).flat_map(|seed| words(1 + (seed * 97) % 300, seed..seed + 1)).collect();
    throughput(&model, "mixed lengths", mixed, 3).await?;
    report("peak memory", peak_megabytes(), "MB");
    Ok(())
}

/// Returns one text per seed. Each word is one token; two special tokens mark the beginning and the
/// end.
fn words(count: usize, seeds: std::ops::Range<usize>) -> Vec<String> {
    const KNOWN: [&str; 13] = [
        "time", "person", "year", "way", "day", "thing", "man", "world", "life", "hand", "part",
        "child", "eye",
    ];
    let word = |seed: usize, index: usize| KNOWN[(seed * 7 + index * index) % KNOWN.len()];
    let text = |seed| (0..count).map(|index| word(seed, index)).collect::<Vec<_>>().join(" ");
    seeds.map(text).collect()
}

fn report(figure: &str, value: f64, unit: &str) {
    println!(
        r#"{{"engine": "carrel", "figure": "{figure}", "value": {value:.3}, "unit": "{unit}"}}"#
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

async fn latency(
    model: &NativeEmbedder,
    figure: &str,
    text: Vec<String>,
    rounds: usize,
) -> Result<()> {
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for round in 0..rounds + 5 {
        let (started, used) = (Instant::now(), cpu_seconds());
        model.embed(&text, Purpose::Query).await?;
        if round >= 5 {
            wall.push(started.elapsed().as_secs_f64() * 1e3);
            cpu.push((cpu_seconds() - used) * 1e3);
        }
    }
    report(&format!("{figure}, wall"), median(wall), "ms");
    report(&format!("{figure}, CPU"), median(cpu), "ms");
    Ok(())
}

async fn throughput(
    model: &NativeEmbedder,
    figure: &str,
    texts: Vec<String>,
    rounds: usize,
) -> Result<()> {
    model.embed(&texts, Purpose::Passage).await?;
    let mut rates = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        model.embed(&texts, Purpose::Passage).await?;
        rates.push(texts.len() as f64 / started.elapsed().as_secs_f64());
    }
    report(figure, median(rates), "texts/s");
    Ok(())
}

/// Returns the CPU time of all threads of this process in seconds, with nanosecond resolution, or 0
/// if the system does not report it.
fn cpu_seconds() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let nanoseconds = threads.filter_map(|thread| {
        let times = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// Returns the peak resident memory of this process in megabytes, or 0 if the system does not
/// report it.
fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
