//! Readable addresses of workspaces, made from their names.
use carrel_domain::slug;

/// Maximum length of a name in an address, in characters.
const MAX_LENGTH: usize = 60;

/// Returns the path segment for a workspace name. Unlike addresses that clients depend on, it
/// treats angle brackets as separators and transliterates other scripts to Latin letters.
pub fn readable_slug(name: &str) -> String {
    let sanitized_name: String =
        name.chars().map(|c| if "<>\"'/\\".contains(c) { ' ' } else { c }).collect();
    let words = slug::words(&sanitized_name);
    let text = match words.is_empty() {
        true => slug::words(&deunicode::deunicode_with_tofu(&sanitized_name, "")).to_lowercase(),
        false => words,
    };
    match text.is_empty() {
        true => "workspace".to_owned(),
        false => text.chars().take(MAX_LENGTH).collect::<String>().trim_end_matches('-').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::readable_slug;

    #[test]
    fn addresses_are_readable_for_names_in_any_script() {
        assert_eq!(readable_slug("Harbour & Sea"), "Harbour-and-Sea");
        assert_eq!(readable_slug("<b>Bold</b>"), "b-Bold-b");
        assert_eq!(readable_slug("日本語"), "ri-ben-yu");
        assert!(readable_slug("العربية").is_ascii() && readable_slug("العربية").len() > 3);
        assert_eq!(readable_slug("  "), "workspace");
        assert!(readable_slug(&"x".repeat(500)).len() <= 60);
    }
}
