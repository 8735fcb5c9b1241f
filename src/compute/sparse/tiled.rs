//! The sparse format that runs: tiles of 64×64, sixteen rows at a time.

use super::lanes::{LANES, TILE, TILE_LANES};
use super::values::{Converter, Value, ValueFormat, Values, with_values};
use crate::matrix::{Csr, Matrix};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use strum::{IntoStaticStr, VariantArray};

/// How the columns of a tile's entries are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Positions {
    /// One byte an entry, its column in the tile: for few entries.
    Columns,
    /// Four bits an entry, the difference to the column before it in its row; an entry of value 0 stands in where the
    /// difference is larger than 15.
    Differences,
}

/// The largest difference of two columns that four bits hold.
const MOST: u8 = 15;

/// Steps of a slice at most: an entry for each column, and those that stand in.
pub(super) const STEPS: usize = TILE + TILE / MOST as usize;

/// A sparse matrix in tiles.
///
/// A tile's 64 rows are sorted by their number of entries, and stand in 64 lanes in that order; sixteen lanes are a
/// slice, with as many steps as its first lane has entries. Lanes with fewer are filled up with zeros.
#[derive(Clone, Debug)]
pub struct Tiled {
    rows: usize,
    cols: usize,
    nnz: usize,
    positions: Positions,
    /// Where each strip of 64 rows starts in `columns` and in `values`; one more at the end.
    starts: Vec<[usize; 2]>,
    /// Steps of each tile's four slices, strip by strip.
    steps: Vec<[u8; TILE_LANES]>,
    /// The lane of each of a tile's rows.
    lanes: Vec<[u8; TILE]>,
    /// The columns of a step, or the differences of two steps: the first in the lower four bits.
    columns: Vec<[u8; LANES]>,
    values: Values,
}

/// A strip of 64 rows.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a, V> {
    pub(super) positions: Positions,
    pub(super) steps: &'a [[u8; TILE_LANES]],
    pub(super) lanes: &'a [[u8; TILE]],
    pub(super) columns: &'a [[u8; LANES]],
    pub(super) values: &'a [[V; LANES]],
}

impl Tiled {
    /// Prepares `matrix`, with values rounded to `format`.
    pub fn new(matrix: &Csr, format: ValueFormat, positions: Positions) -> Self {
        let (rows, cols) = matrix.shape();
        let mut out = Self {
            rows,
            cols,
            nnz: matrix.nnz(),
            positions,
            starts: vec![[0, 0]],
            steps: Vec::new(),
            lanes: Vec::new(),
            columns: Vec::new(),
            values: Values::empty(format),
        };
        let mut tile: Vec<Vec<(u8, f32)>> = vec![Vec::new(); TILE];
        for first in (0..rows).step_by(TILE) {
            let mut next: Vec<Range<usize>> = (first..(first + TILE).min(rows))
                .map(|row| matrix.row_starts()[row]..matrix.row_starts()[row + 1])
                .collect();
            for left in (0..cols).step_by(TILE) {
                tile.iter_mut().for_each(Vec::clear);
                for (entries, rest) in tile.iter_mut().zip(&mut next) {
                    let own = &matrix.indices()[rest.clone()];
                    let count = own.partition_point(|&column| (column as usize) < left + TILE);
                    let values = &matrix.values()[rest.start..rest.start + count];
                    let own = own[..count].iter().map(|&column| (column as usize - left) as u8);
                    positions.encode(own.zip(values.iter().copied()), entries);
                    rest.start += count;
                }
                out.push_tile(&tile);
            }
            out.starts.push([out.columns.len(), out.values.len()]);
        }
        out.columns.shrink_to_fit();
        out.values.shrink();
        out
    }

    fn push_tile(&mut self, tile: &[Vec<(u8, f32)>]) {
        let mut order: [usize; TILE] = std::array::from_fn(|row| row);
        order.sort_by_key(|&row| std::cmp::Reverse(tile[row].len()));
        let mut lanes = [0; TILE];
        order.iter().enumerate().for_each(|(lane, &row)| lanes[row] = lane as u8);
        self.lanes.push(lanes);
        let mut steps = [0; TILE_LANES];
        for (rows, steps) in order.as_chunks::<LANES>().0.iter().zip(&mut steps) {
            let count = tile[rows[0]].len();
            *steps = count as u8;
            let at = |row: usize, step: usize| tile[row].get(step).copied().unwrap_or_default();
            match self.positions {
                Positions::Columns => self.columns.extend((0..count).map(|step| rows.map(|row| at(row, step).0))),
                Positions::Differences => self.columns.extend(
                    (0..count).step_by(2).map(|step| rows.map(|row| at(row, step).0 | at(row, step + 1).0 << 4)),
                ),
            }
            (0..count).for_each(|step| self.values.push(rows.map(|row| at(row, step).1)));
        }
        self.steps.push(steps);
    }

    /// Shape as `(rows, cols)`.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Number of nonzeros of the matrix.
    pub fn nnz(&self) -> usize {
        self.nnz
    }

    /// How it keeps columns.
    pub fn positions(&self) -> Positions {
        self.positions
    }

    /// How it keeps values.
    pub fn values(&self) -> ValueFormat {
        self.values.format()
    }

    /// Bytes in memory, all of which a product reads.
    pub fn bytes(&self) -> usize {
        let per_tile = size_of::<[u8; TILE]>() + size_of::<[u8; TILE_LANES]>();
        self.columns.len() * LANES + self.values.bytes() + self.lanes.len() * per_tile + size_of_val(&self.starts[..])
    }

    /// The values of all strips, for [`with_values`].
    pub(super) fn all_values(&self) -> &Values {
        &self.values
    }

    /// Strip `at` of the matrix, whose values are `values`.
    pub(super) fn strip<'a, V>(&'a self, at: usize, values: &'a [[V; LANES]]) -> Strip<'a, V> {
        let tiles = self.cols.div_ceil(TILE);
        let ([columns, from], [columns_end, to]) = (self.starts[at], self.starts[at + 1]);
        Strip {
            positions: self.positions,
            steps: &self.steps[at * tiles..(at + 1) * tiles],
            lanes: &self.lanes[at * tiles..(at + 1) * tiles],
            columns: &self.columns[columns..columns_end],
            values: &values[from..to],
        }
    }

    /// The matrix with its zeros, as the products see it.
    pub fn to_dense(&self) -> Matrix {
        fn fill<V: Value>(of: &Tiled, values: &[[V; LANES]], out: &mut Matrix) {
            let (rows, cols) = of.shape();
            let mut scratch = Scratch::default();
            for first in (0..rows).step_by(TILE) {
                let strip = of.strip(first / TILE, values);
                let mut slices = strip.slices();
                for (tile, (steps, lanes)) in strip.steps.iter().zip(strip.lanes).enumerate() {
                    let row_of = row_of_lane(lanes);
                    for (slice, &steps) in steps.iter().enumerate() {
                        let (columns, values) = slices.next(steps, &mut scratch, None);
                        for (columns, values) in columns.iter().zip(values) {
                            for lane in 0..LANES {
                                let row = first + usize::from(row_of[slice * LANES + lane]);
                                let column = tile * TILE + usize::from(columns[lane]);
                                if row < rows && column < cols {
                                    out.as_mut_slice()[row * cols + column] += values[lane];
                                }
                            }
                        }
                    }
                }
            }
        }
        let mut out = Matrix::zeros(self.rows, self.cols);
        with_values!(&self.values, values => fill(self, values, &mut out));
        out
    }
}

impl Positions {
    /// Appends the entries of a row of a tile, given by column, as they are kept.
    fn encode(self, entries: impl Iterator<Item = (u8, f32)>, out: &mut Vec<(u8, f32)>) {
        match self {
            Self::Columns => out.extend(entries),
            Self::Differences => {
                let mut last = 0;
                for (column, value) in entries {
                    let mut difference = column - last;
                    while difference > MOST {
                        out.push((MOST, 0.0));
                        difference -= MOST;
                    }
                    out.push((difference, value));
                    last = column;
                }
            }
        }
    }
}

/// The row in each lane.
pub(super) fn row_of_lane(lanes: &[u8; TILE]) -> [u8; TILE] {
    let mut row_of = [0; TILE];
    lanes.iter().enumerate().for_each(|(row, &lane)| row_of[usize::from(lane) % TILE] = row as u8);
    row_of
}

/// Room for a slice's columns and values.
pub(super) struct Scratch {
    columns: [[u8; LANES]; STEPS],
    values: [[f32; LANES]; STEPS],
}

impl Default for Scratch {
    fn default() -> Self {
        Self { columns: [[0; LANES]; STEPS], values: [[0.0; LANES]; STEPS] }
    }
}

/// The slices of a strip, one after another.
pub(super) struct Slices<'a, V> {
    positions: Positions,
    columns: &'a [[u8; LANES]],
    values: &'a [[V; LANES]],
}

impl<'a, V: Value> Strip<'a, V> {
    #[inline(always)]
    pub(super) fn slices(&self) -> Slices<'a, V> {
        Slices { positions: self.positions, columns: self.columns, values: self.values }
    }
}

impl<'a, V: Value> Slices<'a, V> {
    /// The next slice as it is kept, of so many steps.
    #[inline(always)]
    pub(super) fn take(&mut self, steps: u8) -> (&'a [[u8; LANES]], &'a [[V; LANES]]) {
        let steps = usize::from(steps);
        let (columns, rest) = self.columns.split_at(match self.positions {
            Positions::Columns => steps,
            Positions::Differences => steps.div_ceil(2),
        });
        self.columns = rest;
        let (values, rest) = self.values.split_at(steps);
        self.values = rest;
        (columns, values)
    }

    /// The columns in the tile, below 64, and the values of the next slice, in f32.
    #[inline(always)]
    pub(super) fn next<'b>(
        &mut self,
        steps: u8,
        scratch: &'b mut Scratch,
        converter: Converter,
    ) -> (&'b [[u8; LANES]], &'b [[f32; LANES]])
    where
        'a: 'b,
    {
        let (columns, values) = self.take(steps);
        let columns = match self.positions {
            Positions::Columns => columns,
            Positions::Differences => {
                let mut last = [0u8; LANES];
                let out = &mut scratch.columns[..2 * columns.len()];
                for (out, pair) in out.as_chunks_mut::<2>().0.iter_mut().zip(columns) {
                    for lane in 0..LANES {
                        last[lane] = last[lane].wrapping_add(pair[lane] & MOST);
                    }
                    out[0] = last;
                    for lane in 0..LANES {
                        last[lane] = last[lane].wrapping_add(pair[lane] >> 4);
                    }
                    out[1] = last;
                }
                &scratch.columns[..values.len()]
            }
        };
        (columns, V::widen_by(values, &mut scratch.values, converter))
    }
}
