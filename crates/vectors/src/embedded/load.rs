//! Loads codes from the database, page by page.
use carrel_domain::vector::{NamespaceVersion, VectorRows};
use carrel_domain::{Error, Result, WorkspaceId};

use super::snapshot::{Builder, Snapshot};

/// Codes per page, about a megabyte.
const PAGE: usize = 4_096;

/// Loads the codes of a workspace: all of them, or those added since `previous`. If there are more rows
/// than `most_bytes`, the codes are two-bit codes.
///
/// The vectors may change between two pages. Additions are harmless: they have larger ids, so later
/// pages contain them. Removals may leave rows of earlier pages behind. The snapshot then has the
/// removal count of the first page, so the next search finds it outdated and loads again. The
/// current search is still correct, because deleted vectors cannot be ranked.
pub async fn load(
    rows: &dyn VectorRows,
    within: WorkspaceId,
    previous: Option<&Snapshot>,
    most_bytes: usize,
) -> Result<Snapshot> {
    let mut after = previous.and_then(Snapshot::last);
    let mut removals = previous.map(|snapshot| snapshot.version().removals);
    let mut builder = Builder::new(previous, most_bytes);
    loop {
        let (version, page) = rows.codes(within, after, PAGE).await?;
        let removals = *removals.get_or_insert(version.removals);
        let Some(last) = page.iter().map(|row| row.chunk).max() else {
            let version = NamespaceVersion { additions: version.additions, removals };
            return Ok(builder.finish(version));
        };
        if after.is_some_and(|after| last <= after) {
            return Err(Error::internal("the database returned a page of codes twice"));
        }
        after = Some(last);
        for row in page {
            builder.push(row);
        }
    }
}
