//! The location of a passage in the original, as fields of sources and search results.
use carrel_domain::library::Passage;
use carrel_domain::provenance::{HEADING_SEPARATOR, LocatorUnit};
use serde::{Deserialize, Serialize};

/// The location of a passage, as far as it is known. The end of a range is absent if it equals the
/// start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProvenanceFields {
    /// The headings above the passage, the outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headings: Vec<String>,
    /// The sheet, for workbooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The first page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_end: Option<u32>,
    /// The first slide, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slide: Option<u32>,
    /// The last slide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slide_end: Option<u32>,
    /// The first row, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u32>,
    /// The last row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_end: Option<u32>,
    /// The start in a recording, as `h:mm:ss` or `m:ss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The end in a recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_end: Option<String>,
}

impl ProvenanceFields {
    /// Creates the fields of a passage.
    pub fn of(passage: &Passage) -> Self {
        let sheet = passage.document.origin.sheet().map(str::to_owned);
        let headings = passage.provenance.headings.clone();
        let mut fields = Self { headings, sheet, ..Self::default() };
        let Some(locator) = passage.provenance.locator else { return fields };
        let (first, last) =
            (locator.first, Some(locator.last).filter(|last| *last > locator.first));
        match locator.unit {
            LocatorUnit::Page => (fields.page, fields.page_end) = (Some(first), last),
            LocatorUnit::Slide => (fields.slide, fields.slide_end) = (Some(first), last),
            LocatorUnit::Row => (fields.row, fields.row_end) = (Some(first), last),
            LocatorUnit::Second => {
                fields.time = Some(locator.number(first));
                fields.time_end = last.map(|last| locator.number(last));
            }
        }
        fields
    }

    /// Returns the unit (`page`, `slide`, `row`, `time`) and the range: `3` or `3–4`.
    pub fn locator(&self) -> Option<(&'static str, String)> {
        let numbers = [
            ("page", self.page, self.page_end),
            ("slide", self.slide, self.slide_end),
            ("row", self.row, self.row_end),
        ];
        let position = numbers.into_iter().find_map(|(name, first, last)| {
            let last = last.map(|last| last.to_string());
            Some((name, range(&first?.to_string(), last.as_deref())))
        });
        let time = || Some(("time", range(self.time.as_deref()?, self.time_end.as_deref())));
        position.or_else(time)
    }

    /// Returns the heading path, such as `Handbook › Travel › Hotels`. Returns `None` if there are
    /// no headings.
    pub fn heading_path(&self) -> Option<String> {
        (!self.headings.is_empty()).then(|| self.headings.join(HEADING_SEPARATOR))
    }

    /// Returns one line per known field, as shown to language models above the passage.
    pub fn header_lines(&self) -> String {
        let path = self.heading_path().map(|path| format!("section: {path}\n"));
        let sheet = self.sheet.as_ref().map(|sheet| format!("sheet: {sheet}\n"));
        let locator = self.locator().map(|(name, range)| format!("{name}: {range}\n"));
        [path, sheet, locator].into_iter().flatten().collect()
    }
}

fn range(first: &str, last: Option<&str>) -> String {
    last.map_or_else(|| first.to_owned(), |last| format!("{first}–{last}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn header_lines_show_the_location_of_a_passage() {
        let fields: ProvenanceFields = serde_json::from_value(json!({
            "headings": ["Handbook", "Travel"], "page": 3, "pageEnd": 4, "text": "x",
        }))
        .unwrap();
        assert_eq!(fields.header_lines(), "section: Handbook › Travel\npage: 3–4\n");
        let fields = ProvenanceFields {
            sheet: Some("Costs".into()),
            row: Some(2),
            ..ProvenanceFields::default()
        };
        assert_eq!(fields.header_lines(), "sheet: Costs\nrow: 2\n");
        assert_eq!(ProvenanceFields::default().header_lines(), "");
        let talk =
            ProvenanceFields { time: Some("00:01:02".into()), ..ProvenanceFields::default() };
        assert_eq!(talk.locator(), Some(("time", "00:01:02".to_owned())));
    }
}
