// Passes over the rows of a slab, a workgroup each, and the numbers all rows share.

struct Params {
    // Vectors of four in a row of the slab, and words of its mask.
    fours: u32,
    words: u32,
    // Which slab, of how many.
    slab: u32,
    slabs: u32,
    // Rows, without those that only fill up.
    rows: u32,
    // Which of `scalars`.
    slot: u32,
    ridge: f32,
    rho0: f32,
    rho: f32,
    // Whether the smaller system is solved.
    small: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(2) var<storage> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> squares: array<f32>;
@group(0) @binding(4) var<storage, read_write> norms: array<f32>;
// The shifts of the first and the later systems; the weights of Z − U in their right-hand sides.
@group(0) @binding(5) var<storage, read_write> scalars: array<f32, 4>;
@group(0) @binding(6) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(7) var<storage> h: array<vec4f>;

const WIDTH: u32 = 64u;

fn kept_at(row: u32, four: u32) -> vec4<bool> {
    let word = mask[row * params.words + four / 8u] >> (4u * (four % 8u));
    return (vec4u(word) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
}

var<workgroup> parts: array<vec4f, WIDTH>;

// The sum over the workgroup, in a fixed order.
fn total(index: u32, mine: vec4f) -> vec4f {
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

// ‖Z‖² of each row's part.
@compute @workgroup_size(WIDTH)
fn square(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    var sum = 0.0;
    for (var four = index; four < params.fours; four += WIDTH) {
        let z = select(vec4f(), v[group.x * params.fours + four], kept_at(group.x, four));
        sum += dot(z, z);
    }
    let all = total(index, vec4f(sum));
    if index == 0u {
        squares[group.x * params.slabs + params.slab] = all.x;
    }
}

// The norms of all rows, and from their mean square once they are divided by them the shifts.
@compute @workgroup_size(WIDTH)
fn norm(@builtin(local_invocation_index) index: u32) {
    var mean = 0.0;
    for (var row = index; row < params.rows; row += WIDTH) {
        var sum = 0.0;
        for (var slab = 0u; slab < params.slabs; slab++) {
            sum += squares[row * params.slabs + slab];
        }
        // Rows can be empty, at the start above all; the small addend is the published code's.
        let length = sqrt(sum) + 1e-8;
        norms[row] = length;
        mean += sum / (length * length);
    }
    let ridge = params.ridge * total(index, vec4f(mean)).x / f32(params.rows);
    if index == 0u {
        // Without any shift the small system would have nothing to divide by.
        let least = select(0.0, 1e-6, params.small == 1u);
        let first = max(ridge + params.rho0, least);
        let later = max(ridge + params.rho, least);
        scalars[0] = first;
        scalars[1] = later;
        scalars[2] = params.rho0 / select(1.0, first, params.small == 1u);
        scalars[3] = params.rho / select(1.0, later, params.small == 1u);
    }
}

// F: Z with its rows divided by their norms.
@compute @workgroup_size(WIDTH)
fn normalise(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    // Rows that only fill up have no norm.
    let over = select(0.0, 1.0 / norms[group.x], group.x < params.rows);
    for (var four = index; four < params.fours; four += WIDTH) {
        let at = group.x * params.fours + four;
        out[at] = select(vec4f(), v[at] * over, kept_at(group.x, four));
    }
}

// The systems from the Gram matrix in `v`: its shift on the diagonal; and in `out` the same with the other shift.
@compute @workgroup_size(WIDTH)
fn shift(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    // Only the lower triangle, and the tiles on the diagonal, are used.
    let fours = min(params.fours, (group.x / 128u + 1u) * 32u);
    for (var four = index; four < fours; four += WIDTH) {
        let at = group.x * params.fours + four;
        let unit = select(vec4f(), vec4f(1.0), vec4u(4u * four) + vec4u(0u, 1u, 2u, 3u) == vec4u(group.x));
        out[at] = v[at] + scalars[1] * unit;
        v[at] += scalars[0] * unit;
    }
}

// What happens to V first: 0 nothing, 1 it takes up the norms of F's rows, 2 it is forgotten.
override SCALE: u32 = 0u;
// What is written: 0 (Z − U)·weight, 1 the same with `h` added, 2 Z.
override OUTPUT: u32 = 0u;

// The right-hand sides of an iteration, or the sparse factor.
@compute @workgroup_size(WIDTH)
fn row_pass(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let weight = scalars[params.slot];
    for (var four = index; four < params.fours; four += WIDTH) {
        let at = group.x * params.fours + four;
        var now = v[at];
        if SCALE == 1u {
            now *= norms[group.x];
            v[at] = now;
        }
        if SCALE == 2u {
            now = vec4f();
            v[at] = now;
        }
        let kept = kept_at(group.x, four);
        if OUTPUT == 2u {
            out[at] = select(vec4f(), now, kept);
        } else {
            var value = weight * select(-now, now, kept);
            if OUTPUT == 1u {
                value += h[at];
            }
            out[at] = value;
        }
    }
}

@group(0) @binding(8) var<storage> mask_before: array<u32>;
// Z before the half-step: rows of norm 1, and their norms.
@group(0) @binding(9) var<storage> f_before: array<vec4f>;
@group(0) @binding(10) var<storage> norms_before: array<f32>;

// V gives back the norms it took up. Of each row's part ‖Z‖² and ‖Z − Z'‖² as they were scaled, how many positions are in one
// mask only, and how many in the new one.
@compute @workgroup_size(WIDTH)
fn compare(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    // Rows that only fill up hold zeros, and stay so.
    let length = select(1.0, norms[group.x], group.x < params.rows);
    let length_before = norms_before[group.x];
    var sums = vec4f();
    for (var four = index; four < params.fours; four += WIDTH) {
        let at = group.x * params.fours + four;
        let scaled = v[at];
        v[at] = scaled / length;
        let kept = kept_at(group.x, four);
        let before = mask_before[group.x * params.words + four / 8u] >> (4u * (four % 8u));
        let kept_before = (vec4u(before) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
        let z = select(vec4f(), scaled, kept);
        let moved = z - f_before[at] * (length_before * length);
        let changed = select(vec4f(), vec4f(1.0), kept != kept_before);
        let here = select(vec4f(), vec4f(1.0), kept);
        sums += vec4f(dot(z, z), dot(moved, moved), dot(changed, vec4f(1.0)), dot(here, vec4f(1.0)));
    }
    let all = total(index, sums);
    if index == 0u {
        out[group.x * params.slabs + params.slab] = all;
    }
}
