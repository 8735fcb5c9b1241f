// C ← alpha·AB, or C ← C + alpha·AB.

override ACCUMULATE: bool = false;

@group(0) @binding(3) var<storage, read_write> c: array<vec4f>;

fn finish(row: u32, four: u32, value: vec4f) {
    let at = params.c_at + row * params.c_stride + four;
    if ACCUMULATE {
        c[at] += params.alpha * value;
    } else {
        c[at] = params.alpha * value;
    }
}

fn conclude(tile: u32, index: u32) {}
