//! Exports documents with their texts, and the workspaces they are in.
use std::sync::Arc;

use carrel_domain::document::DocumentFiles;
use carrel_domain::folder::ListedDocument;
use carrel_domain::{Error, Result, WorkspaceId};
use carrel_services::library::ListEntry;
use carrel_services::target_folder::JsonLines;
use futures_util::TryStreamExt;
use serde_json::json;

use super::{Export, OpenFiles, Slugs, rows};

const DOCUMENTS: &str = "documents";

pub(super) async fn documents(
    export: &mut Export<'_>,
    workspaces: &Slugs<WorkspaceId>,
    open_files: OpenFiles,
) -> Result<()> {
    let mut output = DocumentOutput {
        files: open_files(&export.destination.path(DOCUMENTS))?,
        written: 0,
        placed: export.destination.lines("workspace-documents.jsonl")?,
        left_out: export.destination.lines("left-out.jsonl")?,
    };
    let mut entries = Box::pin(export.ports.library.list_all().await?);
    while let Some(piece) = entries.try_next().await? {
        for entry in piece {
            match entry {
                ListEntry::Folder(name) => {
                    export.destination.make_folder(&[DOCUMENTS, name.as_str()])?;
                }
                ListEntry::Document(listed) => {
                    document(export, &listed, workspaces, &mut output).await?;
                }
            }
        }
    }
    export.count("documents/", output.written);
    export.close(output.placed)?;
    export.summary.left_out = output.left_out.finish()?;
    Ok(())
}

/// Writes one document. The file is not copied but written from the database, which is
/// authoritative.
async fn document(
    export: &Export<'_>,
    listed: &ListedDocument,
    workspaces: &Slugs<WorkspaceId>,
    output: &mut DocumentOutput,
) -> Result<()> {
    let path = listed.path()?;
    let library = &export.ports.library;
    let reason = match library.files.text(&path).await {
        Ok(Some(text)) => match library.documents.by_path(&path).await? {
            Some(document) => {
                output.files.put(&document, &text).await?;
                output.written += 1;
                None
            }
            // Deleted after it was listed.
            None => return Ok(()),
        },
        Ok(None) if library.documents.by_path(&path).await?.is_none() => return Ok(()),
        Ok(None) => Some("its file is gone".to_owned()),
        Err(error @ (Error::Unprocessable { .. } | Error::TooLarge { .. })) => {
            Some(error.to_string())
        }
        Err(error) => return Err(error),
    };
    if let Some(reason) = reason {
        output.left_out.add(&json!({ "docpath": path.to_string(), "reason": reason }))?;
    }
    if listed.is_placed {
        for workspace in export.ports.document_list.workspaces_of(listed.id).await? {
            let slug = workspaces.get(&workspace);
            output.placed.add(&rows::placed(listed, &path, workspace, slug))?;
        }
    }
    Ok(())
}

/// The destination of documents, and the lists of written and omitted ones.
struct DocumentOutput {
    files: Arc<dyn DocumentFiles>,
    written: u64,
    placed: JsonLines,
    left_out: JsonLines,
}
