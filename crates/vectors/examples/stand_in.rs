//! Runs one of the test stubs for its vendor's official client. Prints the stub's address and exits
//! at the end of its input. `cargo xtask vendors` runs it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a tool for tests")]

use std::io::Read;

#[expect(dead_code, reason = "tests use the rest")]
#[path = "../tests/support"]
mod support {
    pub mod qdrant;
    pub mod vendors;
    pub mod wire;
}

use support::vendors;

fn main() {
    let vendor = std::env::args().nth(1).unwrap_or_default();
    let address = match vendor.as_str() {
        "pinecone" => vendors::pinecone::start(0),
        "weaviate" => vendors::weaviate::start(0),
        "astra" => vendors::astra::start(0),
        "qdrant" => support::qdrant::start(),
        "chromacloud" => {
            let chroma = std::env::var("CARREL_TEST_CHROMA").unwrap();
            vendors::chroma_cloud::start(&chroma, 0)
        }
        _ => panic!("no stub for `{vendor}`"),
    };
    println!("{address}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
