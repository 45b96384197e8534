//! Tesseract as a process: a picture in, its lines out, within limits of time, memory and output.
#[cfg(target_os = "linux")]
mod confine;
mod helper;
mod table;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use carrel_ocr::Picture;
use serde::{Deserialize, Serialize};

pub use helper::{Helper, HelperJob, serve};
pub use table::lines;

/// The most that is read of what it says, in bytes. A page that is full of words has a tenth of that.
const LARGEST_OUTPUT: u64 = 8 << 20;
/// How often it is looked whether the program has ended.
const LOOK: Duration = Duration::from_millis(10);
/// How long it may take to say which languages it has.
const LISTING: Duration = Duration::from_secs(10);

/// The program, and how it is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tesseract {
    pub program: PathBuf,
    /// Codes of languages, separated by commas.
    pub languages: String,
}

/// Why it has not read a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TesseractError {
    /// It has none of these languages, separated by commas.
    NoLanguage(String),
    OutOfTime,
    Failed(String),
}

/// What the program can do of what it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Languages as its argument names them: `deu+ara`.
    pub languages: String,
    /// Languages that are to be read and not installed.
    pub missing: Vec<String>,
}

impl Tesseract {
    /// Asks the program which languages it has.
    pub fn installed(&self) -> Result<Installed, TesseractError> {
        let listed = self.run(&["--list-langs"], &[], LISTING)?;
        let is_there = |code: &&str| listed.lines().any(|line| line.trim() == *code);
        let (there, missing): (Vec<&str>, Vec<&str>) =
            self.languages.split(',').partition(|code| is_there(code));
        let missing = missing.into_iter().map(str::to_owned).collect();
        Ok(Installed { languages: there.join("+"), missing })
    }

    /// Reads a picture in installed languages. Returns a table in which each word has a row.
    pub fn read(
        &self,
        page: &GrayPage,
        installed: &Installed,
        time: Duration,
    ) -> Result<String, TesseractError> {
        if installed.languages.is_empty() {
            return Err(TesseractError::NoLanguage(self.languages.clone()));
        }
        let arguments = [
            "stdin",
            "stdout",
            "-l",
            &installed.languages,
            "--psm",
            "3",
            "-c",
            "tessedit_create_tsv=1",
        ];
        self.run(&arguments, &page.file(), time)
    }

    /// Runs the program without a shell, without files but its own, and without this process's environment. It is
    /// confined as a worker is.
    fn run(
        &self,
        arguments: &[&str],
        input: &[u8],
        time: Duration,
    ) -> Result<String, TesseractError> {
        let failed = |error: std::io::Error| TesseractError::Failed(error.to_string());
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir("/").env_clear();
        // More threads take more time in all, and confuse the limit of processor time.
        command.env("OMP_THREAD_LIMIT", "1").env("LC_ALL", "C");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = self.start(command)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        thread::scope(|scope| {
            scope.spawn(move || {
                // It ends before it has read all of it when it fails, and says so by its status.
                stdin.map(|mut stdin| stdin.write_all(input))
            });
            let output = scope.spawn(move || {
                let mut bytes = Vec::new();
                let read = stdout.map(|out| out.take(LARGEST_OUTPUT + 1).read_to_end(&mut bytes));
                read.transpose().map(|_| bytes)
            });
            let deadline = Instant::now() + time;
            let status = loop {
                if let Some(status) = child.try_wait().map_err(failed)? {
                    break status;
                }
                if Instant::now() >= deadline {
                    child.kill().map_err(failed)?;
                    child.wait().map_err(failed)?;
                    return Err(TesseractError::OutOfTime);
                }
                thread::sleep(LOOK);
            };
            let crashed = || TesseractError::Failed("its output cannot be read".to_owned());
            let bytes = output.join().map_err(|_| crashed())?.map_err(failed)?;
            if bytes.len() as u64 > LARGEST_OUTPUT {
                return Err(TesseractError::Failed("it says too much".to_owned()));
            }
            if !status.success() {
                return Err(TesseractError::Failed(status.to_string()));
            }
            String::from_utf8(bytes).map_err(|_| crashed())
        })
    }
}

impl Tesseract {
    /// Starts the program on a thread that is confined first, which the program inherits.
    #[cfg(target_os = "linux")]
    fn start(&self, mut command: Command) -> Result<Child, TesseractError> {
        let start = || {
            confine::confine_thread(&self.program)?;
            command.spawn().map_err(|error| error.to_string())
        };
        let started = thread::scope(|scope| scope.spawn(start).join());
        let started = started.unwrap_or_else(|_| Err("it cannot be started".to_owned()));
        started.map_err(TesseractError::Failed)
    }

    #[cfg(not(target_os = "linux"))]
    fn start(&self, mut command: Command) -> Result<Child, TesseractError> {
        command.spawn().map_err(|error| TesseractError::Failed(error.to_string()))
    }
}

/// A picture as the program is given it, in shades of gray.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrayPage {
    pub width: usize,
    pub height: usize,
    pub points: Vec<u8>,
}

impl GrayPage {
    pub fn of(picture: &Picture) -> Self {
        let (width, height) = (picture.width(), picture.height());
        Self { width, height, points: picture.brightness() }
    }

    /// As a file of the format PGM.
    fn file(&self) -> Vec<u8> {
        let mut file = format!("P5\n{} {}\n255\n", self.width, self.height).into_bytes();
        file.extend_from_slice(&self.points);
        file
    }
}

/// What runs the program: this process, or a helper where this one may start none.
pub enum Runner {
    Here { tesseract: Tesseract, installed: OnceLock<Installed> },
    Helper(Box<Helper>),
}

impl Runner {
    pub fn here(tesseract: Tesseract) -> Self {
        Self::Here { tesseract, installed: OnceLock::new() }
    }

    /// The table of a picture's words, and the languages that are not installed.
    pub fn read(
        &self,
        page: &GrayPage,
        time: Duration,
    ) -> Result<(String, Vec<String>), TesseractError> {
        match self {
            Self::Here { tesseract, installed } => {
                let installed = match installed.get() {
                    Some(installed) => installed,
                    None => {
                        let found = tesseract.installed()?;
                        installed.get_or_init(|| found)
                    }
                };
                let table = tesseract.read(page, installed, time)?;
                Ok((table, installed.missing.clone()))
            }
            Self::Helper(helper) => helper.read(page, time),
        }
    }
}
