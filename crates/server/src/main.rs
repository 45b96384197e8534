//! The binary of the library `carrel_server`.
use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Reuses memory that another thread has freed; a server has many threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    carrel_server::main()
}
