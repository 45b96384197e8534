//! Paginated lists: the requested page, its documents, and links to other pages.
use carrel_domain::document_list::{DocumentList, DocumentQuery, DocumentSummary};
use carrel_domain::{Page, Result};

use crate::http::form::Fields;

/// Documents per page.
pub const PAGE_SIZE: u32 = 50;

/// Maximum page number, beyond the size of any database.
const MAX_PAGE: u64 = 100_000_000;

/// The position of a page in a list.
pub struct Pagination {
    /// Number of documents on all pages.
    pub total: u64,
    /// Page number, from 1.
    pub page: u64,
    pub page_count: u64,
    /// Address of a page, without its number at the end.
    pub base: String,
}

impl Pagination {
    fn new(total: u64, page: u64, fields: &[(&str, &str)]) -> Self {
        let page_count = total.div_ceil(PAGE_SIZE.into()).max(1);
        Self {
            total,
            page: page.clamp(1, page_count),
            page_count,
            base: format!("?{}page=", query(fields)),
        }
    }
}

/// Returns the non-empty fields as the beginning of a query.
pub fn query(fields: &[(&str, &str)]) -> String {
    let mut serializer = url::form_urlencoded::Serializer::new(String::new());
    serializer.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
    let mut query = serializer.finish();
    if !query.is_empty() {
        query.push('&');
    }
    query
}

/// Fetches the requested page of documents, or the last one if there are fewer.
pub async fn fetch_page(
    list: &dyn DocumentList,
    query: &DocumentQuery,
    parameters: &Fields,
    fields: &[(&str, &str)],
) -> Result<(Page<DocumentSummary>, Pagination)> {
    let page = parameters.number::<u64>("page").ok().flatten().unwrap_or(1).clamp(1, MAX_PAGE);
    let offset = |page: u64| (page - 1) * u64::from(PAGE_SIZE);
    let documents = list.list(query, offset(page), PAGE_SIZE).await?;
    let pagination = Pagination::new(documents.total, page, fields);
    if pagination.page == page {
        return Ok((documents, pagination));
    }
    let last = list.list(query, offset(pagination.page), PAGE_SIZE).await?;
    Ok((last, pagination))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_beyond_the_end_is_the_last() {
        let page = |total, page| {
            let pagination = Pagination::new(total, page, &[]);
            (pagination.page, pagination.page_count)
        };
        assert_eq!(page(0, 1), (1, 1));
        assert_eq!(page(50, 2), (1, 1));
        assert_eq!(page(20_000, 400), (400, 400));
        assert_eq!(page(20_000, MAX_PAGE), (400, 400));
    }

    #[test]
    fn addresses_keep_the_query() {
        let fields = [("folder", "a & b"), ("q", "")];
        assert_eq!(Pagination::new(0, 1, &fields).base, "?folder=a+%26+b&page=");
    }
}
