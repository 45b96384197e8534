//! Runs Tesseract on a picture, within limits of time, memory and output.
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

/// The longest output, in bytes. A page full of words takes a tenth of it.
const LARGEST_OUTPUT: u64 = 8 << 20;
/// Polling interval for the end of the program.
const LOOK: Duration = Duration::from_millis(10);
/// Time limit for listing its languages.
const LISTING: Duration = Duration::from_secs(10);

/// The program and its options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tesseract {
    pub program: PathBuf,
    /// Codes of languages, separated by commas.
    pub languages: String,
}

/// Why Tesseract did not read a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TesseractError {
    /// None of these languages, separated by commas, is installed.
    NoLanguage(String),
    OutOfTime,
    Failed(String),
}

/// The configured languages, by whether they are installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Installed languages in the form of its argument: `deu+ara`.
    pub languages: String,
    /// Languages that are not installed.
    pub missing: Vec<String>,
}

impl Tesseract {
    /// Lists the installed languages.
    pub fn installed(&self) -> Result<Installed, TesseractError> {
        let listed = self.run(&["--list-langs"], &[], LISTING)?;
        let is_there = |code: &&str| listed.lines().any(|line| line.trim() == *code);
        let (there, missing): (Vec<&str>, Vec<&str>) =
            self.languages.split(',').partition(|code| is_there(code));
        let missing = missing.into_iter().map(str::to_owned).collect();
        Ok(Installed { languages: there.join("+"), missing })
    }

    /// Reads a picture in the installed languages. Returns a table with a row for each word.
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

    /// Runs the program without a shell, without inherited files and without this process's
    /// environment, confined like a worker.
    fn run(
        &self,
        arguments: &[&str],
        input: &[u8],
        time: Duration,
    ) -> Result<String, TesseractError> {
        let failed = |error: std::io::Error| TesseractError::Failed(error.to_string());
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir("/").env_clear();
        // More threads take more time in total, and defeat the limit of CPU time.
        command.env("OMP_THREAD_LIMIT", "1").env("LC_ALL", "C");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = self.start(command)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        thread::scope(|scope| {
            scope.spawn(move || {
                // A failing program may exit before reading all input; its status reports that.
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
                return Err(TesseractError::Failed("its output is too long".to_owned()));
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

/// A picture as input of the program, in shades of gray.
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

    /// Encodes the picture as PGM.
    fn file(&self) -> Vec<u8> {
        let mut file = format!("P5\n{} {}\n255\n", self.width, self.height).into_bytes();
        file.extend_from_slice(&self.points);
        file
    }
}

/// Runs the program: in this process, or in a helper if this process must not start any.
pub enum Runner {
    Here { tesseract: Tesseract, installed: OnceLock<Installed> },
    Helper(Box<Helper>),
}

impl Runner {
    pub fn here(tesseract: Tesseract) -> Self {
        Self::Here { tesseract, installed: OnceLock::new() }
    }

    /// Returns the table of a picture's words, and the languages that are not installed.
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
