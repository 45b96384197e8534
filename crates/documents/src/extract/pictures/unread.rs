//! Reasons why a picture was not read, with advice.
use carrel_ocr::DecodeError;

/// Why a picture was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadPicture {
    NoModel,
    /// Tesseract is not installed, but needed for these languages, separated by commas.
    NoProgram(String),
    /// None of these languages, separated by commas, is installed.
    NoLanguage(String),
    Off,
    /// Earlier pictures have used up the time limit, in seconds.
    OutOfTime(u64),
    /// The file is not an image, damaged, too large, or of an unusual kind.
    Unreadable(String),
    Failed,
    ProgramFailed,
}

impl UnreadPicture {
    /// Returns the reason as a clause.
    pub fn why(&self) -> String {
        match self {
            Self::NoModel => {
                "this server has no model for reading pictures (the operator can fetch \
                              it with `carrel model fetch ocr`)"
                    .to_owned()
            }
            Self::NoProgram(languages) => install(&codes(languages)),
            Self::NoLanguage(languages) => install_languages(&codes(languages)),
            Self::Off => {
                "reading pictures is turned off on this server (CARREL_OCR_TIMEOUT is 0)".to_owned()
            }
            Self::OutOfTime(seconds) => format!(
                "reading earlier pictures took the {seconds} seconds allowed (CARREL_OCR_TIMEOUT)"
            ),
            Self::Unreadable(why) => why.clone(),
            Self::Failed => "the model for reading pictures failed".to_owned(),
            Self::ProgramFailed => {
                "tesseract failed to read it (the log of the server has the reason)".to_owned()
            }
        }
    }
}

impl From<DecodeError> for UnreadPicture {
    fn from(error: DecodeError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

fn codes(languages: &str) -> Vec<String> {
    languages.split(',').map(str::to_owned).collect()
}

/// Returns how the operator can install Tesseract with these languages.
pub fn install(languages: &[String]) -> String {
    let packages = packages(languages);
    format!(
        "tesseract is not installed (on Debian, `apt-get install tesseract-ocr{packages}` installs it)"
    )
}

/// Works like [`install`], if the model reads pictures.
pub fn install_beside_model(languages: &[String]) -> String {
    let packages = packages(languages);
    format!(
        "the model does not know it, and tesseract reads it where it is installed (on Debian, `apt-get install \
         tesseract-ocr{packages}` installs it) and CARREL_OCR_ENGINE is not native"
    )
}

/// Works like [`install`], if the program is installed.
pub fn install_languages(languages: &[String]) -> String {
    let (packages, languages) = (packages(languages), languages.join(", "));
    format!(
        "tesseract lacks the language {languages} (on Debian, `apt-get install{packages}` installs it)"
    )
}

/// Returns the packages of languages, each after a space.
fn packages(languages: &[String]) -> String {
    let package = |code: &String| format!(" tesseract-ocr-{}", code.replace('_', "-"));
    languages.iter().map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_or_language_is_named_with_its_package() {
        let reason = UnreadPicture::NoProgram("ara,chi_sim".to_owned()).why();
        let command = "`apt-get install tesseract-ocr tesseract-ocr-ara tesseract-ocr-chi-sim`";
        assert!(
            reason.contains("tesseract is not installed") && reason.contains(command),
            "{reason}"
        );
        let reason = UnreadPicture::NoLanguage("ara".to_owned()).why();
        assert!(reason.contains("lacks the language ara"), "{reason}");
        assert!(reason.contains("`apt-get install tesseract-ocr-ara`"), "{reason}");
    }
}
