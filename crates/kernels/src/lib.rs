//! What the models inside this process share: arithmetic of transformer models on the CPU (matrix
//! products on packed weights, attention, and the operations between them), and [`model_slot`],
//! which keeps a model in memory while it is used. It knows no model; `embedder` and `speech` do.
pub mod attention;
mod codes;
pub mod elementwise;
pub mod kernel;
pub mod model_slot;
pub mod panels;
