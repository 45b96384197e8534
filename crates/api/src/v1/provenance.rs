//! JSON of a passage's provenance: its position in the original. Sources of answers have the same
//! fields.
use carrel_services::provenance::ProvenanceFields;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PassageProvenance {
    /// Heading path: the headings above the passage, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    headings: Vec<String>,
    /// Sheet of a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    sheet: Option<String>,
    /// Page of a PDF file on which the passage begins, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// Page on which the passage ends, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    page_end: Option<u32>,
    /// Slide of a presentation, from 1. Hidden slides count.
    #[serde(skip_serializing_if = "Option::is_none")]
    slide: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slide_end: Option<u32>,
    /// First row of the passage in a sheet or CSV file, from 1, as spreadsheet programs count.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row_end: Option<u32>,
    /// Time at which the passage begins in a recording or in subtitles, such as `00:01:02`.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    /// Time at which the passage's last line begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_end: Option<String>,
}

impl From<ProvenanceFields> for PassageProvenance {
    fn from(fields: ProvenanceFields) -> Self {
        let ProvenanceFields {
            headings,
            sheet,
            page,
            page_end,
            slide,
            slide_end,
            row,
            row_end,
            time,
            time_end,
        } = fields;
        Self { headings, sheet, page, page_end, slide, slide_end, row, row_end, time, time_end }
    }
}
