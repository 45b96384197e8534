//! Paginated lists: the requested page, its documents, and links to other pages.
use carrel_domain::document_list::{DocumentList, DocumentQuery, DocumentSummary};
use carrel_domain::{Page, Result};

use crate::http::form::Fields;

/// Documents per page.
pub const PAGE: u32 = 50;

/// Highest page number, beyond the size of any database.
const LAST: u64 = 100_000_000;

/// The position of a page in a list.
pub struct Pagination {
    /// Number of documents on all pages.
    pub found: u64,
    /// Page number, from 1.
    pub page: u64,
    pub pages: u64,
    /// Address of a page, without its number at the end.
    pub base: String,
}

impl Pagination {
    fn of(found: u64, page: u64, fields: &[(&str, &str)]) -> Self {
        let pages = found.div_ceil(PAGE.into()).max(1);
        Self { found, page: page.clamp(1, pages), pages, base: format!("?{}page=", query(fields)) }
    }
}

/// Returns the non-empty fields as the beginning of a query.
pub fn query(fields: &[(&str, &str)]) -> String {
    let mut written = url::form_urlencoded::Serializer::new(String::new());
    written.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
    let mut written = written.finish();
    if !written.is_empty() {
        written.push('&');
    }
    written
}

/// Fetches the requested page of documents, or the last one if there are fewer.
pub async fn fetch_page(
    list: &dyn DocumentList,
    query: &DocumentQuery,
    asked: &Fields,
    fields: &[(&str, &str)],
) -> Result<(Page<DocumentSummary>, Pagination)> {
    let page = asked.number::<u64>("page").ok().flatten().unwrap_or(1).clamp(1, LAST);
    let offset = |page: u64| (page - 1) * u64::from(PAGE);
    let found = list.list(query, offset(page), PAGE).await?;
    let paging = Pagination::of(found.total, page, fields);
    if paging.page == page {
        return Ok((found, paging));
    }
    let last = list.list(query, offset(paging.page), PAGE).await?;
    Ok((last, paging))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_beyond_the_end_is_the_last() {
        let page = |found, page| {
            let paging = Pagination::of(found, page, &[]);
            (paging.page, paging.pages)
        };
        assert_eq!(page(0, 1), (1, 1));
        assert_eq!(page(50, 2), (1, 1));
        assert_eq!(page(20_000, 400), (400, 400));
        assert_eq!(page(20_000, LAST), (400, 400));
    }

    #[test]
    fn addresses_keep_the_query() {
        let fields = [("folder", "a & b"), ("q", "")];
        assert_eq!(Pagination::of(0, 1, &fields).base, "?folder=a+%26+b&page=");
    }
}
