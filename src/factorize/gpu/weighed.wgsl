// Passes over the rows of a slab for half-steps in a metric of the inputs, a workgroup each.

struct Params {
    // Vectors of four in a row of the slab.
    fours: u32,
    // The columns that are weighed, in vectors of four: the first and how many; and the first of their weights.
    first: u32,
    count: u32,
    weights_at: u32,
    // Where the sums go, and how far apart those of neighbouring rows are.
    sums_at: u32,
    sums_stride: u32,
    // Rows, without those that only fill up.
    rows: u32,
    // Whether the norms are brought up to date too.
    whole: u32,
    shift: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(2) var<storage> other: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
@group(0) @binding(4) var<storage> weights: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> norms: array<f32>;
@group(0) @binding(6) var<storage> more_norms: array<f32>;
// The shifts of the first and the later systems.
@group(0) @binding(7) var<storage> scalars: array<f32, 4>;
@group(0) @binding(8) var<storage, read_write> out: array<vec4f>;

const WIDTH: u32 = 64u;

var<workgroup> parts: array<f32, WIDTH>;

// The sum over the workgroup, in a fixed order.
fn total(index: u32, mine: f32) -> f32 {
    parts[index] = mine;
    workgroupBarrier();
    for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
        if index < half {
            parts[index] += parts[index + half];
        }
        workgroupBarrier();
    }
    return parts[0];
}

// Each column of `other` times its weight, in `v`.
@compute @workgroup_size(WIDTH)
fn weigh(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    for (var four = index; four < params.count; four += WIDTH) {
        let at = group.x * params.fours + params.first + four;
        v[at] = other[at] * weights[params.weights_at + four];
    }
}

// The sum of each row's squares.
@compute @workgroup_size(WIDTH)
fn squares(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    var sum = 0.0;
    for (var four = index; four < params.fours; four += WIDTH) {
        let x = v[group.x * params.fours + four];
        sum += dot(x, x);
    }
    let all = total(index, sum);
    if index == 0u {
        sums[params.sums_at + group.x * params.sums_stride] = all;
    }
}

// The sum of each row's products of `v` and `other`.
@compute @workgroup_size(WIDTH)
fn products(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    var sum = 0.0;
    for (var four = index; four < params.fours; four += WIDTH) {
        let at = group.x * params.fours + four;
        sum += dot(v[at], other[at]);
    }
    let all = total(index, sum);
    if index == 0u {
        sums[params.sums_at + group.x * params.sums_stride] = all;
    }
}

// The rows divided by more norms, which the norms then contain.
@compute @workgroup_size(WIDTH)
fn divide(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    if group.x >= params.rows {
        return;
    }
    let norm = more_norms[group.x];
    for (var four = index; four < params.fours; four += WIDTH) {
        v[group.x * params.fours + four] /= norm;
    }
    if index == 0u && params.whole == 1u {
        norms[group.x] *= norm;
    }
}

// The systems from the Gram matrix in `v`: their shifts times the matrix `other`; in `out` the later one.
@compute @workgroup_size(WIDTH)
fn shift_by(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    // Only the lower triangle, and the tiles on the diagonal, are used.
    let fours = min(params.fours, (group.x / 128u + 1u) * 32u);
    for (var four = index; four < fours; four += WIDTH) {
        let at = group.x * params.fours + four;
        out[at] = v[at] + scalars[1] * other[at];
        v[at] += scalars[0] * other[at];
    }
}

// `other` with the shift on its diagonal, in `v`.
@compute @workgroup_size(WIDTH)
fn lift(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let fours = min(params.fours, (group.x / 128u + 1u) * 32u);
    for (var four = index; four < fours; four += WIDTH) {
        let at = group.x * params.fours + four;
        let unit = select(vec4f(), vec4f(1.0), vec4u(4u * four) + vec4u(0u, 1u, 2u, 3u) == vec4u(group.x));
        v[at] = other[at] + params.shift * unit;
    }
}
