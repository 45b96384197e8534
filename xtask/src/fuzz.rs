//! Fuzzes the parsers and writers in isolation, and every operation of the API.
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use xshell::{Cmd, Shell, cmd};

use crate::conformance::Running;
use crate::demo::samples;
use crate::postgres::free_port;
use crate::tally::Failed;
use crate::{clients, guided, test};

const KEY: &str = "a-key-for-the-fuzzing-0123456789";

/// Number of generated requests per operation and phase.
const EXAMPLES: &str = "25";

/// Checks that responses have the documented statuses, types and schemas, and that authentication
/// is enforced.
const CONFORMANCE: &str = "status_code_conformance,content_type_conformance,\
    response_schema_conformance,ignored_auth";

/// Parameters that name the sample data.
const KNOWN: &str = "[parameters]\n\"path.slug\" = \"samples\"\n\"path.model\" = \"samples\"\n\
    \"path.workspace_slug\" = \"samples\"\n\"path.folderName\" = \"custom-documents\"\n";

/// Runs fuzz targets: `[--guided] [target] [seconds]`. The default is all targets for a minute
/// each. `--guided` uses coverage.
pub fn run(sh: &Shell, arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((first, rest)) if first == "--guided" => guided::run(sh, rest),
        _ => Ok(cmd!(sh, "cargo run --quiet --package fuzz -- {arguments...}").run()?),
    }
}

/// Runs schemathesis against a server with searchable documents, using the server's own OpenAPI
/// document, and checks the responses against it.
pub fn api(sh: &Shell) -> Result<()> {
    let python = clients::fetch_schemathesis(sh)?;
    let schemathesis = python.with_file_name("schemathesis");
    let carrel = test::build(sh)?;
    let models = test::fetch_model(sh, &carrel)?;
    let directory = sh.create_temp_dir()?;
    let storage = directory.path().join("storage");
    let samples = samples(sh)?;
    let add = cmd!(sh, "{carrel} add samples {samples...} --storage {storage}");
    add.env_clear().env("CARREL_MODEL_DIR", &models).quiet().run()?;
    let enable = cmd!(sh, "{carrel} multi-user enable main-admin --password-stdin --storage");
    enable.arg(&storage).stdin("password-of-the-admin").env_clear().quiet().run()?;
    let port = free_port()?;
    let log = std::fs::File::create(directory.path().join("log"))?;
    let mut serve = Command::new(carrel);
    serve.env_clear().env("CARREL_API_KEY", KEY).env("CARREL_MODEL_DIR", &models);
    serve.arg("serve").arg("--storage").arg(&storage);
    serve.args(["--log", "error", "--listen"]).arg(format!("127.0.0.1:{port}"));
    let _server = Running::start(serve.stdout(Stdio::null()).stderr(log), port)?;

    // No language model is configured, so 503 is expected.
    let rules = directory.path().join("rules.toml");
    let expected = "[\"2xx\", \"3xx\", \"4xx\", \"503\"]";
    let expected = format!("[checks]\nnot_a_server_error.expected-statuses = {expected}\n");
    sh.write_file(&rules, &expected)?;
    // Names of existing data, so that successful responses are checked too.
    let known = directory.path().join("known.toml");
    sh.write_file(&known, expected + KNOWN)?;
    // schemathesis stores data of a run in the current directory.
    let _elsewhere = sh.push_dir(directory.path());
    let document = format!("http://127.0.0.1:{port}/v1/openapi.json");
    let header = format!("Authorization: Bearer {KEY}");
    let passes = |checks: &str, mount: &str, without: &[&str], rules: &Path| {
        let run = cmd!(sh, "{schemathesis} --config-file {rules} run {document} -H {header}");
        let run = run.args(["--checks", checks, "--include-path-regex", mount]);
        // Methods are excluded rather than included: schemathesis combines several inclusions with
        // "or".
        let run = run.args(without.iter().flat_map(|method| ["--exclude-method", method]));
        let run = run.args(["--max-examples", EXAMPLES]);
        let run = run.args(["--phases", "examples,coverage,fuzzing", "--no-shrink"]);
        let run = run.args(["--suppress-health-check", "all", "--continue-on-failure"]);
        // Without this, it would store its findings in the checkout.
        passed(run.args(["--generation-database", "none", "--no-color"]))
    };
    // At `/api`, some refusals are 500 because existing clients expect that; the log distinguishes
    // them from failures.
    let native = format!("not_a_server_error,{CONFORMANCE}");
    let mounts = [("/v1", native.as_str()), ("/api", CONFORMANCE)];
    let mut broken = Vec::new();
    let deletions_last = [(&["DELETE"][..], &known), (&["GET", "PATCH", "POST"][..], &rules)];
    for (without, rules) in deletions_last {
        for (mount, checks) in mounts {
            if !passes(checks, &format!("^{mount}/"), without, rules)? {
                broken.push(format!("{mount} broke a rule"));
            }
        }
    }
    let log_text = sh.read_file(directory.path().join("log"))?;
    let is_failure = |line: &&str| line.contains("panicked") || line.contains("unexpected failure");
    let mut failures: Vec<_> = log_text.lines().filter(is_failure).take(20).collect();
    failures.extend(broken.iter().map(String::as_str));
    if !failures.is_empty() {
        bail!(Failed(format!("the server failed:\n  {}", failures.join("\n  "))));
    }
    Ok(())
}

/// Returns whether a run of schemathesis found no problem.
fn passed(run: Cmd<'_>) -> Result<bool> {
    let status = Command::from(run).status().context("failed to run schemathesis")?;
    match status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => bail!("schemathesis could not be run: {status}"),
    }
}
