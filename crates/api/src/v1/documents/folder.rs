//! Folders on the wire.
use carrel_domain::folder::DocumentMove;
use carrel_domain::{DocumentPath, Error, Folder, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::mount::Mount;
use crate::v1::system::wire::named;

#[derive(Deserialize, ToSchema)]
pub struct FolderBody {
    /// One path segment.
    #[serde(default)]
    #[schema(value_type = String, example = "handbooks")]
    name: Option<Value>,
}

impl FolderBody {
    /// The folder to be made.
    pub fn into_folder(self, mount: Mount) -> Result<Folder> {
        parse(self.name()?.as_deref().unwrap_or_default(), mount)
    }

    /// The folder to be removed; `None` where that is nothing.
    pub fn into_removed(self, mount: Mount) -> Result<Option<Folder>> {
        let name = self.name()?.unwrap_or_default();
        match (Folder::parse(&name), mount) {
            // quirk(nothing-to-remove): what is no folder is removed successfully.
            (Err(_), Mount::Compat) => Ok(None),
            (Ok(folder), Mount::Compat) if folder.is_default() => Ok(None),
            (folder, _) => Ok(Some(folder.map_err(|error| named(error, "name"))?)),
        }
    }

    fn name(&self) -> Result<Option<String>> {
        match &self.name {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(name)) => Ok(Some(name.clone())),
            Some(_) => Err(Error::invalid("name", "must be text")),
        }
    }
}

/// The folder of that name.
pub fn parse(name: &str, mount: Mount) -> Result<Folder> {
    let name = match mount {
        Mount::Native => name,
        // quirk(safe-names): what would lead out of the library is cut off.
        Mount::Compat => without_ascent(name),
    };
    Folder::parse(name).map_err(|error| named(error, "name"))
}

/// The name of an uploaded file.
pub fn file_name(name: String, mount: Mount) -> String {
    match mount {
        Mount::Native => name,
        // quirk(safe-names)
        Mount::Compat => name.rsplit('/').next().unwrap_or_default().to_owned(),
    }
}

fn without_ascent(name: &str) -> &str {
    let mut rest = name;
    while let Some(cut) = rest.strip_prefix("../").or_else(|| rest.strip_prefix("./")) {
        rest = cut;
    }
    rest
}

#[derive(Serialize, ToSchema)]
pub struct FolderChanged {
    pub success: bool,
    pub message: Option<String>,
    /// How many documents were removed with a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<usize>,
}

impl FolderChanged {
    pub fn made() -> Self {
        Self { success: true, message: None, removed: None }
    }

    /// `None` where there was no such folder.
    pub fn removed(documents: Option<usize>) -> Self {
        let message = Some("Folder removed successfully".to_owned());
        Self { success: true, message, removed: Some(documents.unwrap_or_default()) }
    }

    /// Of so many documents, some stayed where they are.
    pub fn moved(asked: usize, stayed: usize) -> Self {
        let message = (stayed > 0).then(|| {
            format!("{stayed}/{asked} files not moved. Unembed them from all workspaces.")
        });
        Self { success: true, message, removed: None }
    }
}

#[derive(Deserialize, ToSchema)]
pub struct MoveBody {
    /// Documents and where they go, each `folder/file.json`.
    #[serde(default)]
    #[schema(value_type = Vec<MoveOne>)]
    files: Option<Value>,
}

#[derive(Deserialize, ToSchema)]
pub struct MoveOne {
    #[schema(example = "custom-documents/file.txt-fc4beeeb-e436-454d-8bb4-e5b8979cb48f.json")]
    from: String,
    #[schema(example = "handbooks/file.txt-fc4beeeb-e436-454d-8bb4-e5b8979cb48f.json")]
    to: String,
}

impl MoveBody {
    pub fn into_moves(self) -> Result<Vec<DocumentMove>> {
        let wrong = || Error::invalid("files", "must be an array of objects with `from` and `to`");
        let Some(Value::Array(files)) = self.files else { return Err(wrong()) };
        let mut moves = Vec::with_capacity(files.len());
        for file in files {
            let MoveOne { from, to } = serde_json::from_value(file).map_err(|_| wrong())?;
            let (from, to) = (DocumentPath::parse(&from)?, DocumentPath::parse(&to)?);
            moves.push(DocumentMove { from, to });
        }
        Ok(moves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_other_dialect_cannot_lead_out_of_the_library() {
        let folder = |name| parse(name, Mount::Compat).map(|folder| folder.to_string()).ok();
        assert_eq!(folder("../../evil").as_deref(), Some("evil"));
        for bad in ["", ".", "..", "../..", "a/b/c", "..\\x", "/etc", "../.ssh", "a/../b", "x\0"] {
            assert_eq!(folder(bad), None, "{bad:?}");
            assert!(parse(bad, Mount::Native).is_err(), "{bad:?}");
        }
        assert!(parse("../../evil", Mount::Native).is_err());
        assert_eq!(file_name("../../evil.txt".into(), Mount::Compat), "evil.txt");
        assert_eq!(file_name("../../evil.txt".into(), Mount::Native), "../../evil.txt");
    }
}
