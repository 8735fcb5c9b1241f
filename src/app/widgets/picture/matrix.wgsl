// A tile of a matrix: each pixel looks at the numbers under it and takes their colour from a table.

struct Tile {
    // Where on screen, in pixels: left, top, right, bottom.
    rect: vec4<f32>,
    // Pixels of the screen.
    screen: vec2<f32>,
    // A whole pixel, and the number at its left and top edge.
    base: vec2<f32>,
    origin: vec2<f32>,
    // Numbers a pixel takes, along x and y.
    step: vec2<f32>,
    // Table entries for a value of 1.
    scale: f32,
    // 0: value, 1: density, 2: mask, 3: sets.
    shade: u32,
    // Half of the table's diverging part, its faintest step; where densities begin, the mask's colour, the first of the
    // sets'.
    half: f32,
    faintest: f32,
    ramp: u32,
    ink: u32,
    sets: u32,
}

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var numbers: texture_2d<f32>;
@group(1) @binding(0) var table: texture_2d<f32>;

// What the pixels need of the tile. It comes through the vertices, which all say the same, because Mesa's software
// rasterizer compiles a shader anew for every value of a uniform that a branch depends on.
struct Seen {
    @builtin(position) at: vec4<f32>,
    @location(0) @interpolate(flat) rect: vec4<f32>,
    // base, origin
    @location(1) @interpolate(flat) places: vec4<f32>,
    // scale, half, faintest
    @location(2) @interpolate(flat) measures: vec3<f32>,
    // shade, ramp, ink, sets
    @location(3) @interpolate(flat) kinds: vec4<u32>,
    @location(4) @interpolate(flat) step: vec2<f32>,
}

@vertex
fn corner(@builtin(vertex_index) index: u32) -> Seen {
    let x = select(tile.rect.x, tile.rect.z, (index & 1u) == 1u);
    let y = select(tile.rect.y, tile.rect.w, index > 1u);
    return Seen(
        vec4(2.0 * x / tile.screen.x - 1.0, 1.0 - 2.0 * y / tile.screen.y, 0.0, 1.0),
        tile.rect,
        vec4(tile.base, tile.origin),
        vec3(tile.scale, tile.half, tile.faintest),
        vec4(tile.shade, tile.ramp, tile.ink, tile.sets),
        tile.step,
    );
}

// The number at the edge of a pixel. All pixels use this one expression, so that neighbours agree on where they meet.
fn edge(seen: Seen, pixel: vec2<f32>) -> vec2<f32> {
    return seen.places.zw + seen.step * (pixel - seen.places.xy);
}

@fragment
fn color(seen: Seen) -> @location(0) vec4<f32> {
    let pixel = floor(seen.at.xy);
    let side = vec2<i32>(textureDimensions(numbers)) - 1;
    let half = seen.measures.y;
    // A thousandth makes up for what is rounded away. At the seam of two tiles, whose origins are rounded each for itself,
    // a number is rather seen on both sides than on none.
    let low = select(vec2(0.001), vec2(-0.002), pixel <= seen.rect.xy);
    let high = select(vec2(0.001), vec2(0.004), pixel + 1.0 >= seen.rect.zw);
    // Chosen as floats: WebGL has no choice between vectors of integers.
    let middle = floor(edge(seen, pixel + 0.5) + 0.001);
    let start = floor(edge(seen, pixel) + low);
    let end = floor(edge(seen, pixel + 1.0) + high) - 1.0;
    // A number that is larger than a pixel is the one in its middle.
    let several = seen.step >= vec2(1.0);
    let first = clamp(vec2<i32>(select(middle, start, several)), vec2(0), side);
    let last = clamp(vec2<i32>(select(middle, max(start, end), several)), vec2(0), side);
    var largest = 0.0;
    var sum = 0.0;
    var members = 0u;
    for (var y = first.y; y <= last.y; y++) {
        for (var x = first.x; x <= last.x; x++) {
            let number = textureLoad(numbers, vec2(x, y), 0).r;
            largest = select(largest, number, abs(number) > abs(largest));
            sum += number;
            members |= u32(max(number, 0.0));
        }
    }
    let count = f32((last.x - first.x + 1) * (last.y - first.y + 1));
    let value = select(largest * seen.measures.x, sum / count * half, seen.kinds.x == 1u);
    let strength = sign(value) * clamp(abs(value), seen.measures.z, half);
    var row = u32(round(half + strength));
    row = select(row, select(u32(half), seen.kinds.y + u32(round(abs(strength))), value != 0.0), seen.kinds.x == 1u);
    row = select(row, seen.kinds.z, seen.kinds.x == 2u && largest != 0.0);
    row = select(row, seen.kinds.w + min(members, 7u), seen.kinds.x == 3u);
    return textureLoad(table, vec2(row, 0u), 0);
}
