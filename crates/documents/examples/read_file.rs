//! Reads one file and measures it: `read_file FILE [MODEL]`. Reads pictures if MODEL is the directory
//! of the OCR model. Prints one line of JSON with the `text` of all its documents, the `refusal` or
//! null, milliseconds of processor time (`cpu_ms`), and peak memory (`memory_kb`).
//! `cargo xtask bench corpus` and `cargo xtask bench pictures` compare it with other programs.
use std::fs;
use std::path::Path;

use carrel_documents::{Limits, Ocr, extract_with_pictures};
use serde_json::json;

fn main() {
    let file = std::env::args_os().nth(1).unwrap_or_default();
    let path = Path::new(&file);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ocr = match std::env::args_os().nth(2) {
        Some(directory) => {
            Ocr::Ready { directory: directory.into(), seconds: 600, languages: String::new() }
        }
        None => Ocr::NoModel,
    };
    let documents = extract_with_pictures(&name, path, Limits::text(64 << 20), &ocr);
    let (text, refusal) = match documents {
        Ok(documents) => {
            let texts: Vec<_> = documents.into_iter().map(|document| document.text).collect();
            (texts.join("\n\n"), None)
        }
        Err(error) => (String::new(), Some(error.to_string())),
    };
    let output = json!({
        "text": text,
        "refusal": refusal,
        "cpu_ms": processor_milliseconds(),
        "memory_kb": most_memory(),
    });
    println!("{output}");
}

/// Returns the CPU time of this process, which has one thread.
fn processor_milliseconds() -> Option<f64> {
    let statistics = fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds: f64 = statistics.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e6)
}

fn most_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
