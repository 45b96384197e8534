//! Imports a recorded installation into a new server and compares the answers: `import_check FOLDER`.
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use e2e::import_check::{Fixture, compare};
use e2e::{Backend, TestServer};

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::args().nth(1).map(PathBuf::from).context("name a folder")?;
    let fixture = Fixture::read(&folder)?;
    let mut server = TestServer::start(Backend::Sqlite).await?;
    server.stop().await?;
    let source = fixture.storage.display().to_string();
    let output = server.carrel().run(&["import", "anythingllm", &source])?;
    println!("{}{}", output.stdout, output.stderr);
    if output.code != Some(0) {
        bail!("the import ended with {:?}", output.code);
    }
    server.run().await?;
    let client = server.admin().with_key(&fixture.key);
    let compared = compare(&client, &fixture.expected).await?;
    for (path, differences) in &compared.different {
        println!("{path}");
        for difference in differences {
            println!("    {difference}");
        }
    }
    println!("{} answers are equal, {} differ", compared.equal, compared.different.len());
    match compared.different.is_empty() {
        true => Ok(()),
        false => bail!("answers differ in what tests/import/differs.tsv does not list"),
    }
}
