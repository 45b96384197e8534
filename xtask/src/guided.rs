//! The fuzz targets under libFuzzer, which keeps whatever reaches new code and goes on from there.
//! Needs a nightly compiler.
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::surroundings;

/// Seconds for each target, unless said otherwise.
const USUAL: &str = "60";

/// As `cargo fuzz` has it: edges counted, comparisons seen through, memory watched.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Cllvm-args=-sanitizer-coverage-stack-depth \
    -Zsanitizer=address -Cdebug-assertions";

/// The machine that the nightly compiler makes programs for.
fn host(sh: &Shell) -> Result<String> {
    let told = cmd!(sh, "rustup run nightly rustc -vV").quiet().read();
    let told = told.context("a nightly compiler is needed: rustup toolchain install nightly")?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("the compiler names no machine")?.to_owned())
}

/// `[target] [seconds]`. What was found worth keeping is in the cache, and is where the next run
/// begins; what broke a rule is there too.
pub fn run(sh: &Shell, arguments: &[String]) -> Result<()> {
    let host = host(sh)?;
    let chosen = arguments.first().map_or("all", String::as_str);
    let seconds = arguments.get(1).map_or(USUAL, String::as_str);
    // With the libraries that the program itself is made of, and one or two more.
    sh.copy_file("Cargo.lock", "fuzz/guided/Cargo.lock")?;
    let built = surroundings::built(sh, "guided")?;
    let build = cmd!(sh, "rustup run nightly cargo build --release --target {host}");
    let build = build.args(["--manifest-path", "fuzz/guided/Cargo.toml", "--target-dir"]);
    build.arg(&built).env("RUSTFLAGS", FLAGS).run()?;
    let program = built.join(&host).join("release/rules");
    let kept = surroundings::cache()?.join("fuzz");
    let (mut broken, mut ran) = (Vec::new(), 0);
    for seeds in sh.read_dir("fuzz/corpus")? {
        let name = seeds.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if chosen == "all" || chosen == name {
            let held = target(sh, &program, &seeds, &kept.join(&name), &name, seconds);
            broken.extend(held.err().map(|error| format!("{error:#}")));
            ran += 1;
        }
    }
    ensure!(ran > 0, "there is no target {chosen}");
    if !broken.is_empty() {
        bail!("{}", broken.join("\n"));
    }
    Ok(())
}

fn target(
    sh: &Shell,
    program: &Path,
    seeds: &Path,
    kept: &Path,
    name: &str,
    seconds: &str,
) -> Result<()> {
    sh.create_dir(kept)?;
    let broken = kept.with_extension("broken").join("");
    sh.create_dir(&broken)?;
    let run = cmd!(sh, "{program} {kept} {seeds} -max_total_time={seconds}");
    let run = run.arg(format!("-artifact_prefix={}", broken.display()));
    // The longest input is that of our own mutator. A limit in seconds would be one of the machine.
    let run = run.args(["-max_len=65536", "-rss_limit_mb=2048", "-timeout=300"]);
    let run = run.args(["-print_final_stats=1", "-detect_leaks=0"]);
    run.env("CARREL_FUZZ_TARGET", name).run().with_context(|| format!("{name} broke a rule"))
}
