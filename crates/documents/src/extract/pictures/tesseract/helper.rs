//! The process that runs Tesseract for a worker, which must not start processes itself. It receives
//! pictures and returns tables over standard input and output, and ends with the worker.
use std::cell::RefCell;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Duration;

use carrel_ocr::MAX_POINTS;
use serde::{Deserialize, Serialize};

use super::{GrayPage, LARGEST_OUTPUT, Runner, Tesseract, TesseractError};

/// The longest line between worker and helper, in bytes.
const LONGEST_LINE: u64 = 64 << 10;

/// The job of a helper, passed as its only argument.
#[derive(Serialize, Deserialize)]
pub struct HelperJob {
    pub tesseract: Tesseract,
    /// Memory limit of the program, in bytes.
    pub memory: u64,
    /// Limit of CPU time for one picture, in seconds.
    pub processor_seconds: u64,
}

/// The header of a picture; its pixels follow.
#[derive(Serialize, Deserialize)]
struct Request {
    width: usize,
    height: usize,
    milliseconds: u64,
}

/// The header of a table; its bytes follow.
#[derive(Serialize, Deserialize)]
struct Reply {
    length: u64,
    missing: Vec<String>,
}

/// A running helper. It ends when this value is dropped.
pub struct Helper(RefCell<Pipes>);

struct Pipes {
    _process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Helper {
    /// Starts this program again, as a helper.
    pub fn start(job: &HelperJob) -> io::Result<Self> {
        let mut arguments: Vec<_> = env::args_os().skip(1).collect();
        // The last argument is the job of this process.
        arguments.pop();
        // This path works even after an update has replaced the program's file.
        let running = PathBuf::from("/proc/self/exe");
        let program = if running.exists() { running } else { env::current_exe()? };
        let mut command = Command::new(program);
        command.args(arguments).arg(serde_json::to_string(job)?);
        // Otherwise the reader of this process's standard error would wait for the helper too.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn()?;
        let no_pipes = || io::Error::other("a helper has no pipes");
        let to = process.stdin.take().ok_or_else(no_pipes)?;
        let from = process.stdout.take().ok_or_else(no_pipes)?;
        Ok(Self(RefCell::new(Pipes { _process: process, to, from: BufReader::new(from) })))
    }

    pub fn read(
        &self,
        page: &GrayPage,
        time: Duration,
    ) -> Result<(String, Vec<String>), TesseractError> {
        let answered = self.0.borrow_mut().ask(page, time);
        answered.unwrap_or_else(|error| Err(TesseractError::Failed(error.to_string())))
    }
}

impl Pipes {
    fn ask(
        &mut self,
        page: &GrayPage,
        time: Duration,
    ) -> io::Result<Result<(String, Vec<String>), TesseractError>> {
        let GrayPage { width, height, points } = page;
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let request = Request { width: *width, height: *height, milliseconds };
        write_line(&mut self.to, &request)?;
        self.to.write_all(points)?;
        self.to.flush()?;
        let reply: Result<Reply, TesseractError> = read_line(&mut self.from)?;
        let Reply { length, missing } = match reply {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(error)),
        };
        let mut table = String::new();
        (&mut self.from).take(length.min(LARGEST_OUTPUT)).read_to_string(&mut table)?;
        Ok(Ok((table, missing)))
    }
}

/// Serves a worker on standard input and output until it ends.
pub fn serve(job: HelperJob) -> ExitCode {
    let runner = Runner::here(job.tesseract);
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    loop {
        match answer(&runner, &mut from, &mut to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return ExitCode::SUCCESS,
            Err(_) => return ExitCode::FAILURE,
        }
    }
}

fn answer(runner: &Runner, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    let Request { width, height, milliseconds } = read_line(from)?;
    let count = width.checked_mul(height).filter(|count| *count <= MAX_POINTS);
    let count = count.ok_or_else(|| io::Error::other("a picture is too large"))?;
    let mut points = vec![0; count];
    from.read_exact(&mut points)?;
    let page = GrayPage { width, height, points };
    match runner.read(&page, Duration::from_millis(milliseconds)) {
        Ok((table, missing)) => {
            let reply = Reply { length: table.len() as u64, missing };
            write_line(to, &Ok::<_, TesseractError>(reply))?;
            to.write_all(table.as_bytes())?;
        }
        Err(error) => write_line(to, &Err::<Reply, _>(error))?,
    }
    to.flush()
}

fn write_line(to: &mut impl Write, content: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(content)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Returns [`io::ErrorKind::UnexpectedEof`] at the end of the input.
fn read_line<T: for<'a> Deserialize<'a>>(from: &mut impl BufRead) -> io::Result<T> {
    let mut line = Vec::new();
    from.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&line)?)
}
