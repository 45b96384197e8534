//! Where operations are registered: with the server that answers them, or in the document that
//! describes them. One list of operations serves both, and no worker builds a document.
use actix_web::dev::HttpServiceFactory;
use actix_web::web::ServiceConfig;
use utoipa_actix_web::OpenApiFactory;
use utoipa_actix_web::service_config::ServiceConfig as Documenting;

pub trait Register {
    fn service(
        &mut self,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self;

    fn configure(&mut self, register: impl FnOnce(&mut Self)) -> &mut Self {
        register(self);
        self
    }
}

impl Register for ServiceConfig {
    fn service(
        &mut self,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        self.service(operation)
    }
}

impl Register for Documenting<'_> {
    fn service(
        &mut self,
        operation: impl HttpServiceFactory + OpenApiFactory + 'static,
    ) -> &mut Self {
        self.service(operation)
    }
}
