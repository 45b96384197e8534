//! Constant SQL expressions.
use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{
    AppearsOnTable, Expression, SelectableExpression, TypedExpressionType, ValidGrouping,
    is_aggregate,
};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

/// A constant SQL expression of the type `ST`. Statements that contain it are prepared once per
/// connection, whereas diesel prepares statements with its own `sql` on every run.
#[derive(Debug)]
pub(crate) struct StaticSql<ST>(&'static str, PhantomData<fn() -> ST>);

impl<ST> StaticSql<ST> {
    pub(crate) const fn new(sql: &'static str) -> Self {
        Self(sql, PhantomData)
    }
}

impl<ST> Clone for StaticSql<ST> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<ST> Copy for StaticSql<ST> {}

impl<ST: TypedExpressionType> Expression for StaticSql<ST> {
    type SqlType = ST;
}

impl<ST, DB: Backend> QueryFragment<DB> for StaticSql<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

/// The text identifies the statement.
impl<ST> QueryId for StaticSql<ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST, QS> SelectableExpression<QS> for StaticSql<ST> where Self: Expression {}
impl<ST, QS> AppearsOnTable<QS> for StaticSql<ST> where Self: Expression {}

impl<ST, GB> ValidGrouping<GB> for StaticSql<ST> {
    type IsAggregate = is_aggregate::Never;
}
