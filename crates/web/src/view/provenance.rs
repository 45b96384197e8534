//! The provenance of a passage, as text.
use carrel_services::provenance::ProvenanceFields;

use crate::view::texts::t;

/// Returns the locator as text, such as `Page 3` or `Rows 2–40`; `None` if unknown.
pub fn locator(provenance: &ProvenanceFields) -> Option<String> {
    let (kind, range) = provenance.locator()?;
    let is_range = range.contains('–');
    let template = match (kind, is_range) {
        ("page", false) => t("passage.page"),
        ("page", true) => t("passage.pages"),
        ("slide", false) => t("passage.slide"),
        ("slide", true) => t("passage.slides"),
        ("row", false) => t("passage.row"),
        ("row", true) => t("passage.rows"),
        _ => t("passage.time"),
    };
    Some(template.replace("{range}", &range))
}

/// Returns the locator and the heading path as text: `Page 3 · Handbook › Travel`.
pub fn summary(provenance: &ProvenanceFields) -> Option<String> {
    let parts: Vec<_> =
        [locator(provenance), provenance.heading_path()].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// Returns the source that a client sent with a document. It is empty if the file reader wrote it,
/// because those fixed English sentences are for programs.
pub fn given_source(source: String) -> String {
    let is_default = source == "no source set" || source.ends_with(" uploaded by the user.");
    if is_default { String::new() } else { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locator_and_the_headings_are_shown() {
        let headings = vec!["Handbook".to_owned(), "Travel".to_owned()];
        let fields =
            ProvenanceFields { headings, page: Some(3), page_end: Some(4), ..Default::default() };
        assert_eq!(summary(&fields).as_deref(), Some("Pages 3–4 · Handbook › Travel"));
        let fields = ProvenanceFields { time: Some("00:01:02".into()), ..Default::default() };
        assert_eq!(locator(&fields).as_deref(), Some("00:01:02"));
        assert_eq!(summary(&ProvenanceFields::default()), None);
    }

    #[test]
    fn fixed_sources_are_left_out() {
        assert_eq!(given_source("a text file uploaded by the user.".to_owned()), "");
        assert_eq!(given_source("no source set".to_owned()), "");
        assert_eq!(given_source("The harbour office".to_owned()), "The harbour office");
    }
}
