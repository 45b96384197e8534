//! Runs the language-model server of the tests by hand: no model, always the same answers.
use anyhow::{Result, bail};
use e2e::model_server::{MODELS, ModelServer};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = match arguments.as_slice() {
        [] => "127.0.0.1:18999",
        [flag, address] if flag == "--listen" => address,
        _ => bail!("the only argument is --listen ADDRESS:PORT"),
    };
    let server = ModelServer::listen(address)?;
    println!("{} answers as these models:", server.base_url());
    for (name, behaviour) in MODELS {
        println!("  {name:<10} {behaviour}");
    }
    loop {
        std::thread::park();
    }
}
