// Exactly the `budget` entries of largest magnitude of a matrix in slabs: the bits of |x| order like |x|, so three histograms,
// of 11, 10 and 10 bits, find the last one kept; of equal ones the first by rows are taken. Then the kept values, packed.

const BINS: u32 = 2048u;

struct Params {
    rows: u32,
    // Vectors of four in a row of the slab.
    fours: u32,
    // Words of the mask in a row.
    words: u32,
    // Which slab, of how many.
    slab: u32,
    slabs: u32,
    // Of `pick`: what is asked for. Of `scan`: how many counts.
    budget: u32,
    // Whose bits a bin's number is, and how many there are.
    shift: u32,
    bits: u32,
}

struct Cut {
    // The leading bits of the magnitude of the last entry kept; at last all of them.
    prefix: u32,
    // How many are still to be found among those that have this prefix.
    left: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage> v: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> cut: Cut;
@group(0) @binding(3) var<storage, read_write> bins: array<atomic<u32>, BINS>;
@group(0) @binding(4) var<storage, read_write> mask: array<u32>;
@group(0) @binding(5) var<storage, read_write> counts: array<u32>;
@group(0) @binding(6) var<storage, read_write> packed: array<f32>;

fn magnitude(x: vec4f) -> vec4u {
    return bitcast<vec4u>(x) & vec4u(0x7fffffffu);
}

var<workgroup> local_bins: array<atomic<u32>, BINS>;

@compute @workgroup_size(256)
fn histogram(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    for (var bin = index; bin < BINS; bin += 256u) {
        atomicStore(&local_bins[bin], 0u);
    }
    workgroupBarrier();
    let last = (1u << params.bits) - 1u;
    let prefix = cut.prefix;
    let above = params.shift + params.bits;
    let all = params.rows * params.fours;
    for (var at = group.x * 256u + index; at < all; at += groups.x * 256u) {
        let m = magnitude(v[at]);
        for (var lane = 0u; lane < 4u; lane++) {
            // Nothing is above the first eleven bits.
            if above >= 31u || (m[lane] >> above) == prefix {
                atomicAdd(&local_bins[(m[lane] >> params.shift) & last], 1u);
            }
        }
    }
    workgroupBarrier();
    for (var bin = index; bin < BINS; bin += 256u) {
        let count = atomicLoad(&local_bins[bin]);
        if count > 0u {
            atomicAdd(&bins[bin], count);
        }
    }
}

var<workgroup> sums: array<u32, 256>;

// Inclusive sums over the workgroup.
fn sum_up(index: u32, value: u32) -> u32 {
    sums[index] = value;
    workgroupBarrier();
    for (var reach = 1u; reach < 256u; reach *= 2u) {
        var other = 0u;
        if index >= reach {
            other = sums[index - reach];
        }
        workgroupBarrier();
        sums[index] += other;
        workgroupBarrier();
    }
    return sums[index];
}

// The bin of the last entry kept, from the highest down; eight bins a thread. The histogram is empty afterwards.
@compute @workgroup_size(256)
fn pick(@builtin(local_invocation_index) index: u32) {
    var wanted = params.budget;
    if params.shift + params.bits < 31u {
        wanted = cut.left;
    }
    let top = BINS - 1u - 8u * index;
    var mine = 0u;
    for (var i = 0u; i < 8u; i++) {
        mine += atomicLoad(&bins[top - i]);
    }
    let before = sum_up(index, mine) - mine;
    if before < wanted && wanted <= before + mine {
        var left = wanted - before;
        var bin = top;
        for (var i = 0u; i < 8u; i++) {
            let count = atomicLoad(&bins[top - i]);
            if left <= count {
                bin = top - i;
                break;
            }
            left -= count;
        }
        var prefix = bin;
        if params.shift + params.bits < 31u {
            prefix |= cut.prefix << params.bits;
        }
        // Zeros are never kept.
        if params.shift == 0u && prefix == 0u {
            left = 0u;
        }
        cut.prefix = prefix;
        cut.left = left;
    }
    workgroupBarrier();
    for (var i = 0u; i < 8u; i++) {
        atomicStore(&bins[top - i], 0u);
    }
}

var<workgroup> count: atomic<u32>;

// A row's entries above the cut, and how many are equal to it.
@compute @workgroup_size(64)
fn mark(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let cut_at = vec4u(cut.prefix);
    var equal = 0u;
    for (var word = index; word < params.words; word += 64u) {
        var kept = 0u;
        for (var i = 0u; i < 8u; i++) {
            let m = magnitude(v[group.x * params.fours + word * 8u + i]);
            let above = select(vec4u(), vec4u(1u, 2u, 4u, 8u), m > cut_at);
            let same = select(vec4u(), vec4u(1u), m == cut_at);
            kept |= (above.x | above.y | above.z | above.w) << (4u * i);
            equal += same.x + same.y + same.z + same.w;
        }
        mask[group.x * params.words + word] = kept;
    }
    atomicAdd(&count, equal);
    workgroupBarrier();
    if index == 0u {
        counts[group.x * params.slabs + params.slab] = atomicLoad(&count);
    }
}

// Counts into what comes before each; the sum of all stands behind the last.
@compute @workgroup_size(256)
fn scan(@builtin(local_invocation_index) index: u32) {
    let share = (params.budget + 255u) / 256u;
    let first = min(index * share, params.budget);
    let past = min(first + share, params.budget);
    var mine = 0u;
    for (var at = first; at < past; at++) {
        mine += counts[at];
    }
    var before = sum_up(index, mine) - mine;
    for (var at = first; at < past; at++) {
        let here = counts[at];
        counts[at] = before;
        before += here;
    }
    if index == 255u {
        counts[params.budget] = before;
    }
}

// Of a row's entries equal to the cut those that are kept as well. Few rows have any.
@compute @workgroup_size(1)
fn settle(@builtin(workgroup_id) group: vec3u) {
    let at = group.x * params.slabs + params.slab;
    var before = counts[at];
    let past = min(counts[at + 1u], cut.left);
    for (var word = 0u; word < params.words && before < past; word++) {
        for (var bit = 0u; bit < 32u; bit++) {
            let m = magnitude(v[group.x * params.fours + word * 8u + bit / 4u]);
            if m[bit % 4u] == cut.prefix && before < past {
                mask[group.x * params.words + word] |= 1u << bit;
                before += 1u;
            }
        }
    }
}

// How many entries of a row are kept.
@compute @workgroup_size(64)
fn tally(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    var kept = 0u;
    for (var word = index; word < params.words; word += 64u) {
        kept += countOneBits(mask[group.x * params.words + word]);
    }
    atomicAdd(&count, kept);
    workgroupBarrier();
    if index == 0u {
        counts[group.x] = atomicLoad(&count);
    }
}

// A row's kept values, behind those of the rows before.
@compute @workgroup_size(256)
fn pack(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    var before = counts[group.x];
    for (var first = 0u; first < params.words; first += 256u) {
        let word = first + index;
        var kept = 0u;
        if word < params.words {
            kept = mask[group.x * params.words + word];
        }
        let past = sum_up(index, countOneBits(kept));
        var at = before + past - countOneBits(kept);
        while kept != 0u {
            let bit = firstTrailingBit(kept);
            packed[at] = v[group.x * params.fours + word * 8u + bit / 4u][bit % 4u];
            kept &= kept - 1u;
            at += 1u;
        }
        workgroupBarrier();
        before += sums[255];
        workgroupBarrier();
    }
}
