//! Kernels on a GPU through wgpu: Vulkan, Metal and DX12, and WebGPU in a browser.
//!
//! A [`Gpu`] is a device and the pipelines compiled so far. [`Commands`] records kernels and submits them in batches of
//! some tens of milliseconds, because systems reset a device that is busy for seconds. A [`GpuMatrix`] lies in as many
//! buffers as the largest binding requires. All numbers are f32; sums over many threads are added in a fixed order, so
//! that one device gives the same result twice.
//!
//! Sides are padded to whole tiles with zeros, which every kernel leaves zero.

mod adapter;
mod commands;
mod inverse;
mod kernel;
mod matrix;
mod probe;
mod product;
mod read;
mod shared;
#[cfg(test)]
pub(crate) mod tests;
mod tiles;
mod topk;

pub use adapter::{Adapter, Error, Gpu};
pub use commands::{Commands, Counts};
pub use inverse::Inverse;
pub use kernel::{Kernel, KernelSource};
pub use matrix::{Columns, GpuMatrix, Slab, padded};
pub use probe::{Probe, Speed, copy_speed};
pub use product::{Finish, FinishParams, Operand, Product, Shape};
pub use read::Staging;
pub use shared::{reopen, shared};
pub use tiles::Tiles;
pub use topk::TopK;
