//! The operator's variables for instructions.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::prompt_variable::{PromptVariable, PromptVariables, VariableName};
use carrel_domain::{Error, Result};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{text, time};
use crate::database::schema::prompt_variables;

#[derive(Queryable, Selectable)]
#[diesel(table_name = prompt_variables)]
struct Row {
    name: String,
    value: String,
    description: String,
    updated_at: NaiveDateTime,
}

impl From<Row> for PromptVariable {
    fn from(row: Row) -> Self {
        Self {
            name: VariableName::from_stored(row.name),
            value: row.value,
            description: row.description,
            updated_at: row.updated_at.and_utc(),
        }
    }
}

/// Inserts a variable or replaces the one with the same name.
pub(crate) fn set(conn: &mut AnyConnection, variable: PromptVariable) -> QueryResult<()> {
    let PromptVariable { name, value, description, updated_at } = variable;
    let values = (
        prompt_variables::value.eq(text(value)),
        prompt_variables::description.eq(text(description)),
        prompt_variables::updated_at.eq(time(updated_at)),
    );
    let row = (prompt_variables::name.eq(name.as_str().to_owned()), values.clone());
    on_each_backend!(conn => diesel::insert_into(prompt_variables::table)
        .values(row)
        .on_conflict(prompt_variables::name)
        .do_update()
        .set(values)
        .execute(conn))
    .map(drop)
}

#[async_trait]
impl PromptVariables for Database {
    async fn list(&self) -> Result<Vec<PromptVariable>> {
        self.read(|conn| {
            let rows: Vec<Row> = prompt_variables::table
                .select(Row::as_select())
                .order(prompt_variables::name)
                .load(conn)?;
            Ok(rows.into_iter().map(PromptVariable::from).collect())
        })
        .await
    }

    async fn set(&self, variable: PromptVariable, most: usize, event: Event) -> Result<()> {
        self.write(move |conn| {
            set(conn, variable)?;
            let count: i64 = prompt_variables::table.count().get_result(conn)?;
            if usize::try_from(count).is_ok_and(|count| count > most) {
                let reason = format!("There are {most} variables already. Delete some first.");
                return Err(Error::exhausted(reason).into());
            }
            audit::record(conn, event)
        })
        .await
    }

    async fn delete(&self, name: &VariableName, event: Event) -> Result<bool> {
        let name = name.as_str().to_owned();
        self.write(move |conn| {
            if diesel::delete(prompt_variables::table.find(name)).execute(conn)? == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }
}
