use carrel_domain::Error;
use carrel_domain::WorkspaceId;
use carrel_domain::picture::{PictureName, PictureSubject, UploadedPicture, UploadedPictures};
use carrel_domain::settings::{Settings, names};
use carrel_domain::workspace::Workspaces;

use crate::support::{Scratch, done, new_workspace};

on_both_databases! {
    a_picture_replaces_the_previous_one,
    a_picture_is_deleted_with_its_workspace,
}

fn picture(content: &[u8]) -> UploadedPicture {
    UploadedPicture { name: PictureName::random(), png: content.to_vec() }
}

async fn a_picture_replaces_the_previous_one(scratch: Scratch) {
    let db = scratch.open();
    let alpha = Workspaces::create(&db, new_workspace("Alpha"), done(0)).await.unwrap();
    for subject in [PictureSubject::Server, PictureSubject::Workspace(alpha.id)] {
        assert_eq!(db.of(subject).await.unwrap(), None);
        let (first, second) = (picture(b"one"), picture(b"two"));
        UploadedPictures::set(&db, subject, Some(first), done(1)).await.unwrap();
        UploadedPictures::set(&db, subject, Some(second.clone()), done(2)).await.unwrap();
        assert_eq!(db.of(subject).await.unwrap(), Some(second.clone()));
        let stored = match subject {
            PictureSubject::Server => db.all().await.unwrap().get(names::LOGO).cloned(),
            PictureSubject::Workspace(id) => {
                Workspaces::by_id(&db, id).await.unwrap().unwrap().picture
            }
        };
        assert_eq!(stored.as_deref(), Some(second.name.as_str()));
        UploadedPictures::set(&db, subject, None, done(3)).await.unwrap();
        assert_eq!(db.of(subject).await.unwrap(), None);
    }
    assert_eq!(db.all().await.unwrap().get(names::LOGO), None);
    let found = Workspaces::by_id(&db, alpha.id).await.unwrap().unwrap();
    assert_eq!(found.picture, None);
}

async fn a_picture_is_deleted_with_its_workspace(scratch: Scratch) {
    let db = scratch.open();
    let alpha = Workspaces::create(&db, new_workspace("Alpha"), done(0)).await.unwrap();
    let subject = PictureSubject::Workspace(alpha.id);
    UploadedPictures::set(&db, subject, Some(picture(b"x")), done(1)).await.unwrap();
    Workspaces::delete(&db, alpha.id, done(2)).await.unwrap();
    assert_eq!(db.of(subject).await.unwrap(), None);
    let subject = PictureSubject::Workspace(WorkspaceId(77));
    let missing = UploadedPictures::set(&db, subject, Some(picture(b"x")), done(1)).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
}
