use std::collections::BTreeSet;
use std::path::PathBuf;

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};

use crate::support::Scratch;

fn tree(database: &str) -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap())
        .join("../../migrations")
        .join(database)
}

fn folders(database: &str) -> BTreeSet<String> {
    std::fs::read_dir(tree(database))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            for script in ["up.sql", "down.sql"] {
                assert!(entry.path().join(script).is_file(), "{entry:?} has no {script}");
            }
            entry.file_name().into_string().unwrap()
        })
        .collect()
}

#[test]
fn both_databases_have_the_same_migrations() {
    assert_eq!(folders("sqlite"), folders("postgres"));
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines<C>(conn: &mut C, query: &str) -> Vec<String>
where
    C: Connection,
    diesel::query_builder::SqlQuery: diesel::query_dsl::LoadQuery<'static, C, Line>,
{
    let lines: Vec<Line> = diesel::sql_query(query).load(conn).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

fn sqlite_schema(conn: &mut SqliteConnection) -> Vec<String> {
    let schema = "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') AS line
        FROM sqlite_schema WHERE name NOT LIKE 'sqlite_seq%' ORDER BY line";
    lines(conn, schema)
}

fn postgres_schema(conn: &mut PgConnection) -> Vec<String> {
    let columns = "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable,
            column_default, is_identity, collation_name,
            row_number() OVER (PARTITION BY table_name ORDER BY ordinal_position)) AS line
        FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY line";
    let indexes = "SELECT indexdef AS line FROM pg_indexes
        WHERE schemaname = current_schema() ORDER BY line";
    let constraints = "SELECT concat_ws(' ', conrelid::regclass, conname,
            pg_get_constraintdef(oid)) AS line
        FROM pg_constraint WHERE connamespace = current_schema()::regnamespace ORDER BY line";
    let triggers = "SELECT pg_get_triggerdef(oid) AS line FROM pg_trigger
        WHERE NOT tgisinternal AND tgrelid IN (
            SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace
        ) ORDER BY line";
    let functions = "SELECT pg_get_functiondef(oid) AS line FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace ORDER BY line";
    [columns, indexes, constraints, triggers, functions]
        .into_iter()
        .flat_map(|query| lines(conn, query))
        .collect()
}

/// Applies, reverts and reapplies each migration before the next.
fn up_down_up<C, DB>(conn: &mut C, database: &str, schema: impl Fn(&mut C) -> Vec<String>)
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
    FileBasedMigrations: MigrationSource<DB>,
{
    let source = FileBasedMigrations::from_path(tree(database)).unwrap();
    conn.applied_migrations().unwrap();
    let mut migrations = conn.pending_migrations(source).unwrap();
    migrations.sort_by_key(|migration| migration.name().to_string());
    assert!(!migrations.is_empty());
    for migration in migrations {
        let name = migration.name().to_string();
        let before = schema(conn);
        conn.run_migration(&migration).unwrap();
        let after = schema(conn);
        assert_ne!(before, after, "{name} does nothing");
        conn.revert_migration(&migration).unwrap();
        assert_eq!(schema(conn), before, "{name} is not taken back whole");
        conn.run_migration(&migration).unwrap();
        assert_eq!(schema(conn), after, "{name} differs the second time");
    }
}

#[test]
fn migrations_are_reversible_on_sqlite() {
    let scratch = Scratch::sqlite();
    up_down_up::<_, Sqlite>(&mut scratch.raw_sqlite(), "sqlite", sqlite_schema);
}

#[test]
fn migrations_are_reversible_on_postgres() {
    let Some(scratch) = Scratch::postgres() else { return };
    up_down_up::<_, Pg>(&mut scratch.raw_postgres(), "postgres", postgres_schema);
}
