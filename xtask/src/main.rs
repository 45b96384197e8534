//! The chores of this repository: `cargo xtask <chore>`.
mod certificate;
mod clients;
mod conformance;
mod crash;
mod demo;
mod fuzz;
mod generated;
mod guided;
mod import_check;
mod lancedb;
mod native;
mod plant;
mod postgres;
mod routes;
mod stores;
mod supply;
mod surroundings;
mod tally;
mod test;
mod tidy;
mod traces;
mod vendors;

use std::process::ExitCode;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

const HELP: &str = "\
cargo xtask <chore>

  tidy                checks beyond the compiler's: the crate graph, the size of files, and others
  check               tidy, deny, formatting, lints, generated files
  test [arguments]    all tests, with a temporary PostgreSQL; arguments go to the test runner
  ci                  check, then test, then conformance
  deny                licences, bans, sources and known vulnerabilities of the libraries
  openapi [--check]   writes docs/openapi.json, or checks that it is up to date
  routes              every operation with its method, path, scope and handler
  quirks              writes the table of docs/compatibility.md from the markers in the code
  native              tests the API without the adapter for AnythingLLM's API
  schema <database>   prints the tables that the migrations create, for sqlite or postgres
  fetch-model         fetches the embedding model that the tests use into the cache
  fetch-clients       installs OpenAI's client for Python, which the tests run, into the cache
  conformance [names] replays recorded exchanges of existing clients against this server
  import-check <name> imports a recorded installation and compares the answers with the recorded ones
  fuzz [target] [s]   the fuzz targets, a minute each by default; with --guided by libFuzzer, which needs
                      a nightly compiler
  fuzz-api            every operation of the OpenAPI document, by schemathesis
  vendors [names]     clients of vector databases against the tests' stand-ins, and Milvus' own engine
  traces              the feature `otel`: its lints and its tests
  lancedb             the feature `lancedb`: its libraries, lints and tests; needs protoc
  plant [names]       plants the faults of tests/planted, one at a time; a test must notice each
  crash [n]           kills the server n times (1,000 by default) under load, on each database
  bench [arguments]   the measurements, in a release build
  screenshots [dir]   pictures of every page of the browser interface, into target/screenshots
  lighthouse          Lighthouse on the pages, as a phone; needs Node.js and Chromium
  demo                a server with the sample documents, and an answer from them
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(surroundings::root());
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let takes_arguments = matches!(
        chore.as_str(),
        "test"
            | "openapi"
            | "schema"
            | "bench"
            | "conformance"
            | "crash"
            | "fuzz"
            | "import-check"
            | "plant"
            | "screenshots"
            | "vendors"
    );
    if let Some(extra) = rest.first().filter(|_| !takes_arguments) {
        bail!("`{chore}` takes no arguments, and was given `{extra}`");
    }
    match chore.as_str() {
        "tidy" => tidy::run(&sh),
        "check" => check(&sh),
        "test" => test::run(&sh, &rest),
        "ci" => {
            check(&sh)?;
            test::run(&sh, &[])?;
            conformance::run(&sh, &[])
        }
        "deny" => supply::deny(&sh),
        "openapi" => generated::openapi(&sh, generated::mode(&rest)?),
        "schema" => generated::schema(&sh, &rest),
        "routes" => routes::print(&sh),
        "quirks" => tidy::quirks::write(&sh),
        "native" => native::run(&sh),
        "fetch-model" => test::fetch_model(&sh, &test::build(&sh)?).map(|_| ()),
        "crash" => crash::run(&sh, &rest),
        "fuzz" => fuzz::run(&sh, &rest),
        "fuzz-api" => fuzz::api(&sh),
        "vendors" => vendors::run(&sh, &rest),
        "traces" => traces::run(&sh),
        "lancedb" => lancedb::run(&sh),
        "import-check" => import_check::run(&sh, &rest),
        "plant" => plant::run(&sh, &rest),
        "fetch-clients" => clients::fetch(&sh).map(|python| println!("{}", python.display())),
        "bench" => bench(&sh, &rest),
        "conformance" => conformance::run(&sh, &rest),
        "screenshots" => screenshots(&sh, &rest),
        "lighthouse" => lighthouse(&sh),
        "demo" => demo::run(&sh),
        "" | "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => bail!("there is no chore `{unknown}`\n\n{HELP}"),
    }
}

/// Builds the program and the benchmarks, then runs them.
fn bench(sh: &Shell, arguments: &[String]) -> Result<()> {
    cmd!(sh, "cargo build --release --workspace --bins").run()?;
    let models = test::fetch_model(sh, &surroundings::built(sh, "release")?.join("carrel"))?;
    let mut run = cmd!(sh, "cargo run --release -q -p e2e --bin bench -- {arguments...}");
    if arguments.is_empty() || arguments.iter().any(|which| which == "parsers") {
        run = run.envs(clients::fetch_parsers(sh)?.map(|at| ("CARREL_BENCH_NODE_PACKAGES", at)));
    }
    if arguments.iter().any(|which| which == "languages") {
        run = run.env("CARREL_BENCH_BM25S", clients::fetch_bm25s(sh)?);
    }
    if arguments.iter().any(|which| which == "speech") {
        run = run.env("CARREL_BENCH_LISTENERS", clients::fetch_listeners(sh)?);
    }
    if arguments.iter().any(|which| which == "pictures") {
        run = run.env("CARREL_BENCH_PICTURE_READERS", clients::fetch_picture_readers(sh)?);
    }
    // The databases run until this value is dropped.
    let stores = match arguments.iter().any(|which| which == "stores") {
        true => Some(stores::Stores::start(sh)?),
        false => None,
    };
    run = run.envs(stores.iter().flat_map(|stores| stores.variables()));
    Ok(run.env("CARREL_MODEL_DIR", models).run()?)
}

/// Builds the program and takes screenshots of it with Chromium.
fn screenshots(sh: &Shell, arguments: &[String]) -> Result<()> {
    let carrel = test::build(sh)?;
    let models = test::fetch_model(sh, &carrel)?;
    let usual = surroundings::built(sh, "screenshots")?;
    let into = arguments.first().map_or(usual, std::path::PathBuf::from);
    let run = cmd!(sh, "cargo run -q -p e2e --bin screenshots -- {into}");
    Ok(run.env("CARREL_PROGRAM", carrel).env("CARREL_MODEL_DIR", models).run()?)
}

/// Builds the release program and checks its pages with Lighthouse.
fn lighthouse(sh: &Shell) -> Result<()> {
    let Some(lighthouse) = clients::fetch_lighthouse(sh)? else {
        bail!("Lighthouse needs node and npm; install Node.js 18.20 or later");
    };
    cmd!(sh, "cargo build --release -p carrel-server --bin carrel").run()?;
    let carrel = surroundings::built(sh, "release")?.join("carrel");
    let models = test::fetch_model(sh, &carrel)?;
    let run = cmd!(sh, "cargo run -q -p e2e --bin lighthouse").env("CARREL_PROGRAM", carrel);
    Ok(run.env("CARREL_MODEL_DIR", models).env("CARREL_LIGHTHOUSE", lighthouse).run()?)
}

fn check(sh: &Shell) -> Result<()> {
    tidy::run(sh)?;
    supply::deny(sh)?;
    cmd!(sh, "cargo fmt --all --check").run()?;
    cmd!(sh, "cargo clippy --workspace --all-targets -- -D warnings").run()?;
    traces::check(sh)?;
    generated::openapi(sh, generated::Mode::Check)
}
