//! Closes connections whose chunked request body was not read completely.
//!
//! After a response, the HTTP library reads the rest of a dropped chunked body for as long as the
//! client sends, which could keep a connection open for ever. If the body still exists when the
//! response is sent, the library closes the connection a few seconds later instead.
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::StreamExt;
use futures_util::stream::poll_fn;

/// Closes the connection after the response to a request whose body was not read.
pub async fn hang_up(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let payload = Rc::new(RefCell::new(request.take_payload()));
    let read = payload.clone();
    let pieces = poll_fn(move |cx| read.borrow_mut().poll_next_unpin(cx));
    request.set_payload(Payload::Stream { payload: Box::pin(pieces) });
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(response.map_body(|_, body| BoxBody::new(Holding { body, _payload: payload })))
}

/// A response that holds the body of its request until it is sent.
struct Holding {
    body: BoxBody,
    _payload: Rc<RefCell<Payload>>,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
