//! Consumers of the route tables: the server, the OpenAPI document, and lists for tests. All use
//! the same table, and workers build no document.
use actix_web::dev::HttpServiceFactory;
use actix_web::web::ServiceConfig;
use carrel_domain::api_key::Scope;
use utoipa_actix_web::OpenApiFactory;
use utoipa_actix_web::service_config::ServiceConfig as Documenting;

/// Who may call an operation: keys with a scope, or everyone.
pub type Access = Option<Scope>;

pub const OPEN: Access = None;
pub const READ: Access = Some(Scope::Read);
pub const CHAT: Access = Some(Scope::Chat);
pub const DOCUMENTS: Access = Some(Scope::Documents);
pub const ADMIN: Access = Some(Scope::Admin);

/// An operation in a route table. The handler's attributes and arguments declare the same facts, and
/// tests compare the two.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub method: &'static str,
    /// Path below the mount.
    pub path: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests compare it with the handlers"))]
    pub access: Access,
}

pub trait Register {
    fn add(
        &mut self,
        row: Row,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self;

    fn get(
        &mut self,
        path: &'static str,
        access: Access,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        self.add(Row { method: "GET", path, access }, operation)
    }

    fn post(
        &mut self,
        path: &'static str,
        access: Access,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        self.add(Row { method: "POST", path, access }, operation)
    }

    fn patch(
        &mut self,
        path: &'static str,
        access: Access,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        self.add(Row { method: "PATCH", path, access }, operation)
    }

    fn delete(
        &mut self,
        path: &'static str,
        access: Access,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        self.add(Row { method: "DELETE", path, access }, operation)
    }
}

impl Register for ServiceConfig {
    fn add(
        &mut self,
        _: Row,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        self.service(operation)
    }
}

impl Register for Documenting<'_> {
    fn add(
        &mut self,
        _: Row,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        self.service(operation)
    }
}

/// Collects the rows of a table.
impl Register for Vec<Row> {
    fn add(
        &mut self,
        row: Row,
        _: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        self.push(row);
        self
    }
}

/// Collects the rows of a table, each with the method and path that its handler declares.
#[cfg(test)]
#[derive(Default)]
pub struct RowList(pub Vec<(Row, String, String)>);

#[cfg(test)]
impl Register for RowList {
    fn add(
        &mut self,
        row: Row,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        let paths = serde_json::to_value(operation.paths()).unwrap();
        for (path, item) in paths.as_object().unwrap() {
            let methods = item.as_object().unwrap().keys();
            self.0.extend(methods.map(|method| (row, method.to_uppercase(), path.clone())));
        }
        self
    }
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Method, path and scope of every operation, as the end-to-end tests found them.
    const ACCESS: &str = include_str!("../../../../tests/access.tsv");

    /// Compares a contract's table with its handlers and with the access that the end-to-end tests
    /// found.
    pub fn check(mount: &str, rows: &RowList) {
        let mut expected: BTreeMap<_, _> = ACCESS
            .lines()
            .filter_map(|line| {
                let (operation, access) = line.rsplit_once('\t')?;
                let beneath = operation.split_once('\t')?.1.strip_prefix(mount)?;
                beneath.starts_with('/').then_some((operation.to_owned(), access))
            })
            .collect();
        for (row, method, path) in &rows.0 {
            assert_eq!((row.method, row.path), (method.as_str(), path.as_str()));
            let access = row.access.map_or("open", Scope::as_str);
            let operation = format!("{}\t{mount}{}", row.method, row.path);
            assert_eq!(expected.remove(&operation), Some(access), "{operation}");
        }
        assert!(expected.is_empty(), "not in the table: {expected:?}");
    }
}
