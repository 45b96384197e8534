//! Uploaded pictures: the logo of the server and the pictures of workspaces.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::picture::{PictureName, PictureSubject, UploadedPicture, UploadedPictures};
use carrel_domain::settings::names;
use carrel_domain::{Result, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::convert::time;
use crate::database::schema::{pictures, settings, workspaces};
use crate::database::tx_error::TxError;
use crate::settings::set;
use crate::workspaces::lock;

type Condition = Box<dyn BoxableExpression<pictures::table, AnyBackend, SqlType = Nullable<Bool>>>;

fn is_of(subject: PictureSubject) -> Condition {
    match subject {
        PictureSubject::Workspace(id) => Box::new(pictures::workspace_id.eq(id.0)),
        PictureSubject::Server => Box::new(pictures::workspace_id.is_null().nullable()),
    }
}

pub(crate) fn insert(
    conn: &mut AnyConnection,
    subject: PictureSubject,
    picture: UploadedPicture,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let workspace = match subject {
        PictureSubject::Workspace(WorkspaceId(id)) => Some(id),
        PictureSubject::Server => None,
    };
    diesel::insert_into(pictures::table)
        .values((
            pictures::name.eq(picture.name.as_str()),
            pictures::workspace_id.eq(workspace),
            pictures::png.eq(picture.png),
            pictures::created_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

/// Stores the picture's name with its subject. This locks the subject against concurrent changes of
/// its picture.
fn store_name(
    conn: &mut AnyConnection,
    subject: PictureSubject,
    name: Option<String>,
) -> Result<(), TxError> {
    match (subject, name) {
        (PictureSubject::Workspace(id), name) => {
            lock(conn, id)?;
            diesel::update(workspaces::table.find(id.0))
                .set(workspaces::pfp_filename.eq(name))
                .execute(conn)?;
        }
        (PictureSubject::Server, Some(name)) => set(conn, names::LOGO.to_owned(), name)?,
        (PictureSubject::Server, None) => {
            diesel::delete(settings::table.find(names::LOGO)).execute(conn)?;
        }
    }
    Ok(())
}

#[async_trait]
impl UploadedPictures for Database {
    async fn of(&self, subject: PictureSubject) -> Result<Option<UploadedPicture>> {
        self.read_inline(move |conn| {
            let found: Option<(String, Vec<u8>)> = pictures::table
                .filter(is_of(subject))
                .select((pictures::name, pictures::png))
                .first(conn)
                .optional()?;
            let picture = found.map(|(name, png)| {
                PictureName::parse(&name).map(|name| UploadedPicture { name, png })
            });
            Ok(picture.transpose()?)
        })
        .await
    }

    async fn set(
        &self,
        subject: PictureSubject,
        picture: Option<UploadedPicture>,
        event: Event,
    ) -> Result<()> {
        self.write(move |conn| {
            let name = picture.as_ref().map(|picture| picture.name.as_str().to_owned());
            store_name(conn, subject, name)?;
            diesel::delete(pictures::table.filter(is_of(subject))).execute(conn)?;
            if let Some(picture) = picture {
                insert(conn, subject, picture, time(event.by.at))?;
            }
            audit::record(conn, event)
        })
        .await
    }
}
