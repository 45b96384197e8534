//! Searches of only some documents, and of all documents except some.
use carrel_domain::vector::VectorQuery;
use carrel_domain::{DocumentSelection, WorkspaceDocumentId};
use carrel_vectors::store::Store;

use super::{HERE, THERE, World, query};

pub(super) async fn only_the_listed_documents_are_searched(world: World) {
    let rows = &world.rows;
    let first = rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    let second = rows.add(HERE, vec![vec![0.9, 0.1]; 3]);
    let only = async |named: &[WorkspaceDocumentId]| {
        world
            .found(VectorQuery { among: DocumentSelection::Only(named), ..query(&[1.0, 0.0], 4) })
            .await
    };
    assert_eq!(only(&[second]).await, [4, 5, 6]);
    assert_eq!(only(&[second, first, second]).await, [1, 2, 3, 4]);
    assert!(only(&[]).await.is_empty() && only(&[WorkspaceDocumentId(77)]).await.is_empty());
    let many: Vec<_> = (2..2_500).map(WorkspaceDocumentId).collect();
    assert_eq!(only(&many).await, [4, 5, 6]);
}

pub(super) async fn excluded_documents_do_not_use_up_the_candidates(world: World) {
    let rows = &world.rows;
    // The first document has more passages than a search has candidates.
    let first = (0..150u8).map(|number| vec![1.0, f32::from(number) * 0.002]);
    let first = rows.add(HERE, first.collect());
    let second = rows.add(HERE, vec![vec![0.9, 0.9], vec![0.8, 1.0], vec![0.5, 1.0]]);
    let there = rows.add(THERE, vec![vec![1.0, 0.0]]);
    let unknown = WorkspaceDocumentId(77);
    let except = async |left_out: &[WorkspaceDocumentId]| {
        let query =
            VectorQuery { among: DocumentSelection::Except(left_out), ..query(&[1.0, 0.0], 4) };
        world.found(query).await
    };
    assert_eq!(except(&[first]).await, [151, 152, 153]);
    assert_eq!(except(&[unknown, first, there, first]).await, [151, 152, 153]);
    for none_of_the_first in [&[second][..], &[unknown], &[there], &[]] {
        assert_eq!(except(none_of_the_first).await, [1, 2, 3, 4], "{none_of_the_first:?}");
    }
    assert!(except(&[second, first]).await.is_empty());
    for most in [1_000, 2_500] {
        let mut many: Vec<_> = (2..=most).map(|id| WorkspaceDocumentId(id + 100)).collect();
        many.push(first);
        assert_eq!(except(&many).await, [151, 152, 153], "{most}");
    }
}

pub(super) async fn too_many_exclusions_for_a_store_fall_back_to_the_embedded_index(world: World) {
    let first = world.rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    world.rows.add(HERE, vec![vec![0.9, 0.1]; 2]);
    world.synced().reconcile(HERE).await.unwrap();
    let most = world.store().limits().documents;
    let many = (0..=most).map(|id| WorkspaceDocumentId(first.0 - i64::try_from(id).unwrap()));
    let many: Vec<_> = many.collect();
    let except =
        |many| VectorQuery { among: DocumentSelection::Except(many), ..query(&[1.0, 0.0], 9) };
    world.store().answer(0);
    assert_eq!(world.found(except(&many)).await, [4, 5]);
    world.store().answer(i64::MAX);
    let narrow = World::over(world.rows.clone(), world.store().whole(), 0);
    let refused = narrow.index.nearest(except(&many)).await.unwrap_err().to_string();
    let expected = format!("at most {most} documents can be left out");
    assert!(refused.contains(&expected), "{refused}");
    // The refusal does not affect the health of the store or of the workspace.
    assert_eq!(narrow.found(except(&many[..most])).await, [4, 5]);
}
