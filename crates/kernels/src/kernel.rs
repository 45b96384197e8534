//! Matrix products on narrow panels, with the widest vector instructions that the processor
//! supports.
//!
//! The right-hand matrix is packed once into panels of 16 columns, so a product packs nothing and
//! reads each panel sequentially. A tile of rows and columns stays in registers over the whole
//! depth. The result of a row does not depend on the rows around it, because every tile sums in the
//! same order.
use pulp::{Scalar128b, Simd, WithSimd};

#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

/// Columns of one panel.
pub const PANEL: usize = 16;
/// One line of a panel: its 16 columns at one depth.
pub type PanelRow = [f32; PANEL];

/// The vector instructions to use.
#[derive(Clone, Copy, Debug)]
pub enum Instructions {
    /// The best set that the processor supports.
    Detected(pulp::Arch),
    /// SSE 4, for x86-64 processors and virtual machines without AVX2.
    #[cfg(target_arch = "x86_64")]
    Sse4(pulp::x86::V2),
    #[cfg(all(any(test, feature = "testing"), target_arch = "x86_64"))]
    Avx2(pulp::x86::V3),
    #[cfg(any(test, feature = "testing"))]
    Baseline,
}

impl Instructions {
    pub fn detect() -> Self {
        let detected = pulp::Arch::new();
        #[cfg(target_arch = "x86_64")]
        if let (pulp::Arch::Scalar, Some(simd)) = (detected, pulp::x86::V2::try_new()) {
            return Self::Sse4(simd);
        }
        Self::Detected(detected)
    }

    /// Runs `op` compiled for these instructions.
    pub fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Detected(pulp::Arch::V4(simd)) => Simd::vectorize(simd, op),
            #[cfg(target_arch = "x86_64")]
            Self::Detected(pulp::Arch::V3(simd)) => Simd::vectorize(simd, op),
            #[cfg(target_arch = "aarch64")]
            Self::Detected(pulp::Arch::Neon(simd)) => Simd::vectorize(simd, op),
            #[cfg(target_arch = "x86_64")]
            Self::Sse4(simd) => Simd::vectorize(simd, op),
            #[cfg(all(any(test, feature = "testing"), target_arch = "x86_64"))]
            Self::Avx2(simd) => Simd::vectorize(simd, op),
            _ => Scalar128b.vectorize(op),
        }
    }
}

/// Returns `a * b + c`. Fuses the operations only if the instructions support it, because emulating
/// the single rounding costs a hundred times as much.
#[inline(always)]
pub fn mul_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    let fused = cfg!(target_arch = "aarch64") || S::F32_LANES >= 8;
    if fused { simd.mul_add_e_f32s(a, b, c) } else { simd.add_f32s(simd.mul_f32s(a, b), c) }
}

/// Rows of equal width, stored contiguously.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    /// Width of one row, greater than 0.
    pub width: usize,
}

/// Adds the product of `left` and the panels to `out`, starting at `column`. The rows of `out` are
/// `width` wide.
///
/// `panels` contains an even number of whole panels of `depth` lines each. Only the first `depth`
/// columns of `left` are used.
#[inline(always)]
pub fn multiply<S: Simd>(
    simd: S,
    left: Rows<'_>,
    depth: usize,
    panels: &[PanelRow],
    out: &mut [f32],
    (width, column): (usize, usize),
) {
    let product = Product { left, depth, panels, out, width, column };
    match S::F32_LANES {
        16 => simd.vectorize(Tiles::<12, 2>(product)),
        8 => simd.vectorize(Tiles::<6, 2>(product)),
        _ => simd.vectorize(Tiles::<3, 4>(product)),
    }
}

struct Product<'a> {
    left: Rows<'a>,
    depth: usize,
    panels: &'a [PanelRow],
    out: &'a mut [f32],
    width: usize,
    column: usize,
}

/// A product in tiles of `ROWS` rows and `VECTORS` vectors of columns, chosen to fill the
/// registers.
struct Tiles<'a, const ROWS: usize, const VECTORS: usize>(Product<'a>);

impl<const ROWS: usize, const VECTORS: usize> WithSimd for Tiles<'_, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { left, depth, panels, out, width, mut column } = self.0;
        let columns = VECTORS * S::F32_LANES;
        for strip in panels.chunks_exact(columns / PANEL * depth) {
            let strip = strip.split_at(depth);
            let rows = left.values.chunks(ROWS * left.width).zip(out.chunks_mut(ROWS * width));
            for (values, out) in rows {
                let rows = Rows { values, width: left.width };
                if values.len() == ROWS * left.width {
                    tile::<S, ROWS, VECTORS>(simd, rows, strip, out, (width, column));
                } else {
                    remainder::<S, VECTORS>(simd, rows, strip, out, (width, column));
                }
            }
            column += columns;
        }
    }
}

/// Computes the rows left over after the complete tiles, as one tile of that height.
#[inline(always)]
fn remainder<S: Simd, const VECTORS: usize>(
    simd: S,
    left: Rows<'_>,
    strip: (&[PanelRow], &[PanelRow]),
    out: &mut [f32],
    place: (usize, usize),
) {
    macro_rules! of_height {
        ($($rows:literal)*) => {
            match left.values.len() / left.width {
                $($rows => tile::<S, $rows, VECTORS>(simd, left, strip, out, place),)*
                _ => {}
            }
        };
    }
    match S::F32_LANES {
        16 => of_height!(1 2 3 4 5 6 7 8 9 10 11),
        8 => of_height!(1 2 3 4 5),
        _ => of_height!(1 2),
    }
}

#[inline(always)]
fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    left: Rows<'_>,
    (first, second): (&[PanelRow], &[PanelRow]),
    out: &mut [f32],
    (width, column): (usize, usize),
) {
    let lanes = S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let depth = first.len();
    // With narrow vectors, a tile's columns are all in the first panel.
    let second = if VECTORS * lanes > PANEL { &second[..depth] } else { first };
    let rows: [&[f32]; ROWS] = std::array::from_fn(|row| &left.values[row * left.width..][..depth]);
    for k in 0..depth {
        let (first, second) = (S::as_simd_f32s(&first[k]).0, S::as_simd_f32s(&second[k]).0);
        let mut line = [simd.splat_f32s(0.0); VECTORS];
        for (vector, value) in line.iter_mut().enumerate() {
            let start = vector * lanes;
            *value =
                if start < PANEL { first[start / lanes] } else { second[(start - PANEL) / lanes] };
        }
        for (row, sums) in rows.iter().zip(&mut sums) {
            let factor = simd.splat_f32s(row[k]);
            for (sum, &value) in sums.iter_mut().zip(&line) {
                *sum = mul_add(simd, factor, value, *sum);
            }
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        let out = &mut out[row * width + column..][..VECTORS * lanes];
        let out = S::as_mut_simd_f32s(out).0;
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = simd.add_f32s(*out, sum);
        }
    }
}
