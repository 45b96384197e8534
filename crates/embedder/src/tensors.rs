//! Reads the tensors of a model file one by one, so that at most one is in memory besides the
//! packed weights.
//!
//! The file is a `safetensors` file: either as published, in 32 or 16 bits, or made by
//! [`crate::quantize`], with matrices of integers (`I8`, or two per byte in `U8`) and a scale for
//! every 32 of them in a tensor named `….scales`.
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata};

use carrel_kernels::panels::{BLOCK, Matrix};
use half::{bf16, f16};

/// Metadata key with the format version of a model made by [`crate::quantize`].
pub const FORMAT: &str = "carrel.format";
/// Metadata key with the edition of the weights, such as `q4 1a55775f`.
pub const EDITION: &str = "carrel.edition";
/// The newest format version that this program reads.
pub const NEWEST: u32 = 1;

pub struct Tensors {
    file: File,
    map: Mmap,
    /// Offset of the tensors' data, in bytes.
    data: usize,
    metadata: Metadata,
    /// A prefix of all names in the file, such as `bert.`.
    prefix: String,
}

impl Tensors {
    /// Opens a file. An error of kind [`io::ErrorKind::InvalidData`] describes the problem with it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let map = map(&file)?;
        let (header, metadata) = SafeTensors::read_metadata(&map)
            .map_err(|error| invalid(format!("is damaged or not a safetensors file: {error}")))?;
        let format = metadata.metadata().as_ref().and_then(|known| known.get(FORMAT));
        if let Some(format) = format
            && !format.parse().is_ok_and(|format: u32| (1..=NEWEST).contains(&format))
        {
            return Err(invalid(format!(
                "has format {format}, and this version of carrel reads up to {NEWEST}; upgrade carrel or quantize again"
            )));
        }
        let names = metadata.tensors();
        let words = "embeddings.word_embeddings.weight";
        let prefix = names.keys().find_map(|name| name.strip_suffix(words));
        let prefix = prefix.ok_or_else(|| invalid(format!("lacks the tensor {words}")))?.to_owned();
        Ok(Self { file, map, data: header + size_of::<u64>(), metadata, prefix })
    }

    /// Returns a value of the file's metadata.
    pub fn metadata_value(&self, key: &str) -> Option<&str> {
        Some(self.metadata.metadata().as_ref()?.get(key)?.as_str())
    }

    /// Returns the shape of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.metadata.info(&format!("{}{name}", self.prefix))?.shape)
    }

    /// Reads a tensor of `length` numbers in full precision.
    pub fn floats(&mut self, name: &str, length: usize) -> io::Result<Vec<f32>> {
        let (dtype, range) = self.locate_floats(name, length)?;
        let bytes = self.read(range)?;
        Ok(decode(dtype, &bytes))
    }

    fn locate_floats(&self, name: &str, length: usize) -> io::Result<(Dtype, Range<usize>)> {
        let (dtype, range) = self.locate(name)?;
        let width = match dtype {
            Dtype::F32 => 4,
            Dtype::F16 | Dtype::BF16 => 2,
            _ => {
                return Err(invalid(format!(
                    "has the tensor {name} in {dtype:?}, not in F32, F16 or BF16"
                )));
            }
        };
        if range.len() != length * width {
            let shape = self.shape(name).unwrap_or_default();
            return Err(invalid(format!(
                "has the tensor {name} of shape {shape:?}, not of {length} numbers"
            )));
        }
        Ok((dtype, range))
    }

    /// Reads a matrix of `rows` by `columns`, in the precision of the file.
    pub fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> io::Result<Matrix> {
        let (dtype, range) = self.locate_matrix(name, rows, columns)?;
        let bytes = self.read(range)?;
        let codes = match dtype {
            Dtype::I8 => bytemuck::cast_slice(&bytes).to_vec(),
            Dtype::U8 => unpack(&bytes),
            _ => return Ok(Matrix::Full(decode(dtype, &bytes))),
        };
        let scales = self.floats(&scales_of(name), rows * columns / BLOCK)?;
        Ok(Matrix::Coded { codes, scales })
    }

    /// Checks a matrix like [`Self::matrix`], without reading it.
    pub fn check_matrix(&self, name: &str, rows: usize, columns: usize) -> io::Result<()> {
        self.locate_matrix(name, rows, columns).map(drop)
    }

    fn locate_matrix(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> io::Result<(Dtype, Range<usize>)> {
        let (dtype, range) = self.locate(name)?;
        let per_byte = match dtype {
            Dtype::I8 => 1,
            Dtype::U8 => 2,
            _ => return self.locate_floats(name, rows * columns),
        };
        if range.len() != rows * columns / per_byte || !columns.is_multiple_of(BLOCK) {
            return Err(invalid(format!(
                "has the tensor {name} of another size than {rows} by {columns}"
            )));
        }
        self.locate_floats(&scales_of(name), rows * columns / BLOCK)?;
        Ok((dtype, range))
    }

    /// Returns a matrix whose rows are read from the file on demand.
    pub fn table(&mut self, name: &str, rows: usize, columns: usize) -> io::Result<EmbeddingTable> {
        let (dtype, range) = self.locate(name)?;
        let bits = match dtype {
            Dtype::F32 => 32,
            Dtype::F16 | Dtype::BF16 => 16,
            Dtype::I8 => 8,
            Dtype::U8 => 4,
            _ => {
                return Err(invalid(format!(
                    "has the tensor {name} in {dtype:?}, which carrel does not read"
                )));
            }
        };
        if range.len() != rows * columns * bits / 8 || !columns.is_multiple_of(BLOCK) {
            let shape = self.shape(name).unwrap_or_default();
            return Err(invalid(format!(
                "has the tensor {name} of shape {shape:?}, not {rows} by {columns}"
            )));
        }
        let scales = match bits {
            8 | 4 => {
                let name = scales_of(name);
                let (dtype, scales) = self.locate(&name)?;
                if dtype != Dtype::F16 || scales.len() != rows * columns / BLOCK * 2 {
                    return Err(invalid(format!("has the tensor {name} of another size")));
                }
                scales.start
            }
            _ => 0,
        };
        Ok(EmbeddingTable { dtype, start: range.start, scales, columns })
    }

    /// Returns the mapped file, from which tables are read.
    pub fn into_map(self) -> Mmap {
        self.map
    }

    fn locate(&self, name: &str) -> io::Result<(Dtype, Range<usize>)> {
        let full = format!("{}{name}", self.prefix);
        let missing = || invalid(format!("lacks the tensor {full}"));
        let info = self.metadata.info(&full).ok_or_else(missing)?;
        let (start, end) = info.data_offsets;
        if self.data + end > self.map.len() {
            return Err(invalid("is cut short"));
        }
        Ok((info.dtype, self.data + start..self.data + end))
    }

    /// Reads from the file instead of the mapping, so that packed weights are not in memory twice.
    fn read(&mut self, range: Range<usize>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; range.len()];
        self.file.seek(SeekFrom::Start(range.start as u64))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Returns the name of the tensor with the scales of a quantized matrix.
fn scales_of(name: &str) -> String {
    format!("{name}.scales")
}

/// The position and the precision of a table in the file.
pub struct EmbeddingTable {
    dtype: Dtype,
    start: usize,
    scales: usize,
    columns: usize,
}

impl EmbeddingTable {
    /// Reads one row. `index` must be within the table.
    pub fn read(&self, file: &[u8], index: usize, row: &mut [f32]) {
        let bytes = |start: usize, bits: usize| {
            let width = self.columns * bits / 8;
            &file[start + index * width..][..width]
        };
        let scales = || {
            let width = self.columns / BLOCK * 2;
            decode(Dtype::F16, &file[self.scales + index * width..][..width])
        };
        match self.dtype {
            Dtype::F32 => {
                for (value, &bytes) in row.iter_mut().zip(bytes(self.start, 32).as_chunks().0) {
                    *value = f32::from_le_bytes(bytes);
                }
            }
            Dtype::F16 | Dtype::BF16 => {
                row.copy_from_slice(&decode(self.dtype, bytes(self.start, 16)));
            }
            Dtype::I8 => expand(bytemuck::cast_slice(bytes(self.start, 8)), &scales(), row),
            _ => expand(&unpack(bytes(self.start, 4)), &scales(), row),
        }
    }
}

fn expand(codes: &[i8], scales: &[f32], row: &mut [f32]) {
    for ((row, codes), scale) in row.chunks_mut(BLOCK).zip(codes.chunks(BLOCK)).zip(scales) {
        row.iter_mut().zip(codes).for_each(|(value, &code)| *value = f32::from(code) * scale);
    }
}

/// Decodes a tensor of 32- or 16-bit numbers.
pub fn decode(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    let halves = bytes.as_chunks::<2>().0.iter().map(|&bytes| u16::from_le_bytes(bytes));
    match dtype {
        Dtype::F16 => halves.map(|bits| f16::from_bits(bits).to_f32()).collect(),
        Dtype::BF16 => halves.map(|bits| bf16::from_bits(bits).to_f32()).collect(),
        _ => bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
    }
}

/// Unpacks two codes per byte, stored with an offset of 8. The low halves of a block's 16 bytes are
/// its first 16 codes.
fn unpack(bytes: &[u8]) -> Vec<i8> {
    let code = |nibble: u8| nibble as i8 - 8;
    let blocks = bytes.chunks(BLOCK / 2);
    blocks
        .flat_map(|block| {
            let low = block.iter().map(move |byte| code(byte & 15));
            low.chain(block.iter().map(move |byte| code(byte >> 4)))
        })
        .collect()
}

#[expect(unsafe_code, reason = "mapping a file is unsafe: another process could change it")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: Fetching a model replaces its files by renaming and never in place, so the content of
    // the mapping does not change.
    unsafe { Mmap::map(file) }
}

pub fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
