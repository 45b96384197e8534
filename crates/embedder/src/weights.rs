//! The model's weights: read from its file, and laid out the way the kernels read them.
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use memmap2::{Mmap, MmapMut};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata};

use crate::fetch::WEIGHTS;
use crate::kernel::{Line, PANEL};
use crate::tokenizer::MAX_TOKENS;

pub const LAYERS: usize = 6;
pub const HEADS: usize = 12;
pub const HEAD: usize = HIDDEN / HEADS;
pub const HIDDEN: usize = 384;
pub const INTERMEDIATE: usize = 1536;
/// The feed-forward step goes through its intermediate values in this many blocks as wide as a row.
pub const BLOCKS: usize = INTERMEDIATE / HIDDEN;
/// Query, key and value side by side.
pub const ATTENTION: usize = 3 * HIDDEN;

pub type Row = [f32; HIDDEN];

/// Lines of the packed matrices of one layer, in this order: attention, attention output, and for each block of the
/// feed-forward step the matrix into it and the matrix out of it.
const LAYER_LINES: usize = (ATTENTION + HIDDEN + 2 * INTERMEDIATE) / PANEL * HIDDEN;
const SQUARE_LINES: usize = HIDDEN / PANEL * HIDDEN;

pub struct Weights {
    /// The model's own file: the table of words is read where it lies, and only its rows in use take up memory.
    file: Mmap,
    /// Where in the file the table of words begins, in bytes.
    words: usize,
    /// For each position, with the row that says "first segment" added: there never is a second one.
    positions: Vec<Row>,
    pub embedding_norm: Norm,
    pub layers: Vec<Layer>,
    /// Every packed matrix. A mapping of its own is page-aligned and goes back to the system whole.
    packed: MmapMut,
}

pub struct Norm {
    pub scale: Row,
    pub shift: Row,
}

/// What of a layer is not a matrix.
pub struct Layer {
    pub attention_bias: [f32; ATTENTION],
    pub output_bias: Row,
    pub output_norm: Norm,
    /// Of each block.
    pub inward_bias: [Row; BLOCKS],
    pub outward_bias: Row,
    pub outward_norm: Norm,
}

/// The packed matrices of a layer.
#[derive(Clone, Copy)]
pub struct Matrices<'a> {
    pub attention: &'a [Line],
    pub output: &'a [Line],
    feed_forward: &'a [Line],
}

impl<'a> Matrices<'a> {
    /// The matrices into and out of one block of the feed-forward step.
    pub fn block(self, block: usize) -> (&'a [Line], &'a [Line]) {
        self.feed_forward[2 * block * SQUARE_LINES..][..2 * SQUARE_LINES].split_at(SQUARE_LINES)
    }
}

impl Weights {
    /// Reads a `model.safetensors` whose vocabulary has `words` pieces.
    ///
    /// An error of kind [`io::ErrorKind::InvalidData`] says that the file is not this model.
    pub fn open(path: &Path, words: usize) -> io::Result<Self> {
        let source = File::open(path)?;
        let length = source.metadata()?.len();
        if length != WEIGHTS.size {
            return Err(invalid(format!("has {length} bytes instead of {}", WEIGHTS.size)));
        }
        let file = map(&source)?;
        let (header, metadata) = SafeTensors::read_metadata(&file).map_err(invalid)?;
        let mut tensors = Tensors { file: source, data: header + size_of::<u64>(), metadata };
        let words = tensors.locate("embeddings.word_embeddings.weight", words * HIDDEN)?.start;

        let mut positions = tensors.rows("embeddings.position_embeddings.weight", 512)?;
        positions.truncate(MAX_TOKENS);
        let segment = tensors.rows("embeddings.token_type_embeddings.weight", 2)?[0];
        for row in &mut positions {
            row.iter_mut().zip(segment).for_each(|(value, segment)| *value += segment);
        }

        let mut packed = MmapMut::map_anon(LAYERS * LAYER_LINES * size_of::<Line>())?;
        #[cfg(target_os = "linux")]
        // Fewer, larger pages where the system has them; no loss where it has not.
        let _ = packed.advise(memmap2::Advice::HugePage);
        let lines: &mut [Line] = bytemuck::cast_slice_mut(&mut packed);
        let layers = lines
            .chunks_exact_mut(LAYER_LINES)
            .enumerate()
            .map(|(layer, lines)| tensors.layer(layer, lines))
            .collect::<io::Result<_>>()?;
        let embedding_norm = tensors.norm("embeddings.LayerNorm")?;
        Ok(Self { file, words, positions, embedding_norm, layers, packed })
    }

    pub fn matrices(&self, layer: usize) -> Matrices<'_> {
        let lines: &[Line] = bytemuck::cast_slice(&self.packed);
        let lines = &lines[layer * LAYER_LINES..][..LAYER_LINES];
        let (attention, lines) = lines.split_at(3 * SQUARE_LINES);
        let (output, feed_forward) = lines.split_at(SQUARE_LINES);
        Matrices { attention, output, feed_forward }
    }

    /// Writes what stands for the word `id` at `position` of its text.
    pub fn embed(&self, id: u32, position: usize, row: &mut Row) {
        let start = self.words + id as usize * size_of::<Row>();
        let (word, _) = self.file[start..start + size_of::<Row>()].as_chunks();
        for ((value, &word), position) in row.iter_mut().zip(word).zip(self.positions[position]) {
            *value = f32::from_le_bytes(word) + position;
        }
    }
}

#[expect(unsafe_code, reason = "mapping a file is unsafe: another process could change it")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: Fetching the model replaces its files by renaming, never in place, so what is mapped stays as it was.
    unsafe { Mmap::map(file) }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The tensors of a file, read one by one so that no more than one is held beside the packed weights.
struct Tensors {
    file: File,
    /// Where the tensors' data begins, in bytes.
    data: usize,
    metadata: Metadata,
}

impl Tensors {
    /// Where a tensor of `length` numbers lies in the file, in bytes.
    fn locate(&self, name: &str, length: usize) -> io::Result<std::ops::Range<usize>> {
        let wrong = |what: &str| invalid(format!("the tensor {name} {what}"));
        let info = self.metadata.info(name).ok_or_else(|| wrong("is missing"))?;
        let (start, end) = info.data_offsets;
        if info.dtype != Dtype::F32 || end - start != length * size_of::<f32>() {
            return Err(wrong("has an unexpected type or size"));
        }
        Ok(self.data + start..self.data + end)
    }

    fn floats(&mut self, name: &str, length: usize) -> io::Result<Vec<f32>> {
        let range = self.locate(name, length)?;
        let mut bytes = vec![0; range.len()];
        self.file.seek(SeekFrom::Start(range.start as u64))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }

    fn rows(&mut self, name: &str, rows: usize) -> io::Result<Vec<Row>> {
        Ok(self.floats(name, rows * HIDDEN)?.as_chunks().0.to_vec())
    }

    fn row(&mut self, name: &str) -> io::Result<Row> {
        Ok(self.rows(name, 1)?[0])
    }

    fn norm(&mut self, name: &str) -> io::Result<Norm> {
        let scale = self.row(&format!("{name}.weight"))?;
        Ok(Norm { scale, shift: self.row(&format!("{name}.bias"))? })
    }

    fn layer(&mut self, layer: usize, packed: &mut [Line]) -> io::Result<Layer> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let (attention, packed) = packed.split_at_mut(3 * SQUARE_LINES);
        let (output, packed) = packed.split_at_mut(SQUARE_LINES);

        let mut attention_bias = [0.0; ATTENTION];
        for (index, part) in ["query", "key", "value"].into_iter().enumerate() {
            let mut weights = self.rows(&name(&format!("attention.self.{part}.weight")), HIDDEN)?;
            let mut bias = self.row(&name(&format!("attention.self.{part}.bias")))?;
            if part == "query" {
                // Scores are divided by the root of a head's width; doing it here does it once.
                let factor = 1.0 / (HEAD as f32).sqrt();
                weights.as_flattened_mut().iter_mut().for_each(|value| *value *= factor);
                bias.iter_mut().for_each(|value| *value *= factor);
            }
            pack(&weights, &mut attention[index * SQUARE_LINES..][..SQUARE_LINES]);
            attention_bias[index * HIDDEN..][..HIDDEN].copy_from_slice(&bias);
        }
        pack(&self.rows(&name("attention.output.dense.weight"), HIDDEN)?, output);

        let inward = self.rows(&name("intermediate.dense.weight"), INTERMEDIATE)?;
        let inward_bias = self.rows(&name("intermediate.dense.bias"), BLOCKS)?;
        let outward = self.rows(&name("output.dense.weight"), INTERMEDIATE)?;
        for (block, packed) in packed.chunks_exact_mut(2 * SQUARE_LINES).enumerate() {
            let (into, out_of) = packed.split_at_mut(SQUARE_LINES);
            pack(&inward[block * HIDDEN..][..HIDDEN], into);
            let columns: Vec<Row> = outward.iter().copied().skip(block).step_by(BLOCKS).collect();
            pack(&columns, out_of);
        }
        Ok(Layer {
            attention_bias,
            output_bias: self.row(&name("attention.output.dense.bias"))?,
            output_norm: self.norm(&name("attention.output.LayerNorm"))?,
            inward_bias: std::array::from_fn(|block| inward_bias[block]),
            outward_bias: self.row(&name("output.dense.bias"))?,
            outward_norm: self.norm(&name("output.LayerNorm"))?,
        })
    }
}

/// Packs a matrix given with one row for each output, as the file has them.
fn pack(weights: &[Row], packed: &mut [Line]) {
    for (panel, weights) in packed.chunks_exact_mut(HIDDEN).zip(weights.as_chunks::<PANEL>().0) {
        for (depth, line) in panel.iter_mut().enumerate() {
            for (value, row) in line.iter_mut().zip(weights) {
                *value = row[depth];
            }
        }
    }
}
