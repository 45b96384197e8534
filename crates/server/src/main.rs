//! The binary; everything is in the library.
use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Memory that one thread has taken is used again by others, of which a server has many.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    carrel_server::main()
}
