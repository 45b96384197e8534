//! What the address of a workspace is made of: its name, as people can read and type it.
use carrel_domain::slug;

/// The longest part of a name that goes into an address, in characters.
const LONGEST: usize = 60;

/// A text from which an address is made. Other than where clients depend on it, angle brackets are no words,
/// and writing without Latin letters is spelled with them.
pub fn readable(name: &str) -> String {
    let bare: String = name.chars().map(|c| if "<>\"'/\\".contains(c) { ' ' } else { c }).collect();
    let words = slug::words(&bare);
    let text = match words.is_empty() {
        true => slug::words(&deunicode::deunicode_with_tofu(&bare, "")).to_lowercase(),
        false => words,
    };
    match text.is_empty() {
        true => "workspace".to_owned(),
        false => text.chars().take(LONGEST).collect::<String>().trim_end_matches('-').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn addresses_can_be_read_whatever_the_name_is_written_in() {
        assert_eq!(readable("Harbour & Sea"), "Harbour-and-Sea");
        assert_eq!(readable("<b>Bold</b>"), "b-Bold-b");
        assert_eq!(readable("日本語"), "ri-ben-yu");
        assert!(readable("العربية").is_ascii() && readable("العربية").len() > 3);
        assert_eq!(readable("  "), "workspace");
        assert!(readable(&"x".repeat(500)).len() <= 60);
    }
}
