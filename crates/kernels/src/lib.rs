//! Arithmetic of transformer models on the CPU: matrix products on packed weights, attention, and
//! the operations between them. It knows no model; `embedder` and `speech` use it.
pub mod attention;
mod codes;
pub mod elementwise;
pub mod kernel;
pub mod panels;
