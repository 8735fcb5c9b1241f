// A tile of a matrix: each pixel looks at the numbers under it and takes their colour from a table.

struct Tile {
    // Where on screen, in pixels: left, top, right, bottom.
    rect: vec4<f32>,
    // Pixels of the screen.
    screen: vec2<f32>,
    // A whole pixel, and the number at its left and top edge.
    base: vec2<f32>,
    origin: vec2<f32>,
    // Numbers a pixel takes.
    step: f32,
    // Table entries for a value of 1.
    scale: f32,
    // 0: value, 1: density, 2: mask, 3: sets.
    shade: u32,
    // Half of the table's diverging part, its faintest step, the mask's colour and the first of the sets'.
    half: f32,
    faintest: f32,
    ink: u32,
    sets: u32,
    // Whether the target wants linear colours.
    linear: u32,
}

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var numbers: texture_2d<f32>;
@group(1) @binding(0) var table: texture_2d<f32>;

@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let x = select(tile.rect.x, tile.rect.z, (index & 1u) == 1u);
    let y = select(tile.rect.y, tile.rect.w, index > 1u);
    return vec4(2.0 * x / tile.screen.x - 1.0, 1.0 - 2.0 * y / tile.screen.y, 0.0, 1.0);
}

// The number at the edge of a pixel. All pixels use this one expression, so that neighbours agree on where they meet.
fn edge(pixel: vec2<f32>) -> vec2<f32> {
    return tile.origin + tile.step * (pixel - tile.base);
}

@fragment
fn color(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    let pixel = floor(at.xy);
    let side = vec2<i32>(textureDimensions(numbers)) - 1;
    var first = vec2<i32>(floor(edge(pixel + 0.5) + 0.001));
    var last = first;
    if tile.step >= 1.0 {
        // A thousandth makes up for what is rounded away. At the seam of two tiles, whose origins are rounded each for
        // itself, a number is rather seen on both sides than on none.
        let low = select(vec2(0.001), vec2(-0.002), pixel <= tile.rect.xy);
        let high = select(vec2(0.001), vec2(0.004), pixel + 1.0 >= tile.rect.zw);
        first = vec2<i32>(floor(edge(pixel) + low));
        last = max(first, vec2<i32>(floor(edge(pixel + 1.0) + high)) - 1);
    }
    first = clamp(first, vec2(0), side);
    last = clamp(last, vec2(0), side);
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
    var value = largest * tile.scale;
    if tile.shade == 1u {
        value = sum / count * tile.half;
    }
    var index = tile.half;
    if value != 0.0 {
        index += sign(value) * clamp(abs(value), tile.faintest, tile.half);
    }
    var row = u32(round(index));
    if tile.shade == 2u && largest != 0.0 {
        row = tile.ink;
    }
    if tile.shade == 3u {
        row = tile.sets + min(members, 7u);
    }
    let rgb = textureLoad(table, vec2(row, 0u), 0).rgb;
    if tile.linear == 1u {
        return vec4(select(pow((rgb + 0.055) / 1.055, vec3(2.4)), rgb / 12.92, rgb < vec3(0.04045)), 1.0);
    }
    return vec4(rgb, 1.0);
}
