//! Measures the time to read documents: `parse_bench FILES...`. Prints one JSON line for each file
//! with the CPU milliseconds of one reading, after some warm-up readings.
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use carrel_documents::{Limits, extract_file};
use serde_json::json;

const WARMING: usize = 10;
/// Milliseconds of repeated readings; the clock of a thread only advances every few milliseconds.
const ENOUGH: f64 = 400.0;

fn main() -> ExitCode {
    let limits = Limits::text(64 << 20);
    for file in std::env::args().skip(1) {
        let path = Path::new(&file);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        for _ in 0..WARMING {
            if let Err(error) = extract_file(&name, path, limits) {
                eprintln!("failed to read {file}: {error}");
                return ExitCode::FAILURE;
            }
        }
        let (before, mut readings) = (processor_milliseconds(), 0);
        let milliseconds = loop {
            let elapsed = processor_milliseconds() - before;
            if elapsed.is_nan() || elapsed >= ENOUGH {
                break elapsed;
            }
            // The file was read successfully before, so only the time matters.
            let _ = extract_file(&name, path, limits);
            readings += 1;
        };
        let value = milliseconds / f64::from(readings);
        println!("{}", json!({ "figure": name, "value": value, "unit": "CPU ms" }));
    }
    ExitCode::SUCCESS
}

/// Returns the CPU time of this thread, which does all of the reading.
fn processor_milliseconds() -> f64 {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split_whitespace().next().and_then(|first| first.parse().ok());
    nanoseconds.unwrap_or(f64::NAN) / 1e6
}
