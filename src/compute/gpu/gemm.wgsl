// C = op(A)·op(B), a tile of 8·SIDE × 8·SIDE a workgroup, 8×8 numbers a thread. What becomes of the numbers is in one of the
// files gemm_*.wgsl, which is joined to this one: its `finish` is called for four neighbours in a row, its `conclude` at
// the end. All sizes are multiples of the tile's, so nothing is tested in the loop.
//
// Nothing checks its indices either. In a tile's memory of 2·SIDE² vectors they are k·2·SIDE + SIDE + local with k and local
// below SIDE; index + THREADS with index below THREADS = SIDE²; and, turned, 8·SIDE·x + 6·SIDE + y with x below SIDE/4 and y
// below 2·SIDE. In storage they are those of whole tiles. All of both tiles is written before any of it is read.

// Threads along each side of a tile, and how many steps of the depth are in workgroup memory at a time.
override SIDE: u32 = 16u;
override THREADS: u32 = SIDE * SIDE;
// Vectors of four in the part of a tile that is in workgroup memory.
override PART: u32 = 2u * SIDE * SIDE;
// A is stored depth×rows instead of rows×depth.
override TURN_A: bool = false;
// B is stored cols×depth instead of depth×cols.
override TURN_B: bool = false;
// Only tiles that reach the diagonal or lie below it are computed.
override LOWER: bool = false;

// Places and strides of A, B and what `finish` reads and writes count vectors of four.
struct Params {
    depth: u32,
    // The first tile, across and down: long products are done in parts.
    first_across: u32,
    first_down: u32,
    // Tiles in a whole row of them.
    across: u32,
    a_at: u32,
    a_stride: u32,
    b_at: u32,
    b_stride: u32,
    c_at: u32,
    c_stride: u32,
    // Of the mask's words.
    mask_stride: u32,
    // Where the tiles' sums begin.
    sums_at: u32,
    // Which of `scalars`.
    slot: u32,
    alpha: f32,
    relaxation: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage> a: array<vec4f>;
@group(0) @binding(2) var<storage> b: array<vec4f>;

// SIDE steps of the depth, for each 2·SIDE vectors along the tile.
var<workgroup> tile_a: array<vec4f, PART>;
var<workgroup> tile_b: array<vec4f, PART>;

// What a thread brings to a tile at a time: two vectors where they stand as they are needed; else a block of 4×4 numbers, to
// be turned, from half of the threads. Parts of a vector in workgroup memory are never written by different threads.
struct Piece {
    p0: vec4f,
    p1: vec4f,
    p2: vec4f,
    p3: vec4f,
}

// Of A's tile: B's blocks are the other half's.
fn fetch_a(row: u32, step: u32, index: u32) -> Piece {
    var piece: Piece;
    if TURN_A {
        let at = params.a_at + row / 4u + index % (2u * SIDE);
        piece.p0 = a[at + (step + index / (2u * SIDE)) * params.a_stride];
        piece.p1 = a[at + (step + (index + THREADS) / (2u * SIDE)) * params.a_stride];
    } else if index < THREADS / 2u {
        let at = params.a_at + (row + index / (SIDE / 4u) * 4u) * params.a_stride + step / 4u + index % (SIDE / 4u);
        piece.p0 = a[at];
        piece.p1 = a[at + params.a_stride];
        piece.p2 = a[at + 2u * params.a_stride];
        piece.p3 = a[at + 3u * params.a_stride];
    }
    return piece;
}

fn fetch_b(col: u32, step: u32, index: u32) -> Piece {
    var piece: Piece;
    if !TURN_B {
        let at = params.b_at + col / 4u + index % (2u * SIDE);
        piece.p0 = b[at + (step + index / (2u * SIDE)) * params.b_stride];
        piece.p1 = b[at + (step + (index + THREADS) / (2u * SIDE)) * params.b_stride];
    } else if index >= THREADS / 2u {
        let e = index - THREADS / 2u;
        let at = params.b_at + (col + e / (SIDE / 4u) * 4u) * params.b_stride + step / 4u + e % (SIDE / 4u);
        piece.p0 = b[at];
        piece.p1 = b[at + params.b_stride];
        piece.p2 = b[at + 2u * params.b_stride];
        piece.p3 = b[at + 3u * params.b_stride];
    }
    return piece;
}

fn put_a(index: u32, piece: Piece) {
    if TURN_A {
        tile_a[index] = piece.p0;
        tile_a[index + THREADS] = piece.p1;
    } else if index < THREADS / 2u {
        let at = index % (SIDE / 4u) * 8u * SIDE + index / (SIDE / 4u);
        tile_a[at] = vec4f(piece.p0.x, piece.p1.x, piece.p2.x, piece.p3.x);
        tile_a[at + 2u * SIDE] = vec4f(piece.p0.y, piece.p1.y, piece.p2.y, piece.p3.y);
        tile_a[at + 4u * SIDE] = vec4f(piece.p0.z, piece.p1.z, piece.p2.z, piece.p3.z);
        tile_a[at + 6u * SIDE] = vec4f(piece.p0.w, piece.p1.w, piece.p2.w, piece.p3.w);
    }
}

fn put_b(index: u32, piece: Piece) {
    if !TURN_B {
        tile_b[index] = piece.p0;
        tile_b[index + THREADS] = piece.p1;
    } else if index >= THREADS / 2u {
        let e = index - THREADS / 2u;
        let at = e % (SIDE / 4u) * 8u * SIDE + e / (SIDE / 4u);
        tile_b[at] = vec4f(piece.p0.x, piece.p1.x, piece.p2.x, piece.p3.x);
        tile_b[at + 2u * SIDE] = vec4f(piece.p0.y, piece.p1.y, piece.p2.y, piece.p3.y);
        tile_b[at + 4u * SIDE] = vec4f(piece.p0.z, piece.p1.z, piece.p2.z, piece.p3.z);
        tile_b[at + 6u * SIDE] = vec4f(piece.p0.w, piece.p1.w, piece.p2.w, piece.p3.w);
    }
}

// The sum of all threads' numbers, in a fixed order. In the tile's memory, which nobody reads any more: both tiles of a SIDE
// of 16 are all that a workgroup may have.
fn total(index: u32, mine: f32) -> f32 {
    tile_a[index] = vec4f(mine);
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if index < half {
            tile_a[index] += tile_a[index + half];
        }
        workgroupBarrier();
    }
    return tile_a[0].x;
}

@compute @workgroup_size(SIDE, SIDE)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    let tile = vec2u(group.x + params.first_across, group.y + params.first_down);
    let row = tile.y * 8u * SIDE;
    let col = tile.x * 8u * SIDE;
    if LOWER && col > row {
        return;
    }
    var c00 = vec4f(); var c01 = vec4f(); var c10 = vec4f(); var c11 = vec4f();
    var c20 = vec4f(); var c21 = vec4f(); var c30 = vec4f(); var c31 = vec4f();
    var c40 = vec4f(); var c41 = vec4f(); var c50 = vec4f(); var c51 = vec4f();
    var c60 = vec4f(); var c61 = vec4f(); var c70 = vec4f(); var c71 = vec4f();
    var next_a = fetch_a(row, 0u, index);
    var next_b = fetch_b(col, 0u, index);
    for (var step = SIDE; step <= params.depth; step += SIDE) {
        put_a(index, next_a);
        put_b(index, next_b);
        workgroupBarrier();
        // The next tiles are under way while these are multiplied.
        if step < params.depth {
            next_a = fetch_a(row, step, index);
            next_b = fetch_b(col, step, index);
        }
        for (var k = 0u; k < SIDE; k++) {
            let at_a = k * 2u * SIDE + local.y;
            let at_b = k * 2u * SIDE + local.x;
            let upper = tile_a[at_a];
            let lower = tile_a[at_a + SIDE];
            let left = tile_b[at_b];
            let right = tile_b[at_b + SIDE];
            c00 += upper.x * left; c01 += upper.x * right;
            c10 += upper.y * left; c11 += upper.y * right;
            c20 += upper.z * left; c21 += upper.z * right;
            c30 += upper.w * left; c31 += upper.w * right;
            c40 += lower.x * left; c41 += lower.x * right;
            c50 += lower.y * left; c51 += lower.y * right;
            c60 += lower.z * left; c61 += lower.z * right;
            c70 += lower.w * left; c71 += lower.w * right;
        }
        workgroupBarrier();
    }
    let upper = row + 4u * local.y;
    let lower = upper + 4u * SIDE;
    let left = col / 4u + local.x;
    let right = left + SIDE;
    finish(upper, left, c00); finish(upper, right, c01);
    finish(upper + 1u, left, c10); finish(upper + 1u, right, c11);
    finish(upper + 2u, left, c20); finish(upper + 2u, right, c21);
    finish(upper + 3u, left, c30); finish(upper + 3u, right, c31);
    finish(lower, left, c40); finish(lower, right, c41);
    finish(lower + 1u, left, c50); finish(lower + 1u, right, c51);
    finish(lower + 2u, left, c60); finish(lower + 2u, right, c61);
    finish(lower + 3u, left, c70); finish(lower + 3u, right, c71);
    conclude(tile.y * params.across + tile.x, index);
}
