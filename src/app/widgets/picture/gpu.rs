//! Matrices on the GPU: tiles of plain numbers, coloured by a shader.

use super::pyramid::Kind;
use super::tiles::{APRON, CONTENT, Piece, Placed, SIDE, coarse_level, fitting_level, pieces};
use super::{Colors, Pyramid, Shade, colors};
use eframe::egui::{Context, Id, PaintCallbackInfo, Rect};
use eframe::egui_wgpu::{CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};
use eframe::wgpu;
use std::collections::HashMap;
use std::sync::Arc;

/// Tiles kept, 256 KB each; beyond, those that have not been seen for longest are used anew.
const KEPT: usize = 512;
/// Tiles made in one frame for one view: the rest follows in the next frames, over a coarser picture.
const MADE: usize = 12;

/// Prepares a renderer for matrices. Without it nothing is drawn.
pub fn install(render_state: &RenderState) {
    let tiles = Tiles::new(&render_state.device, &render_state.queue, render_state.target_format);
    render_state.renderer.write().callback_resources.insert(tiles);
}

/// Paint callback that draws one view.
pub struct Paint {
    /// Identifier of the view.
    pub view: Id,
    /// Matrix that is drawn.
    pub pyramid: Arc<Pyramid>,
    /// Colours of the entries.
    pub colors: Colors,
    /// Area on screen, in points.
    pub area: Rect,
    /// Part of the matrix in sight, in entries.
    pub cells: Rect,
    /// Asked for another frame while tiles are missing.
    pub ctx: Context,
}

impl CallbackTrait for Paint {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(tiles) = resources.get_mut::<Tiles>() {
            let complete = tiles.prepare(self, device, queue, screen);
            if !complete {
                self.ctx.request_repaint();
            }
        }
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let Some(tiles) = resources.get::<Tiles>() else { return };
        let [width, height] = info.screen_size_px.map(|side| side as f32);
        pass.set_viewport(0.0, 0.0, width, height, 0.0, 1.0);
        pass.set_pipeline(&tiles.pipeline);
        pass.set_bind_group(1, &tiles.tables[usize::from(self.colors.dark)], &[]);
        for key in tiles.drawn.get(&self.view).into_iter().flatten() {
            if let Some(tile) = tiles.tiles.get(key) {
                pass.set_bind_group(0, &tile.bindings, &[]);
                pass.draw(0..4, 0..1);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    view: Id,
    picture: u64,
    density: bool,
    piece: Piece,
}

struct Tile {
    numbers: wgpu::Texture,
    uniform: wgpu::Buffer,
    bindings: wgpu::BindGroup,
    /// Time of its last use, by [`Tiles::clock`].
    used: u64,
}

/// As the shader has it.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Uniform {
    rect: [f32; 4],
    screen: [f32; 2],
    base: [f32; 2],
    origin: [f32; 2],
    step: [f32; 2],
    scale: f32,
    shade: u32,
    half: f32,
    faintest: f32,
    ramp: u32,
    ink: u32,
    sets: u32,
    fill: u32,
}

/// All that is on the GPU.
struct Tiles {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    /// Colours for a light and for a dark ground.
    tables: [wgpu::BindGroup; 2],
    tiles: HashMap<Key, Tile>,
    /// No longer shown: their memory is used anew.
    free: Vec<Tile>,
    /// Tiles that each view shows, in drawing order.
    drawn: HashMap<Id, Vec<Key>>,
    clock: u64,
    /// One tile's numbers on their way.
    buffer: Vec<f32>,
}

impl Tiles {
    fn new(device: &wgpu::Device, queue: &wgpu::Queue, format: wgpu::TextureFormat) -> Self {
        let texture = |binding, visibility| wgpu::BindGroupLayoutEntry {
            binding,
            visibility,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable: false },
                view_dimension: wgpu::TextureViewDimension::D2,
                multisampled: false,
            },
            count: None,
        };
        let uniform = wgpu::BindGroupLayoutEntry {
            binding: 0,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("matrix tile"),
            entries: &[uniform, texture(1, wgpu::ShaderStages::FRAGMENT)],
        });
        let table_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("matrix colours"),
            entries: &[texture(0, wgpu::ShaderStages::FRAGMENT)],
        });
        let shader = device.create_shader_module(wgpu::include_wgsl!("matrix.wgsl"));
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("matrix"),
            bind_group_layouts: &[Some(&layout), Some(&table_layout)],
            ..Default::default()
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("matrix"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: Some("corner"),
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState { topology: wgpu::PrimitiveTopology::TriangleStrip, ..Default::default() },
            depth_stencil: None,
            multisample: Default::default(),
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: Some("color"),
                compilation_options: Default::default(),
                targets: &[Some(format.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        // A target of linear colours gets them by the texture's own conversion.
        let table_format = match format.is_srgb() {
            true => wgpu::TextureFormat::Rgba8UnormSrgb,
            false => wgpu::TextureFormat::Rgba8Unorm,
        };
        let tables = [false, true].map(|dark| table(device, queue, &table_layout, table_format, dark));
        Self {
            pipeline,
            layout,
            tables,
            tiles: HashMap::new(),
            free: Vec::new(),
            drawn: HashMap::new(),
            clock: 0,
            buffer: vec![0.0; SIDE * SIDE],
        }
    }

    /// Sees that a view's tiles are there; false while some are missing.
    fn prepare(
        &mut self,
        paint: &Paint,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
    ) -> bool {
        self.clock += 1;
        let picture = paint.pyramid.id();
        let density = paint.colors.shade == Shade::Density;
        self.release(|key| key.view == paint.view && (key.picture, key.density) != (picture, density));
        let scale = screen.pixels_per_point;
        let pixels = Rect::from_min_max(
            (paint.area.min.to_vec2() * scale).to_pos2(),
            (paint.area.max.to_vec2() * scale).to_pos2(),
        );
        let fine = fitting_level(&paint.pyramid, paint.cells, pixels);
        let mut made = 0;
        let (mut drawn, complete) = self.place(paint, fine, pixels, &mut made, device, queue, screen);
        if !complete {
            // Under what is missing lies a coarser picture, a single tile.
            let coarse = coarse_level(&paint.pyramid).max(fine);
            let (below, _) = self.place(paint, coarse, pixels, &mut 0, device, queue, screen);
            drawn.splice(0..0, below);
        }
        self.drawn.insert(paint.view, drawn);
        if self.tiles.len() > KEPT {
            let mut ages: Vec<u64> = self.tiles.values().map(|tile| tile.used).collect();
            ages.sort_unstable();
            // What other views draw in this frame is younger than that.
            let limit = ages[self.tiles.len() - KEPT / 2].min(self.clock.saturating_sub(64));
            let old: Vec<Key> = self.tiles.iter().filter(|(_, tile)| tile.used < limit).map(|(key, _)| *key).collect();
            self.release(|key| old.contains(key));
            self.free.clear();
        }
        complete
    }

    /// The tiles of one level that are seen, as far as they are there or can be made; and whether that is all.
    #[expect(clippy::too_many_arguments, reason = "the renderer's own, passed through")]
    fn place(
        &mut self,
        paint: &Paint,
        level: usize,
        pixels: Rect,
        made: &mut usize,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
    ) -> (Vec<Key>, bool) {
        let (mut drawn, mut complete) = (Vec::new(), true);
        for placed in pieces(&paint.pyramid, level, paint.cells, pixels) {
            let density = paint.colors.shade == Shade::Density;
            let key = Key { view: paint.view, picture: paint.pyramid.id(), density, piece: placed.piece };
            if !self.tiles.contains_key(&key) {
                if *made == MADE {
                    complete = false;
                    continue;
                }
                *made += 1;
                let tile = self.make(paint, placed.piece, device, queue);
                self.tiles.insert(key, tile);
            }
            let uniform = self.uniform(paint, &placed, screen);
            if let Some(tile) = self.tiles.get_mut(&key) {
                tile.used = self.clock;
                queue.write_buffer(&tile.uniform, 0, bytemuck::bytes_of(&uniform));
                drawn.push(key);
            }
        }
        (drawn, complete)
    }

    fn release(&mut self, gone: impl Fn(&Key) -> bool) {
        let keys: Vec<Key> = self.tiles.keys().filter(|key| gone(key)).copied().collect();
        for key in keys {
            self.free.extend(self.tiles.remove(&key));
        }
        self.free.truncate(KEPT / 4);
    }

    fn make(&mut self, paint: &Paint, piece: Piece, device: &wgpu::Device, queue: &wgpu::Queue) -> Tile {
        let start = |tile: usize| (tile * CONTENT) as isize - APRON as isize;
        for (at, row) in self.buffer.chunks_mut(SIDE).enumerate() {
            let i = start(piece.row) + at as isize;
            paint.pyramid.copy_row(paint.colors.shade, piece.level, i, start(piece.col), row);
        }
        let tile = self.free.pop().unwrap_or_else(|| self.allocate(device));
        let size = wgpu::Extent3d { width: SIDE as u32, height: SIDE as u32, depth_or_array_layers: 1 };
        let rows =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * SIDE as u32), rows_per_image: None };
        queue.write_texture(tile.numbers.as_image_copy(), bytemuck::cast_slice(&self.buffer), rows, size);
        tile
    }

    fn allocate(&self, device: &wgpu::Device) -> Tile {
        let numbers = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("matrix tile"),
            size: wgpu::Extent3d { width: SIDE as u32, height: SIDE as u32, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::R32Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let uniform = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("matrix tile"),
            size: size_of::<Uniform>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("matrix tile"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: wgpu::BindingResource::TextureView(&numbers.create_view(&Default::default())),
                },
            ],
        });
        Tile { numbers, uniform, bindings, used: 0 }
    }

    fn uniform(&self, paint: &Paint, placed: &Placed, screen: &ScreenDescriptor) -> Uniform {
        let Rect { min, max } = placed.rect;
        let shade = match (paint.pyramid.kind(), paint.colors.shade) {
            (Kind::Sets, _) => 3,
            (_, Shade::Value) => 0,
            (_, Shade::Density) => 1,
            (_, Shade::Any) => 2,
        };
        Uniform {
            rect: [min.x, min.y, max.x, max.y],
            screen: screen.size_in_pixels.map(|side| side as f32),
            base: placed.base,
            origin: placed.origin,
            step: placed.step,
            scale: colors::HALF as f32 / paint.colors.range,
            shade,
            half: colors::HALF as f32,
            faintest: colors::FAINTEST,
            ramp: colors::RAMP as u32,
            ink: colors::INK as u32,
            sets: colors::SETS as u32,
            fill: 0,
        }
    }
}

/// The colours as a texture of one row.
fn table(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    layout: &wgpu::BindGroupLayout,
    format: wgpu::TextureFormat,
    dark: bool,
) -> wgpu::BindGroup {
    let colors: Vec<[u8; 4]> = Colors::table(dark).into_iter().map(|[r, g, b]| [r, g, b, 255]).collect();
    let size = wgpu::Extent3d { width: colors.len() as u32, height: 1, depth_or_array_layers: 1 };
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("matrix colours"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let rows = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * size.width), rows_per_image: None };
    queue.write_texture(texture.as_image_copy(), bytemuck::cast_slice(&colors), rows, size);
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("matrix colours"),
        layout,
        entries: &[wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::TextureView(&texture.create_view(&Default::default())),
        }],
    })
}
