//! Compute shaders: their WGSL text, and compiled.

/// KernelSource code of a kernel.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelSource {
    /// WGSL: one file, or two that are concatenated.
    pub text: [&'static str; 2],
    /// Name of the entry point.
    pub entry: &'static str,
    /// Whether every index is proven to be in bounds and all workgroup memory is written before it is read: then
    /// nothing is checked or cleared.
    pub proven: bool,
}

/// A compiled kernel and the layout of its bindings.
pub struct Kernel {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

impl Kernel {
    pub(super) fn new(device: &wgpu::Device, source: &KernelSource, constants: &[(&str, f64)]) -> Self {
        let text = source.text.concat();
        let description =
            wgpu::ShaderModuleDescriptor { label: Some(source.entry), source: wgpu::ShaderSource::Wgsl(text.into()) };
        // A loop counter that ends it after 2⁶⁴ rounds would keep drivers from unrolling it.
        let checks = wgpu::ShaderRuntimeChecks {
            force_loop_bounding: false,
            bounds_checks: !source.proven,
            int_div_checks: !source.proven,
            ..wgpu::ShaderRuntimeChecks::checked()
        };
        // SAFETY: the kernels are our own. Every loop of theirs counts up to a bound, or halves a number, or takes one bit
        // after another from a word. Of the indices in a proven one its file says why they lie in their arrays; of storage
        // the device itself checks them as well.
        #[allow(unsafe_code)]
        let module = unsafe { device.create_shader_module_trusted(description, checks) };
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(source.entry),
            layout: None,
            module: &module,
            entry_point: Some(source.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                zero_initialize_workgroup_memory: !source.proven,
            },
            cache: None,
        });
        let layout = pipeline.get_bind_group_layout(0);
        Self { pipeline, layout }
    }
}
