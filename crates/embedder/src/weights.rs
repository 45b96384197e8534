//! Reads the weights of an encoder from its file and packs them for the kernels.
use std::io;
use std::path::Path;

use memmap2::Mmap;

use crate::architecture::{Activation, Architecture, Naming, Positions};
use crate::tensors::{EmbeddingTable, Tensors, invalid};
use carrel_kernels::elementwise::Norm;
use carrel_kernels::panels::{Matrix, Panels};

pub struct Weights {
    pub architecture: Architecture,
    /// The mapped model file. The embedding table is read in place, so only the used rows take
    /// memory.
    file: Mmap,
    words: EmbeddingTable,
    /// Number of rows of the embedding table. Every id is less than this.
    pub vocabulary: usize,
    /// Added to each token: one row per position, or a single row with rotary positions. It
    /// includes the row of the first segment, because texts have only one segment.
    added: Vec<f32>,
    pub embedding_norm: Norm,
    pub layers: Vec<Layer>,
}

pub struct Layer {
    /// Query, key and value side by side.
    pub attention: Dense,
    pub output: Dense,
    pub output_norm: Norm,
    pub blocks: Vec<Block>,
    pub outward_bias: Vec<f32>,
    pub outward_norm: Norm,
}

/// A matrix with its bias.
pub struct Dense {
    pub panels: Panels,
    pub bias: Vec<f32>,
}

/// A part of the feed-forward step. Its inner width is at most that of a row, so that the data
/// between its matrices stays in cache.
pub struct Block {
    pub inward: Dense,
    pub gate: Option<Dense>,
    pub outward: Panels,
}

impl Weights {
    /// Reads the weights of `architecture` from a `safetensors` file.
    ///
    /// An error of kind [`io::ErrorKind::InvalidData`] is the end of a sentence "the file …". The
    /// file is damaged or belongs to another model.
    pub fn open(path: &Path, architecture: Architecture) -> io::Result<Self> {
        let layers = architecture.layers;
        Self::read(path, architecture, layers)
    }

    fn read(path: &Path, architecture: Architecture, layers: usize) -> io::Result<Self> {
        if let Some(problem) = architecture.problem() {
            return Err(invalid(format!("is of a model with {problem}")));
        }
        let mut reader = Reader { tensors: Tensors::open(path)?, architecture: &architecture };
        let width = architecture.hidden;
        let name = "embeddings.word_embeddings.weight";
        let vocabulary = match reader.tensors.shape(name) {
            Some(&[rows, _]) if rows > 0 => rows,
            _ => return Err(invalid(format!("has the tensor {name} of an unexpected shape"))),
        };
        // Quantized tables have another shape. Their size is checked instead.
        let words = reader.tensors.table(name, vocabulary, width)?;
        let added = reader.added()?;
        let embedding_norm = reader.norm(match architecture.naming {
            Naming::Bert => "embeddings.LayerNorm",
            Naming::Nomic => "emb_ln",
        })?;
        let layers = (0..layers).map(|layer| reader.layer(layer)).collect::<io::Result<_>>()?;
        let file = reader.tensors.into_map();
        Ok(Self { architecture, file, words, vocabulary, added, embedding_norm, layers })
    }

    /// Like [`Self::open`], but only checks the matrices of the layers instead of reading them.
    /// Returns the number of rows of the embedding table.
    pub fn check(path: &Path, architecture: Architecture) -> io::Result<usize> {
        let outside = Self::read(path, architecture, 0)?;
        let (architecture, tensors) = (&outside.architecture, Tensors::open(path)?);
        for layer in 0..architecture.layers {
            for (name, rows, columns) in matrices(architecture) {
                let name = format!("{}.weight", of_layer(architecture.naming, layer, name));
                tensors.check_matrix(&name, rows, columns)?;
            }
        }
        Ok(outside.vocabulary)
    }

    /// Writes the embedding of the token `id` at `position` in its text to `row`.
    pub fn embed(&self, id: u32, position: usize, row: &mut [f32]) {
        self.words.read(&self.file, id as usize, row);
        let start = match self.architecture.positions {
            Positions::Learned { .. } => position * row.len(),
            Positions::Rotary { .. } => 0,
        };
        let added = &self.added[start..][..row.len()];
        row.iter_mut().zip(added).for_each(|(value, added)| *value += added);
    }
}

/// Returns the full name of a part of a layer.
fn of_layer(naming: Naming, layer: usize, part: &str) -> String {
    match naming {
        Naming::Bert => format!("encoder.layer.{layer}.{part}"),
        Naming::Nomic => format!("encoder.layers.{layer}.{part}"),
    }
}

/// Returns the matrices of a layer, each with its rows and columns.
fn matrices(architecture: &Architecture) -> Vec<(&'static str, usize, usize)> {
    let Architecture { hidden, intermediate, .. } = *architecture;
    match architecture.naming {
        Naming::Bert => vec![
            ("attention.self.query", hidden, hidden),
            ("attention.self.key", hidden, hidden),
            ("attention.self.value", hidden, hidden),
            ("attention.output.dense", hidden, hidden),
            ("intermediate.dense", intermediate, hidden),
            ("output.dense", hidden, intermediate),
        ],
        Naming::Nomic => vec![
            ("attn.Wqkv", 3 * hidden, hidden),
            ("attn.out_proj", hidden, hidden),
            ("mlp.fc11", intermediate, hidden),
            ("mlp.fc12", intermediate, hidden),
            ("mlp.fc2", hidden, intermediate),
        ],
    }
}

struct Reader<'a> {
    tensors: Tensors,
    architecture: &'a Architecture,
}

impl Reader<'_> {
    fn added(&mut self) -> io::Result<Vec<f32>> {
        let Architecture { hidden, max_tokens, .. } = *self.architecture;
        let name = "embeddings.token_type_embeddings.weight";
        let segment = match self.tensors.shape(name).map(<[usize]>::to_vec) {
            Some(shape) => self.tensors.floats(name, shape.iter().product())?,
            None => vec![0.0; hidden],
        };
        let segment =
            segment.get(..hidden).ok_or_else(|| invalid(format!("has too small a {name}")))?;
        let mut added = match self.architecture.positions {
            Positions::Rotary { .. } => return Ok(segment.to_vec()),
            Positions::Learned { first } => {
                let name = "embeddings.position_embeddings.weight";
                let shape = self.tensors.shape(name).map(<[usize]>::to_vec).unwrap_or_default();
                let mut rows = self.tensors.floats(name, shape.iter().product())?;
                let used_range = first * hidden..(first + max_tokens) * hidden;
                if shape.get(1) != Some(&hidden) || rows.len() < used_range.end {
                    return Err(invalid(format!(
                        "has the tensor {name} of shape {shape:?}, which is too small for {max_tokens} tokens of {hidden}"
                    )));
                }
                rows.truncate(used_range.end);
                rows.split_off(used_range.start)
            }
        };
        for row in added.chunks_mut(hidden) {
            row.iter_mut().zip(segment).for_each(|(value, segment)| *value += segment);
        }
        Ok(added)
    }

    fn norm(&mut self, name: &str) -> io::Result<Norm> {
        let width = self.architecture.hidden;
        let scale = self.tensors.floats(&format!("{name}.weight"), width)?;
        let shift = self.tensors.floats(&format!("{name}.bias"), width)?;
        Ok(Norm { scale, shift, epsilon: self.architecture.epsilon })
    }

    /// Reads a matrix and its bias. Models without biases get zeros.
    fn dense(&mut self, name: &str, rows: usize, columns: usize) -> io::Result<(Matrix, Vec<f32>)> {
        let matrix = self.tensors.matrix(&format!("{name}.weight"), rows, columns)?;
        let bias = match self.architecture.naming {
            Naming::Bert => self.tensors.floats(&format!("{name}.bias"), rows)?,
            Naming::Nomic => vec![0.0; rows],
        };
        Ok((matrix, bias))
    }

    fn layer(&mut self, layer: usize) -> io::Result<Layer> {
        let Architecture { hidden, naming, .. } = *self.architecture;
        let name = |part: &str| of_layer(naming, layer, part);
        let parts = match naming {
            Naming::Bert => {
                ["attention.output.dense", "attention.output.LayerNorm", "output.LayerNorm"]
            }
            Naming::Nomic => ["attn.out_proj", "norm1", "norm2"],
        };
        let attention = self.attention(&name)?;
        let (output, bias) = self.dense(&name(parts[0]), hidden, hidden)?;
        let output = Dense { panels: Panels::pack(&output, hidden)?, bias };
        let output_norm = self.norm(&name(parts[1]))?;
        let outward_norm = self.norm(&name(parts[2]))?;
        let (blocks, outward_bias) = self.feed_forward(&name)?;
        Ok(Layer { attention, output, output_norm, blocks, outward_bias, outward_norm })
    }

    fn attention(&mut self, name: &dyn Fn(&str) -> String) -> io::Result<Dense> {
        let Architecture { hidden, naming, .. } = *self.architecture;
        let (query, key, value) = match naming {
            Naming::Bert => {
                let mut part = |part: &str| {
                    self.dense(&name(&format!("attention.self.{part}")), hidden, hidden)
                };
                (part("query")?, part("key")?, part("value")?)
            }
            Naming::Nomic => {
                let (all, bias) = self.dense(&name("attn.Wqkv"), 3 * hidden, hidden)?;
                let part = |part: usize| {
                    let rows = part * hidden..(part + 1) * hidden;
                    (all.part(hidden, rows.clone(), 0..hidden), bias[rows].to_vec())
                };
                (part(0), part(1), part(2))
            }
        };
        let (mut matrix, mut bias) = query;
        // Attention divides scores by the square root of a head's width. Scaling the query weights
        // does this once.
        let factor = 1.0 / (self.architecture.head() as f32).sqrt();
        matrix.scale(factor);
        bias.iter_mut().for_each(|value| *value *= factor);
        for (more, other) in [key, value] {
            matrix.append(more)?;
            bias.extend(other);
        }
        Ok(Dense { panels: Panels::pack(&matrix, hidden)?, bias })
    }

    fn feed_forward(
        &mut self,
        name: &dyn Fn(&str) -> String,
    ) -> io::Result<(Vec<Block>, Vec<f32>)> {
        let Architecture { hidden, intermediate, naming, activation, .. } = *self.architecture;
        let [inward, gate, outward] = match naming {
            Naming::Bert => ["intermediate.dense", "", "output.dense"],
            Naming::Nomic => ["mlp.fc11", "mlp.fc12", "mlp.fc2"],
        };
        let (inward, inward_bias) = self.dense(&name(inward), intermediate, hidden)?;
        let gate = match activation {
            Activation::Gelu => None,
            Activation::SwiGlu => Some(self.dense(&name(gate), intermediate, hidden)?),
        };
        let (outward, outward_bias) = self.dense(&name(outward), hidden, intermediate)?;
        let mut blocks = Vec::new();
        for start in (0..intermediate).step_by(hidden) {
            let rows = start..(start + hidden).min(intermediate);
            let part = |(matrix, bias): (&Matrix, &[f32])| -> io::Result<Dense> {
                let matrix = matrix.part(hidden, rows.clone(), 0..hidden);
                Ok(Dense {
                    panels: Panels::pack(&matrix, hidden)?,
                    bias: bias[rows.clone()].to_vec(),
                })
            };
            let gate = gate.as_ref().map(|(matrix, bias)| part((matrix, bias)));
            let columns = outward.part(intermediate, 0..hidden, rows.clone());
            blocks.push(Block {
                inward: part((&inward, &inward_bias))?,
                gate: gate.transpose()?,
                outward: Panels::pack(&columns, rows.len())?,
            });
        }
        Ok((blocks, outward_bias))
    }
}
