//! Code shared by the models that run in this process: transformer arithmetic on the CPU (matrix
//! products on packed weights, attention, and the operations between them), and [`model_slot`],
//! which keeps a model in memory while it is used. No model is defined here; see the crates
//! `embedder` and `speech`.
pub mod attention;
mod codes;
pub mod elementwise;
pub mod kernel;
pub mod model_slot;
pub mod panels;
