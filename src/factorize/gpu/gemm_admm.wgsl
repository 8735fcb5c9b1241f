// The end of an inner iteration: from Y, a product, the new V = λY + (1 − λ)Z + U, and what the next step needs of it. As in
// `factorize::half_step`.

// Y is the product and what stands in `next`, as the smaller system has it, instead of the product with its sign turned.
override SMALL: bool = false;
// What goes to `next`: 0 nothing, 1 (Z − U)·weight, and unless SMALL what is in `h` added; 2 Z.
override NEXT: u32 = 0u;

@group(0) @binding(3) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(4) var<storage> mask: array<u32>;
@group(0) @binding(5) var<storage> h: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> next: array<vec4f>;
// ‖Y − M⊙Y‖² by tiles.
@group(0) @binding(7) var<storage, read_write> sums: array<f32>;
@group(0) @binding(8) var<storage> scalars: array<f32>;

var<private> outside: f32 = 0.0;

fn finish(row: u32, four: u32, value: vec4f) {
    let at = row * params.c_stride + four;
    let word = mask[row * params.mask_stride + four / 8u] >> (4u * (four % 8u));
    let kept = (vec4u(word) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
    var y = -value;
    if SMALL {
        y = next[at] + value;
    }
    let beyond = select(y, vec4f(), kept);
    outside += dot(beyond, beyond);
    let before = select(vec4f(1.0), vec4f(1.0 - params.relaxation), kept);
    let now = params.relaxation * y + before * v[at];
    v[at] = now;
    if NEXT == 1u {
        var right = scalars[params.slot] * select(-now, now, kept);
        if !SMALL {
            right += h[at];
        }
        next[at] = right;
    }
    if NEXT == 2u {
        next[at] = select(vec4f(), now, kept);
    }
}

fn conclude(tile: u32, index: u32) {
    let all = total(index, outside);
    if index == 0u {
        sums[params.sums_at + tile] = all;
    }
}
