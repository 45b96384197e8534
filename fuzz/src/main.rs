//! Runs one target, or all of them in turn, for so many seconds with seeds of its own:
//! `fuzz <target|all> [seconds]`. A failure is told with its seed, and its input is kept.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use fuzz::mutate::Mutator;
use fuzz::{TARGETS, Target, corpus};

/// How many inputs come of one seed.
const BATCH: u32 = 500;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "all".to_owned());
    let seconds = arguments.next().map_or(Ok(60), |text| text.parse()).context("seconds")?;
    let chosen: Vec<_> =
        TARGETS.iter().filter(|target| name == "all" || target.name == name).collect();
    anyhow::ensure!(!chosen.is_empty(), "there is no target {name}");
    let mut failed = false;
    for target in chosen {
        failed |= !run(target, Duration::from_secs(seconds))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether every rule held.
fn run(target: &Target, time: Duration) -> Result<bool> {
    let corpus = corpus(target)?;
    let (started, mut inputs) = (Instant::now(), 0u64);
    let first = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    for seed in first.. {
        let mut mutator = Mutator::new(seed);
        for _ in 0..BATCH {
            let input = mutator.mutated(&corpus);
            inputs += 1;
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
                let file = std::env::temp_dir().join(format!("{}-{seed}", target.name));
                std::fs::write(&file, &input)?;
                println!(
                    "{}: broken by seed {seed}; the input is in {}",
                    target.name,
                    file.display()
                );
                return Ok(false);
            }
        }
        if started.elapsed() >= time {
            break;
        }
    }
    println!("{}: {inputs} inputs, every rule held", target.name);
    Ok(true)
}
