//! Imports the logo and the pictures of workspaces. They are re-encoded like uploads.
use std::path::Path;

use carrel_domain::import::ImportedRows;
use carrel_domain::picture::{PictureName, PictureSubject, UploadedPicture};
use carrel_domain::{Error, Result};

use crate::report::Report;
use crate::run::Importer;

/// Prefix of the names of AnythingLLM's own logos.
const THEIR_LOGO: &str = "anything-llm";

/// The owner under whose name the files are read.
const OWNER: &str = "import";

/// Adds the pictures that the rows name. Reports an unusable picture and leaves the workspace
/// without one.
pub(crate) async fn add_pictures(
    importer: &Importer,
    storage: &Path,
    logo: Option<&str>,
    rows: &mut Vec<ImportedRows>,
    report: &mut Report,
) -> Result<()> {
    let assets = storage.join("assets");
    let mut pictures = Vec::new();
    for rows in &mut *rows {
        let ImportedRows::Workspaces(workspaces) = rows else { continue };
        for imported in workspaces {
            let workspace = &mut imported.workspace;
            let Some(name) = workspace.picture.take() else { continue };
            match picture(importer, &assets.join("pfp"), &name).await {
                Ok(picture) => {
                    workspace.picture = Some(name);
                    pictures.push((PictureSubject::Workspace(workspace.id), picture));
                }
                Err(error) => report.leave_out(format!(
                    "workspaces {}: its picture {name}: {}",
                    workspace.id.0,
                    unless_ours(error)?
                )),
            }
        }
    }
    if let Some(name) = logo.filter(|name| name.starts_with(THEIR_LOGO)) {
        report.leave_out(format!(
            "system_settings logo_filename: {name} is the logo of the other product"
        ));
    } else if let Some(name) = logo {
        match picture(importer, &assets, name).await {
            Ok(picture) => {
                pictures.push((PictureSubject::Server, picture));
                report.imported("system_settings", 1);
            }
            Err(error) => report.leave_out(format!(
                "system_settings logo_filename: {name}: {}",
                unless_ours(error)?
            )),
        }
    }
    if !pictures.is_empty() {
        report.imported("assets/", pictures.len() as u64);
        rows.push(ImportedRows::Pictures(pictures));
    }
    Ok(())
}

async fn picture(importer: &Importer, folder: &Path, name: &str) -> Result<UploadedPicture> {
    let name = PictureName::parse(name)?;
    let path = folder.join(name.as_str());
    let open = move || {
        let is_file = std::fs::symlink_metadata(&path).is_ok_and(|file| file.is_file());
        is_file.then(|| std::fs::File::open(&path).ok()).flatten()
    };
    let opened = tokio::task::spawn_blocking(open).await.map_err(Error::internal)?;
    let file = opened.ok_or_else(|| Error::unprocessable("there is no such file"))?;
    let png = importer.pictures.convert(file, OWNER).await?;
    Ok(UploadedPicture { name, png })
}

/// Returns an error about a file, and passes on failures of this server.
fn unless_ours(error: Error) -> Result<Error> {
    match error {
        Error::Invalid { .. } | Error::Unprocessable { .. } | Error::TooLarge { .. } => Ok(error),
        error => Err(error),
    }
}
