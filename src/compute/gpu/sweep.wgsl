// The inverse of a symmetric positive definite matrix, a block of 64 columns at a time. With D the inverse of the block on
// the diagonal and P = A[:, block], a step is A ← A − P·D·Pᵀ outside of the block's rows and columns, P·D in them, and −D
// where they meet; after all of them A is the negative of its inverse. The pivots are the squares of Cholesky's. Only the
// lower triangle, and the blocks on the diagonal, are kept up.

struct Params {
    // Of A, in numbers.
    stride: u32,
    // Which block.
    block: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
// D, 64×64.
@group(0) @binding(2) var<storage, read_write> d: array<f32>;
// P and P·D with rows for columns, 64×n; zeros in the block's own columns.
@group(0) @binding(3) var<storage, read_write> panel: array<f32>;
@group(0) @binding(4) var<storage, read_write> panel_d: array<f32>;

// Twice, so that one barrier a step is enough.
var<workgroup> column: array<f32, 128>;

// D by the same steps, column by column. A thread has 4×4 numbers.
@compute @workgroup_size(16, 16)
fn pivot(@builtin(local_invocation_id) local: vec3u) {
    let first = params.block * 64u;
    let corner = (first + 4u * local.y) * params.stride + first + 4u * local.x;
    var rows: array<vec4f, 4>;
    for (var i = 0u; i < 4u; i++) {
        let at = corner + i * params.stride;
        rows[i] = vec4f(a[at], a[at + 1u], a[at + 2u], a[at + 3u]);
    }
    for (var step = 0u; step < 64u; step++) {
        let half = step % 2u * 64u;
        if local.x == step / 4u {
            for (var i = 0u; i < 4u; i++) {
                column[half + 4u * local.y + i] = rows[i][step % 4u];
            }
        }
        workgroupBarrier();
        // Not positive: the matrix is singular as far as the numbers go. As if 1 were added to this entry of its diagonal,
        // which is 1 or nothing before the shift.
        let found = column[half + step];
        let over = 1.0 / select(1.0, found, found > 1e-7);
        let across = vec4f(
            column[half + 4u * local.x],
            column[half + 4u * local.x + 1u],
            column[half + 4u * local.x + 2u],
            column[half + 4u * local.x + 3u],
        );
        let this_col = vec4u(4u * local.x) + vec4u(0u, 1u, 2u, 3u) == vec4u(step);
        for (var i = 0u; i < 4u; i++) {
            let down = column[half + 4u * local.y + i] * over;
            let this_row = 4u * local.y + i == step;
            let other = rows[i] - down * across;
            let in_col = select(other, vec4f(down), this_col);
            let in_row = select(across * over, vec4f(-over), this_col);
            rows[i] = select(in_col, in_row, this_row);
        }
    }
    for (var i = 0u; i < 4u; i++) {
        let at = (4u * local.y + i) * 64u + 4u * local.x;
        d[at] = -rows[i].x;
        d[at + 1u] = -rows[i].y;
        d[at + 2u] = -rows[i].z;
        d[at + 3u] = -rows[i].w;
    }
}

var<workgroup> part: array<f32, 1024>;
var<workgroup> part_d: array<f32, 1024>;

// 64 rows of P and P·D, and their places in A.
@compute @workgroup_size(16, 16)
fn panels(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    let n = groups.x * 64u;
    let row = group.x * 64u;
    let first = params.block * 64u;
    if row == first {
        for (var e = index; e < 4096u; e += 256u) {
            let at = e / 64u * n + row + e % 64u;
            panel[at] = 0.0;
            panel_d[at] = 0.0;
            a[(first + e / 64u) * params.stride + first + e % 64u] = -d[e];
        }
        return;
    }
    let below = row > first;
    var sums: array<vec4f, 4>;
    for (var step = 0u; step < 64u; step += 16u) {
        // 16 columns of 64 rows of P, and 16 rows of D.
        for (var e = index; e < 1024u; e += 256u) {
            part_d[e] = d[step * 64u + e];
            if below {
                let value = a[(row + e / 16u) * params.stride + first + step + e % 16u];
                part[e % 16u * 64u + e / 16u] = value;
            } else {
                part[e] = a[(first + step + e / 64u) * params.stride + row + e % 64u];
            }
        }
        workgroupBarrier();
        for (var e = index; e < 1024u; e += 256u) {
            panel[(step + e / 64u) * n + row + e % 64u] = part[e];
        }
        for (var k = 0u; k < 16u; k++) {
            let at = k * 64u + 4u * local.x;
            let across = vec4f(part_d[at], part_d[at + 1u], part_d[at + 2u], part_d[at + 3u]);
            for (var i = 0u; i < 4u; i++) {
                sums[i] += part[k * 64u + 4u * local.y + i] * across;
            }
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        for (var j = 0u; j < 4u; j++) {
            let r = row + 4u * local.y + i;
            let c = 4u * local.x + j;
            let value = sums[i][j];
            panel_d[c * n + r] = value;
            let at = select((first + c) * params.stride + r, r * params.stride + first + c, below);
            a[at] = value;
        }
    }
}

// 16×16 numbers, and one column so that no two threads meet in a bank.
var<workgroup> turned: array<f32, 272>;

// The upper triangle from the lower one.
@compute @workgroup_size(16, 16)
fn mirror(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    if group.x > group.y {
        return;
    }
    let tile = vec2u(group.xy) * 16u;
    turned[local.y * 17u + local.x] = a[(tile.y + local.y) * params.stride + tile.x + local.x];
    workgroupBarrier();
    if group.x < group.y || local.x > local.y {
        a[(tile.x + local.y) * params.stride + tile.y + local.x] = turned[local.x * 17u + local.y];
    }
}
