//! The columns of a table and the JSON form of their values in an archive.
use carrel_domain::Error;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use serde_json::Value;

use super::tables::{ArchivedTable, value_of};
use crate::database::connection::AnyConnection;
use crate::database::convert::{text, time};

/// The type of a column, independent of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Real,
    Boolean,
    Text,
    /// ISO 8601 in UTC with microseconds.
    Time,
    /// Hexadecimal digits.
    Bytes,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
}

/// A value to bind to an insert.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    Integer(Option<i64>),
    Real(Option<f64>),
    Boolean(Option<bool>),
    Text(Option<String>),
    Time(Option<NaiveDateTime>),
    Bytes(Option<Vec<u8>>),
}

impl Kind {
    /// Parses the type name that SQLite or PostgreSQL declares.
    fn of(declared: &str) -> Option<Self> {
        match declared.to_ascii_lowercase().as_str() {
            "integer" | "bigint" | "smallint" => Some(Self::Integer),
            "double" | "double precision" | "real" => Some(Self::Real),
            "boolean" => Some(Self::Boolean),
            "text" => Some(Self::Text),
            "timestamp" | "timestamp without time zone" => Some(Self::Time),
            "blob" | "bytea" => Some(Self::Bytes),
            _ => None,
        }
    }

    /// Converts a JSON value of an archive. Returns `None` if its type does not fit the column.
    pub fn parameter(self, value: &Value) -> Option<Bound> {
        if value.is_null() {
            return Some(match self {
                Self::Integer => Bound::Integer(None),
                Self::Real => Bound::Real(None),
                Self::Boolean => Bound::Boolean(None),
                Self::Text => Bound::Text(None),
                Self::Time => Bound::Time(None),
                Self::Bytes => Bound::Bytes(None),
            });
        }
        match self {
            Self::Integer => Some(Bound::Integer(Some(value.as_i64()?))),
            Self::Real => Some(Bound::Real(Some(value.as_f64()?))),
            Self::Boolean => Some(Bound::Boolean(Some(value.as_bool()?))),
            Self::Text => Some(Bound::Text(Some(text(value.as_str()?)))),
            Self::Time => {
                let read = chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
                Some(Bound::Time(Some(time(read.to_utc()))))
            }
            Self::Bytes => Some(Bound::Bytes(Some(unhex(value.as_str()?)?))),
        }
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let byte = |[high, low]: &[u8; 2]| u8::try_from(value(high)? << 4 | value(low)?).ok();
    pairs.iter().map(byte).collect()
}

#[derive(QueryableByName)]
struct Declared {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    declared: String,
}

/// Returns the columns of a table in the order of their definition.
pub(super) fn of(conn: &mut AnyConnection, table: &str) -> QueryResult<Vec<Column>> {
    let columns: Vec<Declared> = match conn {
        AnyConnection::Sqlite(conn) => {
            sql_query("SELECT name, type AS declared FROM pragma_table_info(?) ORDER BY cid")
                .bind::<Text, _>(table)
                .load(conn)?
        }
        AnyConnection::Postgres(conn) => sql_query(
            "SELECT column_name::text AS name, data_type::text AS declared \
             FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position",
        )
        .bind::<Text, _>(table)
        .load(conn)?,
    };
    let known = |column: Declared| {
        let Declared { name, declared } = column;
        Some(Column { kind: Kind::of(&declared)?, name })
    };
    Ok(columns.into_iter().filter_map(known).collect())
}

/// Returns the query that selects each row of a table as a JSON object named `line`.
pub(super) fn query(conn: &AnyConnection, table: &ArchivedTable, columns: &[Column]) -> String {
    let ArchivedTable { name, order, only, replaced_by: _ } = table;
    let is_sqlite = matches!(conn, AnyConnection::Sqlite(_));
    let fields = columns.iter().map(|column| {
        let stored = format!("\"{}\"", column.name);
        let stored = value_of(name, &column.name).map_or(stored, str::to_owned);
        let expression = match (column.kind, is_sqlite) {
            (Kind::Boolean, true) => {
                format!("json(CASE {stored} WHEN 0 THEN 'false' WHEN 1 THEN 'true' END)")
            }
            (Kind::Time, true) => format!("replace({stored}, ' ', 'T') || 'Z'"),
            (Kind::Time, false) => {
                format!("to_char({stored}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
            }
            (Kind::Bytes, true) => format!("lower(hex({stored}))"),
            (Kind::Bytes, false) => format!("encode({stored}, 'hex')"),
            _ => stored,
        };
        // `hex(NULL)` is an empty string in SQLite, not NULL.
        let expression = match (column.kind, is_sqlite) {
            (Kind::Bytes, true) => {
                format!("CASE WHEN \"{}\" IS NULL THEN NULL ELSE {expression} END", column.name)
            }
            _ => expression,
        };
        format!("'{}', {expression}", column.name)
    });
    let fields = fields.collect::<Vec<_>>().join(", ");
    let object = match is_sqlite {
        true => format!("json_object({fields})"),
        false => format!("json_build_object({fields})::text"),
    };
    let only = only.map(|only| format!(" WHERE {only}")).unwrap_or_default();
    format!("SELECT {object} AS line FROM \"{name}\"{only} ORDER BY {order}")
}

/// Returns the error for a row that does not fit its table.
pub(super) fn unreadable(table: &str, line: u64, why: &str) -> Error {
    Error::unprocessable(format!("line {line} of tables/{table}.jsonl cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_as_the_type_of_their_column() {
        let at = chrono::DateTime::from_timestamp(0, 500_000_000).unwrap().naive_utc();
        for (kind, value, parameter) in [
            (Kind::Integer, json!(-3), Bound::Integer(Some(-3))),
            (Kind::Real, json!(1), Bound::Real(Some(1.0))),
            (Kind::Boolean, json!(true), Bound::Boolean(Some(true))),
            (Kind::Text, json!("a\u{0}b"), Bound::Text(Some("a\u{fffd}b".to_owned()))),
            (Kind::Time, json!("1970-01-01T00:00:00.5Z"), Bound::Time(Some(at))),
            (Kind::Bytes, json!("00fF"), Bound::Bytes(Some(vec![0, 255]))),
            (Kind::Bytes, json!(null), Bound::Bytes(None)),
        ] {
            assert_eq!(kind.parameter(&value), Some(parameter), "{value}");
        }
        for (kind, value) in [
            (Kind::Integer, json!("3")),
            (Kind::Integer, json!(0.5)),
            (Kind::Boolean, json!(1)),
            (Kind::Text, json!(1)),
            (Kind::Time, json!("yesterday")),
            (Kind::Bytes, json!("abc")),
            (Kind::Bytes, json!("0é")),
        ] {
            assert_eq!(kind.parameter(&value), None, "{value}");
        }
    }
}
