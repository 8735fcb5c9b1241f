//! Kernels on a graphics processor, through wgpu: Vulkan, Metal and DX12, and WebGPU in a browser.
//!
//! A [`Gpu`] is a device and the pipelines made so far. [`Commands`] records kernels and submits them in portions that take
//! some tens of milliseconds, because systems reset a device that is busy for seconds. [`Slabs`] is a matrix in as many
//! buffers as the largest binding asks for. All numbers are f32; sums that many take part in are made of parts in a fixed
//! order, so that one device gives the same result twice.
//!
//! Sides are rounded up to whole tiles with zeros, which every kernel leaves zero.

mod adapter;
mod commands;
mod inverse;
mod probe;
mod product;
mod read;
mod select;
mod shared;
mod slabs;
#[cfg(test)]
pub(crate) mod tests;

pub use adapter::{Adapter, Error, Gpu};
pub use commands::{Commands, Counts, Kernel, Source};
pub use inverse::Inverse;
pub use probe::{Probe, Speed, copy_speed};
pub use product::{Finish, FinishParams, Operand, Product, Shape, Tiles};
pub use read::Staging;
pub use select::Select;
pub use shared::{again, shared};
pub use slabs::{Columns, Slab, Slabs, padded};
