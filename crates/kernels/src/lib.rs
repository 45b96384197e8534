//! Arithmetic of transformer models on the processor: matrix products on packed weights, attention, and what happens to
//! rows between them. It knows no model; `embedder` and `speech` are built of it.
pub mod attention;
pub mod elementwise;
pub mod kernel;
pub mod panels;
