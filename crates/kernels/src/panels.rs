//! Matrices packed into panels for the kernels, in full precision or as 8-bit codes with scales.
use std::io;

use memmap2::MmapMut;
use pulp::Simd;

use crate::codes::{CodeWords, Expand, PER_WORD, Single};
use crate::kernel::{PANEL, PanelRow, Rows, multiply};

#[cfg(test)]
mod tests;

/// The number of consecutive weights of a matrix row that share a scale.
pub const BLOCK: usize = 32;
/// A matrix in the layout of its file, with one row per output.
#[derive(Debug, PartialEq)]
pub enum Matrix {
    Full(Vec<f32>),
    /// A weight is its code times the scale of its block of [`BLOCK`] weights.
    Coded {
        codes: Vec<i8>,
        scales: Vec<f32>,
    },
}

impl Matrix {
    /// Rounds the weights to 8 bits with one scale per block. The length of `values` is a multiple
    /// of [`BLOCK`].
    pub fn rounded(values: &[f32]) -> Self {
        let (mut codes, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
        for block in values.chunks(BLOCK) {
            let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let scale = largest / 127.0;
            let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
            let nearest = |value: &f32| (value * factor + 12_582_912.0).to_bits() as i8;
            codes.extend(block.iter().map(nearest));
            scales.push(scale);
        }
        Self::Coded { codes, scales }
    }

    /// Multiplies every weight by `factor`.
    pub fn scale(&mut self, factor: f32) {
        let (Self::Full(values) | Self::Coded { scales: values, .. }) = self;
        values.iter_mut().for_each(|value| *value *= factor);
    }

    /// Returns the weights in `rows` and `columns` of a matrix that is `width` columns wide.
    /// `columns` starts and ends at block boundaries.
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

    /// Appends the rows of another matrix.
    ///
    /// # Errors
    /// Fails if the matrices differ in precision, which no valid file contains.
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
    /// The number of lines in a panel: the number of columns in the file's matrix.
    depth: usize,
    packed: Packed,
}

enum Packed {
    Full(MmapMut),
    /// Codes in lines of words, and one line of scales per block.
    Coded {
        codes: MmapMut,
        scales: Vec<PanelRow>,
    },
}

impl Panels {
    /// Packs a matrix of `depth` columns. The number of its rows is a multiple of 32.
    pub fn pack(matrix: &Matrix, depth: usize) -> io::Result<Self> {
        let packed = match matrix {
            Matrix::Full(values) => {
                let mut packed = mapped(size_of_val(values.as_slice()))?;
                transpose(values, depth, bytemuck::cast_slice_mut::<_, PanelRow>(&mut packed));
                Packed::Full(packed)
            }
            Matrix::Coded { codes, scales } => {
                let mut packed = mapped(codes.len())?;
                let word = |codes: &[i8; PER_WORD]| {
                    u32::from_le_bytes(codes.map(i8::cast_unsigned)) ^ 0x8080_8080
                };
                let words: Vec<u32> = codes.as_chunks().0.iter().map(word).collect();
                let lines = bytemuck::cast_slice_mut::<_, CodeWords>(&mut packed);
                transpose(&words, depth / PER_WORD, lines);
                let mut lines = vec![[0.0; PANEL]; scales.len() / PANEL];
                transpose(scales, depth / BLOCK, &mut lines);
                Packed::Coded { codes: packed, scales: lines }
            }
        };
        Ok(Self { depth, packed })
    }

    /// Returns the size in bytes.
    pub fn bytes(&self) -> usize {
        match &self.packed {
            Packed::Full(lines) => lines.len(),
            Packed::Coded { codes, scales } => codes.len() + size_of_val(scales.as_slice()),
        }
    }

    /// Copies one row of the file's matrix to `row`.
    pub fn row(&self, index: usize, row: &mut [f32]) {
        let (first, lane) = (index / PANEL * self.depth, index % PANEL);
        match &self.packed {
            Packed::Full(lines) => {
                let lines: &[PanelRow] = bytemuck::cast_slice(lines);
                for (value, line) in row.iter_mut().zip(&lines[first..]) {
                    *value = line[lane];
                }
            }
            Packed::Coded { codes, scales } => {
                let words: &[CodeWords] = bytemuck::cast_slice(codes);
                for (k, value) in row.iter_mut().enumerate() {
                    let word = words[(first + k) / PER_WORD][lane];
                    let code = word.to_le_bytes()[k % PER_WORD].wrapping_sub(128).cast_signed();
                    *value = f32::from(code) * scales[(first + k) / BLOCK][lane];
                }
            }
        }
    }

    /// Adds `left` times the matrix to `out`, whose rows are `place.0` wide, starting at column
    /// `place.1`.
    ///
    /// `scratch` is working memory that calls may share.
    #[inline(always)]
    pub fn multiply<S: Simd>(
        &self,
        simd: S,
        left: Rows<'_>,
        out: &mut [f32],
        (width, column): (usize, usize),
        scratch: &mut Vec<PanelRow>,
    ) {
        let depth = self.depth;
        match &self.packed {
            Packed::Full(lines) => {
                let lines: &[PanelRow] = bytemuck::cast_slice(lines);
                multiply(simd, left, depth, lines, out, (width, column));
            }
            Packed::Coded { codes, scales } => {
                let words: &[CodeWords] = bytemuck::cast_slice(codes);
                scratch.resize(2 * depth, [0.0; PANEL]);
                let pairs = words
                    .chunks_exact(2 * depth / PER_WORD)
                    .zip(scales.chunks_exact(2 * depth / BLOCK));
                for (pair, (words, scales)) in pairs.enumerate() {
                    simd.vectorize(Expand { words, scales, lines: scratch });
                    let place = (width, column + pair * 2 * PANEL);
                    multiply(simd, left, depth, scratch, out, place);
                }
            }
        }
    }
}

impl Panels {
    /// Like [`Panels::multiply`] for a single row. It is faster, but rounds differently, so the
    /// result may differ from that of the same row among others.
    #[inline(always)]
    pub fn multiply_row<S: Simd>(
        &self,
        simd: S,
        left: &[f32],
        out: &mut [f32],
        scratch: &mut Vec<PanelRow>,
    ) {
        match &self.packed {
            Packed::Coded { codes, scales } => {
                let (words, depth) = (bytemuck::cast_slice(codes), self.depth);
                simd.vectorize(Single { words, scales, depth, left, out });
            }
            Packed::Full(_) => {
                let (left, width) = (Rows { values: left, width: left.len() }, out.len());
                self.multiply(simd, left, out, (width, 0), scratch);
            }
        }
    }
}

/// Transposes a matrix of `depth` columns into panels.
fn transpose<T: Copy>(values: &[T], depth: usize, lines: &mut [[T; PANEL]]) {
    for (panel, rows) in lines.chunks_exact_mut(depth).zip(values.chunks_exact(depth * PANEL)) {
        for (k, line) in panel.iter_mut().enumerate() {
            for (value, row) in line.iter_mut().zip(rows.chunks_exact(depth)) {
                *value = row[k];
            }
        }
    }
}

/// Allocates page-aligned memory that is returned to the system when dropped.
fn mapped(bytes: usize) -> io::Result<MmapMut> {
    let map = MmapMut::map_anon(bytes)?;
    #[cfg(target_os = "linux")]
    // Reduces page faults and TLB misses where the system supports huge pages. A failure has no
    // effect.
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(map)
}
