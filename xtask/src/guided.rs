//! Runs the fuzz targets under libFuzzer, which keeps inputs that reach new code and mutates them.
//! Needs a nightly compiler.
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::surroundings;

/// Default number of seconds for each target.
const USUAL: &str = "60";

/// The flags of `cargo fuzz`: count edges, trace comparisons, check memory.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Cllvm-args=-sanitizer-coverage-stack-depth \
    -Zsanitizer=address -Cdebug-assertions";

/// Returns the host triple of the nightly compiler.
fn host(sh: &Shell) -> Result<String> {
    let version = cmd!(sh, "rustup run nightly rustc -vV").quiet().read();
    let version =
        version.context("a nightly compiler is needed: rustup toolchain install nightly")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("the compiler names no machine")?.to_owned())
}

/// Runs fuzz targets: `[target] [seconds]`. The corpus is kept in the cache for the next run, with
/// the inputs that broke a rule.
pub fn run(sh: &Shell, arguments: &[String]) -> Result<()> {
    let host = host(sh)?;
    let chosen = arguments.first().map_or("all", String::as_str);
    let seconds = arguments.get(1).map_or(USUAL, String::as_str);
    // Use the same library versions as the program itself.
    sh.copy_file("Cargo.lock", "fuzz/guided/Cargo.lock")?;
    let built = surroundings::built(sh, "guided")?;
    let build = cmd!(sh, "rustup run nightly cargo build --release --target {host}");
    let build = build.args(["--manifest-path", "fuzz/guided/Cargo.toml", "--target-dir"]);
    build.arg(&built).env("RUSTFLAGS", FLAGS).run()?;
    let program = built.join(&host).join("release/rules");
    let corpora = surroundings::cache()?.join("fuzz");
    let (mut broken, mut ran) = (Vec::new(), 0);
    for seeds in sh.read_dir("fuzz/corpus")? {
        let name = seeds.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if chosen == "all" || chosen == name {
            let outcome = target(sh, &program, &seeds, &corpora.join(&name), &name, seconds);
            broken.extend(outcome.err().map(|error| format!("{error:#}")));
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
    corpus: &Path,
    name: &str,
    seconds: &str,
) -> Result<()> {
    sh.create_dir(corpus)?;
    let broken = corpus.with_extension("broken").join("");
    sh.create_dir(&broken)?;
    let run = cmd!(sh, "{program} {corpus} {seeds} -max_total_time={seconds}");
    let run = run.arg(format!("-artifact_prefix={}", broken.display()));
    // The longest input is the limit of our own mutator. A short time limit would depend on the
    // machine.
    let run = run.args(["-max_len=65536", "-rss_limit_mb=2048", "-timeout=300"]);
    let run = run.args(["-print_final_stats=1", "-detect_leaks=0"]);
    run.env("CARREL_FUZZ_TARGET", name).run().with_context(|| format!("{name} broke a rule"))
}
