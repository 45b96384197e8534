//! Packed matrices: cut into panels for the kernels, in full precision or as integers with scales.
use std::io;

use memmap2::MmapMut;
use pulp::Simd;

use crate::kernel::{Line, PANEL, Rows, multiply};

/// Weights of a row that share a scale.
pub const BLOCK: usize = 32;
type Codes = [i8; PANEL];

/// A matrix as stored in the file, with one row per output.
#[derive(Debug, PartialEq)]
pub enum Matrix {
    Full(Vec<f32>),
    /// Each weight is a code times the scale of its block of [`BLOCK`].
    Coded {
        codes: Vec<i8>,
        scales: Vec<f32>,
    },
}

impl Matrix {
    /// Rounds the weights to 8 bits, each block with its own scale. `values` are whole blocks.
    pub fn rounded(values: &[f32]) -> Self {
        let (mut codes, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
        for block in values.chunks(BLOCK) {
            let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let scale = largest / 127.0;
            let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            codes.extend(block.iter().map(|value| (value * factor).round() as i8));
            scales.push(scale);
        }
        Self::Coded { codes, scales }
    }

    /// Multiplies every weight by `factor`.
    pub fn scale(&mut self, factor: f32) {
        let (Self::Full(values) | Self::Coded { scales: values, .. }) = self;
        values.iter_mut().for_each(|value| *value *= factor);
    }

    /// Returns the weights in `rows` and `columns` of a matrix with `width` columns. The columns
    /// are whole blocks.
    pub fn part(
        &self,
        width: usize,
        rows: std::ops::Range<usize>,
        columns: std::ops::Range<usize>,
    ) -> Self {
        fn cut<T: Copy>(
            values: &[T],
            width: usize,
            rows: std::ops::Range<usize>,
            columns: std::ops::Range<usize>,
        ) -> Vec<T> {
            let rows = &values[rows.start * width..rows.end * width];
            rows.chunks(width).flat_map(|row| &row[columns.clone()]).copied().collect()
        }
        match self {
            Self::Full(values) => Self::Full(cut(values, width, rows, columns)),
            Self::Coded { codes, scales } => {
                let blocks = columns.start / BLOCK..columns.end / BLOCK;
                let scales = cut(scales, width / BLOCK, rows.clone(), blocks);
                Self::Coded { codes: cut(codes, width, rows, columns), scales }
            }
        }
    }

    /// Appends the rows of another matrix. In an intact file both have the same precision.
    pub fn append(&mut self, other: Self) -> io::Result<()> {
        match (self, other) {
            (Self::Full(values), Self::Full(more)) => values.extend(more),
            (Self::Coded { codes, scales }, Self::Coded { codes: more, scales: others }) => {
                codes.extend(more);
                scales.extend(others);
            }
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "its tensors mix precisions",
                ));
            }
        }
        Ok(())
    }
}

/// A matrix packed for the kernels.
pub struct Panels {
    /// Length of a panel: the columns of the file's matrix.
    depth: usize,
    packed: Packed,
}

enum Packed {
    Full(MmapMut),
    /// The codes by lines, and a line of scales for each block of lines.
    Coded {
        codes: MmapMut,
        scales: Vec<Line>,
    },
}

impl Panels {
    /// Packs a matrix with `depth` columns and a multiple of 32 rows.
    pub fn pack(matrix: &Matrix, depth: usize) -> io::Result<Self> {
        let packed = match matrix {
            Matrix::Full(values) => {
                let mut packed = mapped(size_of_val(values.as_slice()))?;
                transpose(values, depth, bytemuck::cast_slice_mut::<_, Line>(&mut packed));
                Packed::Full(packed)
            }
            Matrix::Coded { codes, scales } => {
                let mut packed = mapped(codes.len())?;
                transpose(codes, depth, bytemuck::cast_slice_mut::<_, Codes>(&mut packed));
                let mut lines = vec![[0.0; PANEL]; scales.len() / PANEL];
                transpose(scales, depth / BLOCK, &mut lines);
                Packed::Coded { codes: packed, scales: lines }
            }
        };
        Ok(Self { depth, packed })
    }

    /// Returns its size in bytes.
    pub fn bytes(&self) -> usize {
        match &self.packed {
            Packed::Full(lines) => lines.len(),
            Packed::Coded { codes, scales } => codes.len() + size_of_val(scales.as_slice()),
        }
    }

    /// Writes one row of the file's matrix to `row`.
    pub fn row(&self, index: usize, row: &mut [f32]) {
        let (first, lane) = (index / PANEL * self.depth, index % PANEL);
        match &self.packed {
            Packed::Full(lines) => {
                let lines: &[Line] = bytemuck::cast_slice(lines);
                for (value, line) in row.iter_mut().zip(&lines[first..]) {
                    *value = line[lane];
                }
            }
            Packed::Coded { codes, scales } => {
                let codes: &[Codes] = bytemuck::cast_slice(codes);
                for (k, (value, line)) in row.iter_mut().zip(&codes[first..]).enumerate() {
                    *value = f32::from(line[lane]) * scales[(first + k) / BLOCK][lane];
                }
            }
        }
    }

    /// Adds the product of `left` and the matrix to `out`, whose rows are `place.0` wide and whose
    /// columns start at `place.1`.
    ///
    /// `scratch` is working memory that other products may reuse.
    #[inline(always)]
    pub fn multiply<S: Simd>(
        &self,
        simd: S,
        left: Rows<'_>,
        out: &mut [f32],
        (width, column): (usize, usize),
        scratch: &mut Vec<Line>,
    ) {
        let depth = self.depth;
        match &self.packed {
            Packed::Full(lines) => {
                let lines: &[Line] = bytemuck::cast_slice(lines);
                multiply(simd, left, depth, lines, out, (width, column));
            }
            Packed::Coded { codes, scales } => {
                let codes: &[Codes] = bytemuck::cast_slice(codes);
                if left.values.len() == left.width {
                    let out = &mut out[column..];
                    simd.vectorize(Single { codes, scales, depth, left: left.values, out });
                    return;
                }
                scratch.resize(2 * depth, [0.0; PANEL]);
                let pairs =
                    codes.chunks_exact(2 * depth).zip(scales.chunks_exact(2 * depth / BLOCK));
                for (pair, (codes, scales)) in pairs.enumerate() {
                    simd.vectorize(Expand { codes, scales, lines: scratch });
                    let place = (width, column + pair * 2 * PANEL);
                    multiply(simd, left, depth, scratch, out, place);
                }
            }
        }
    }
}

/// The product of a single row. Each code is used only once, so it is never expanded to a weight in
/// memory.
struct Single<'a> {
    codes: &'a [Codes],
    scales: &'a [Line],
    depth: usize,
    left: &'a [f32],
    out: &'a mut [f32],
}

/// Panels that are summed side by side, so that one sum does not wait for another.
const TOGETHER: usize = 2;

impl pulp::WithSimd for Single<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { codes, scales, depth, left, out } = self;
        let fused = cfg!(target_arch = "aarch64") || S::F32_LANES >= 8;
        let groups = codes.chunks_exact(TOGETHER * depth);
        let groups = groups.zip(scales.chunks_exact(TOGETHER * depth / BLOCK));
        let (outs, _) = out.as_chunks_mut::<{ TOGETHER * PANEL }>();
        for ((codes, scales), out) in groups.zip(outs) {
            let (first, second) = codes.split_at(depth);
            let (first_scales, second_scales) = scales.split_at(depth / BLOCK);
            let blocks = left.as_chunks::<BLOCK>().0.iter();
            let blocks =
                blocks.zip(first.as_chunks::<BLOCK>().0).zip(second.as_chunks::<BLOCK>().0);
            let scales = first_scales.iter().zip(second_scales);
            let mut totals = [[0.0; PANEL]; TOGETHER];
            for (((left, first), second), scales) in blocks.zip(scales) {
                let mut sums = [[0.0; PANEL]; 2 * TOGETHER];
                for k in (0..BLOCK).step_by(2) {
                    for step in 0..2 {
                        for (panel, codes) in [first, second].into_iter().enumerate() {
                            let sum = &mut sums[2 * panel + step];
                            for lane in 0..PANEL {
                                let weight = f32::from(codes[k + step][lane]);
                                sum[lane] = match fused {
                                    true => weight.mul_add(left[k + step], sum[lane]),
                                    false => sum[lane] + weight * left[k + step],
                                };
                            }
                        }
                    }
                }
                for lane in 0..PANEL {
                    totals[0][lane] += (sums[0][lane] + sums[1][lane]) * scales.0[lane];
                    totals[1][lane] += (sums[2][lane] + sums[3][lane]) * scales.1[lane];
                }
            }
            for (out, total) in out.iter_mut().zip(totals.as_flattened()) {
                *out += total;
            }
        }
    }
}

/// Decodes codes to weights.
struct Expand<'a> {
    codes: &'a [Codes],
    scales: &'a [Line],
    lines: &'a mut [Line],
}

impl pulp::WithSimd for Expand<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let blocks = self.codes.chunks_exact(BLOCK).zip(self.lines.chunks_exact_mut(BLOCK));
        for ((codes, lines), scale) in blocks.zip(self.scales) {
            for (codes, line) in codes.iter().zip(lines) {
                for ((value, &code), &scale) in line.iter_mut().zip(codes).zip(scale) {
                    *value = f32::from(code) * scale;
                }
            }
        }
    }
}

/// Writes a matrix of `depth` columns as panels.
fn transpose<T: Copy>(values: &[T], depth: usize, lines: &mut [[T; PANEL]]) {
    for (panel, rows) in lines.chunks_exact_mut(depth).zip(values.chunks_exact(depth * PANEL)) {
        for (k, line) in panel.iter_mut().enumerate() {
            for (value, row) in line.iter_mut().zip(rows.chunks_exact(depth)) {
                *value = row[k];
            }
        }
    }
}

/// Allocates page-aligned memory that is returned to the system as a whole.
fn mapped(bytes: usize) -> io::Result<MmapMut> {
    let map = MmapMut::map_anon(bytes)?;
    #[cfg(target_os = "linux")]
    // Uses fewer and larger pages if the system has them.
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(map)
}
