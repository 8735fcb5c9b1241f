//! Many small pictures in one texture.

use eframe::egui::{
    Color32, ColorImage, Context, Mesh, Rect, Shape, TextureHandle, TextureId, TextureOptions, Ui, pos2, vec2,
};

/// Greatest side of the texture, in pixels: what the weakest adapters have.
const MOST: usize = 2048;

/// Pictures of one size in one texture.
pub struct Atlas {
    texture: TextureHandle,
    /// Width and height of a picture, in pixels.
    size: [usize; 2],
    columns: usize,
    count: usize,
}

/// One of the pictures.
#[derive(Clone, Copy)]
pub struct Tile {
    texture: TextureId,
    uv: Rect,
    /// Width over height.
    aspect: f32,
}

impl Atlas {
    /// Puts the pictures, all of one size, into a texture; as many as find room there.
    pub fn new(ctx: &Context, name: &str, pictures: &[ColorImage]) -> Self {
        let size = pictures.first().map_or([1, 1], |first| first.size);
        let most = size.map(|side| (MOST / side.max(1)).max(1));
        let columns = most[0].min((pictures.len() as f64).sqrt().ceil() as usize).max(1);
        let count = pictures.len().min(columns * most[1]);
        let rows = count.div_ceil(columns).max(1);
        let mut whole = ColorImage::filled([columns * size[0], rows * size[1]], Color32::TRANSPARENT);
        for (at, picture) in pictures.iter().take(count).enumerate() {
            let (left, top) = (at % columns * size[0], at / columns * size[1]);
            for (y, row) in picture.pixels.chunks_exact(size[0].max(1)).enumerate() {
                let start = (top + y) * whole.size[0] + left;
                whole.pixels[start..start + size[0]].copy_from_slice(row);
            }
        }
        Self { texture: ctx.load_texture(name, whole, TextureOptions::NEAREST), size, columns, count }
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Width and height of a picture, in pixels.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// One of the pictures.
    pub fn tile(&self, at: usize) -> Tile {
        let whole = self.texture.size_vec2();
        let size = vec2(self.size[0] as f32, self.size[1] as f32);
        let min = pos2((at % self.columns) as f32 * size.x / whole.x, (at / self.columns) as f32 * size.y / whole.y);
        Tile { texture: self.texture.id(), uv: Rect::from_min_size(min, size / whole), aspect: size.x / size.y }
    }
}

impl Tile {
    /// Draws it as large as fits into `room`, in its middle.
    pub fn paint(self, ui: &Ui, room: Rect) {
        let size = vec2(room.width().min(room.height() * self.aspect), room.height().min(room.width() / self.aspect));
        let mut mesh = Mesh::with_texture(self.texture);
        mesh.add_rect_with_uv(Rect::from_center_size(room.center(), size), self.uv, Color32::WHITE);
        ui.painter().add(Shape::mesh(mesh));
    }
}
