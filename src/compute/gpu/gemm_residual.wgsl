// ‖T − AB‖², a sum for each tile.

@group(0) @binding(3) var<storage> t: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;

var<private> sum: f32 = 0.0;

fn finish(row: u32, four: u32, value: vec4f) {
    let rest = t[params.c_at + row * params.c_stride + four] - value;
    sum += dot(rest, rest);
}

fn conclude(tile: u32, index: u32) {
    let all = total(index, sum);
    if index == 0u {
        sums[params.sums_at + tile] = all;
    }
}
