//! Reading files in processes of their own, where a file that is made to do harm does it to nobody
//! else: the pool that starts them, and what runs in them.
mod child;
mod confine;
mod pool;
mod queue;
mod reply;

use serde::{Deserialize, Serialize};

pub use child::run;
pub use pool::{Confines, Program, Readers};

use crate::extract::Limits;

/// What a worker is told, as its one argument. The file itself is its standard input.
#[derive(Serialize, Deserialize)]
struct Job {
    extension: String,
    limits: Limits,
    /// The most memory it may take, in bytes.
    memory: u64,
    /// How long it may take.
    seconds: u64,
    /// The process that waits for the answer.
    parent: u32,
}

/// What a worker begins a line of its complaints with that names what confines it less than it might.
const LACKS: &str = "this kernel lacks: ";

/// The lines of text that both ends of the pipe know.
mod said {
    use super::Job;
    use crate::extract::fault::Fault;

    pub fn too_slow(job: &Job) -> Fault {
        Fault::refused(format!(
            "takes longer than the {} seconds allowed to be read (CARREL_PARSE_TIMEOUT).",
            job.seconds
        ))
    }

    pub fn too_big(job: &Job) -> Fault {
        Fault::refused(format!(
            "takes more than the {} bytes of memory allowed to be read (CARREL_PARSE_MEMORY).",
            job.memory
        ))
    }

    pub fn crashed() -> Fault {
        Fault::refused("cannot be read: it is damaged, or made in a way that is not understood.")
    }
}
