//! The weights of Whisper, rounded to 8 bits in blocks of 32 and packed for the kernels.
use std::fs::File;
use std::io;

use carrel_kernels::elementwise::Norm;
use carrel_kernels::panels::{Matrix, Panels};

use super::tensors::{WeightFile, invalid};

/// Columns of an attention head, in every size of the model.
pub const HEAD: usize = 64;
/// Frames that the encoder returns for a window.
pub const FRAMES: usize = 1500;
/// Maximum number of tokens of a text, with everything before it.
pub const LONGEST_TEXT: usize = 448;
/// Rows of the vocabulary that one thread multiplies at a time.
pub const VOCABULARY_PART: usize = 6 * 1024;
const EPSILON: f32 = 1e-5;

/// A matrix and a bias.
pub struct Projection {
    pub panels: Panels,
    pub bias: Vec<f32>,
}

pub struct Attention {
    pub norm: Norm,
    pub output: Projection,
}

pub struct FeedForward {
    pub norm: Norm,
    pub inward: Projection,
    pub outward: Projection,
}

pub struct EncoderLayer {
    pub attention: Attention,
    /// Query, key and value side by side.
    pub inputs: Projection,
    pub feed: FeedForward,
}

pub struct DecoderLayer {
    pub attention: Attention,
    pub inputs: Projection,
    pub cross: Attention,
    pub query: Projection,
    /// Key and value of the encoder's output, side by side.
    pub memory: Projection,
    pub feed: FeedForward,
}

pub struct WhisperWeights {
    pub width: usize,
    /// Bands of the spectrogram.
    pub bands: usize,
    /// Number of tokens.
    pub vocabulary: usize,
    pub convolutions: [Projection; 2],
    pub encoder_positions: Vec<f32>,
    pub encoder: Vec<EncoderLayer>,
    pub encoder_norm: Norm,
    /// The embeddings of tokens, in parts.
    pub tokens: Vec<Panels>,
    pub decoder_positions: Vec<f32>,
    pub decoder: Vec<DecoderLayer>,
    pub decoder_norm: Norm,
}

impl WhisperWeights {
    /// Reads the weights from one file in parts. The error says what is wrong with it.
    pub fn read(files: Vec<File>) -> io::Result<Self> {
        let tensors = WeightFile::open(files)?;
        let is_converted = tensors.has("encoder/conv1/weight");
        let mut reader = Reader { tensors, is_converted, width: 0 };
        let name = reader.name("encoder/conv1/weight", "model.encoder.conv1.weight");
        let (width, bands) = match reader.tensors.shape(&name) {
            Some(&[width, bands, 3]) => (width, bands),
            _ => return Err(invalid("it holds no model of the Whisper family")),
        };
        if !width.is_multiple_of(HEAD) || !(HEAD..=2048).contains(&width) || bands > 128 {
            return Err(invalid("it holds a model of unusual size"));
        }
        reader.width = width;
        let count = |reader: &Reader, converted: &str, published: &str| {
            let has = |layer: usize| {
                let name = reader.name(
                    &format!("{converted}/layer_{layer}/ffn/linear_0/weight"),
                    &format!("{published}.layers.{layer}.fc1.weight"),
                );
                reader.tensors.has(&name)
            };
            (0..64).take_while(|&layer| has(layer)).count()
        };
        let encoder_layers = count(&reader, "encoder", "model.encoder");
        let decoder_layers = count(&reader, "decoder", "model.decoder");
        if encoder_layers == 0 || decoder_layers == 0 {
            return Err(invalid("it lacks the layers of the model"));
        }
        let (tokens, vocabulary) = reader.tokens()?;
        Ok(Self {
            width,
            bands,
            vocabulary,
            convolutions: [
                reader.convolution("encoder/conv1", "model.encoder.conv1", bands)?,
                reader.convolution("encoder/conv2", "model.encoder.conv2", width)?,
            ],
            encoder_positions: reader.positions("encoder", FRAMES)?,
            encoder: (0..encoder_layers)
                .map(|layer| reader.encoder_layer(layer))
                .collect::<io::Result<_>>()?,
            encoder_norm: reader.norm("encoder/layer_norm", "model.encoder.layer_norm")?,
            tokens,
            decoder_positions: reader.positions("decoder", LONGEST_TEXT)?,
            decoder: (0..decoder_layers)
                .map(|layer| reader.decoder_layer(layer))
                .collect::<io::Result<_>>()?,
            decoder_norm: reader.norm("decoder/layer_norm", "model.decoder.layer_norm")?,
        })
    }
}

impl WhisperWeights {
    /// Writes the embedding of a token to `row`.
    pub fn token(&self, token: u32, row: &mut [f32]) {
        let index = token as usize;
        self.tokens[index / VOCABULARY_PART].row(index % VOCABULARY_PART, row);
    }
}

struct Reader {
    tensors: WeightFile,
    /// Whether the file uses CTranslate2's names.
    is_converted: bool,
    width: usize,
}

impl Reader {
    fn name(&self, converted: &str, published: &str) -> String {
        (if self.is_converted { converted } else { published }).to_owned()
    }

    fn read(&mut self, name: &str, length: usize) -> io::Result<Vec<f32>> {
        let values = self.tensors.read(name)?;
        if values.len() != length {
            return Err(invalid(format!("the tensor {name} has another size than expected")));
        }
        Ok(values)
    }

    fn norm(&mut self, converted: &str, published: &str) -> io::Result<Norm> {
        let width = self.width;
        let (scale, shift) = if self.is_converted { ("gamma", "beta") } else { ("weight", "bias") };
        let (name, separator) = if self.is_converted { (converted, '/') } else { (published, '.') };
        Ok(Norm {
            scale: self.read(&format!("{name}{separator}{scale}"), width)?,
            shift: self.read(&format!("{name}{separator}{shift}"), width)?,
            epsilon: EPSILON,
        })
    }

    /// Reads a matrix of `rows` by `columns`. Files of transformers split it into several,
    /// `theirs`, and have no bias for keys.
    fn dense(
        &mut self,
        converted: &str,
        published: &[String],
        rows: usize,
        columns: usize,
        scaled: usize,
    ) -> io::Result<Projection> {
        let (mut values, mut bias) = if self.is_converted {
            let values = self.read(&format!("{converted}/weight"), rows * columns)?;
            (values, self.read(&format!("{converted}/bias"), rows)?)
        } else {
            let (mut values, mut bias) = (Vec::new(), Vec::new());
            let part = rows / published.len();
            for name in published {
                values.extend(self.read(&format!("{name}.weight"), part * columns)?);
                let name = format!("{name}.bias");
                match self.tensors.has(&name) {
                    true => bias.extend(self.read(&name, part)?),
                    false => bias.resize(bias.len() + part, 0.0),
                }
            }
            (values, bias)
        };
        // Attention scores are divided by the square root of a head's columns. Scaling the query
        // projection does this once.
        let factor = 1.0 / (HEAD as f32).sqrt();
        values[..scaled * columns].iter_mut().for_each(|value| *value *= factor);
        bias[..scaled].iter_mut().for_each(|value| *value *= factor);
        Ok(Projection { panels: Panels::pack(&Matrix::rounded(&values), columns)?, bias })
    }

    /// Reads a convolution over three frames as a matrix whose columns are the inputs of one frame
    /// after another.
    fn convolution(
        &mut self,
        converted: &str,
        published: &str,
        inputs: usize,
    ) -> io::Result<Projection> {
        let (name, width) = (self.name(converted, published), self.width);
        let separator = if self.is_converted { '/' } else { '.' };
        let values = self.read(&format!("{name}{separator}weight"), width * inputs * 3)?;
        let bias = self.read(&format!("{name}{separator}bias"), width)?;
        let mut turned = Vec::with_capacity(values.len());
        for output in values.chunks(inputs * 3) {
            for frame in 0..3 {
                turned.extend((0..inputs).map(|input| output[input * 3 + frame]));
            }
        }
        Ok(Projection { panels: Panels::pack(&Matrix::Full(turned), inputs * 3)?, bias })
    }

    fn positions(&mut self, part: &str, length: usize) -> io::Result<Vec<f32>> {
        let converted = format!("{part}/position_encodings/encodings");
        let name = self.name(&converted, &format!("model.{part}.embed_positions.weight"));
        self.read(&name, length * self.width)
    }

    fn tokens(&mut self) -> io::Result<(Vec<Panels>, usize)> {
        let name = self.name("decoder/embeddings/weight", "model.decoder.embed_tokens.weight");
        let width = self.width;
        let vocabulary = match self.tensors.shape(&name) {
            Some(&[rows, columns]) if columns == width && (51_864..60_000).contains(&rows) => rows,
            _ => return Err(invalid("it has another vocabulary than Whisper")),
        };
        let mut parts = Vec::new();
        for start in (0..vocabulary).step_by(VOCABULARY_PART) {
            let end = (start + VOCABULARY_PART).min(vocabulary);
            let mut values = self.tensors.read_rows(&name, start..end)?;
            values.resize((end - start).next_multiple_of(32) * width, 0.0);
            parts.push(Panels::pack(&Matrix::rounded(&values), width)?);
        }
        Ok((parts, vocabulary))
    }

    fn attention(
        &mut self,
        converted: &str,
        published: &str,
        last: usize,
    ) -> io::Result<Attention> {
        let width = self.width;
        Ok(Attention {
            norm: self
                .norm(&format!("{converted}/layer_norm"), &format!("{published}_layer_norm"))?,
            output: self.dense(
                &format!("{converted}/linear_{last}"),
                &[format!("{published}.out_proj")],
                width,
                width,
                0,
            )?,
        })
    }

    fn projections(
        &mut self,
        converted: &str,
        published: &str,
        which: &[&str],
    ) -> io::Result<Projection> {
        let published_names: Vec<_> =
            which.iter().map(|which| format!("{published}.{which}_proj")).collect();
        let scaled = if which[0] == "q" { self.width } else { 0 };
        self.dense(converted, &published_names, which.len() * self.width, self.width, scaled)
    }

    fn feed(&mut self, converted: &str, published: &str) -> io::Result<FeedForward> {
        let (width, inner) = (self.width, 4 * self.width);
        let (first, second) =
            (format!("{converted}/ffn/linear_0"), format!("{converted}/ffn/linear_1"));
        Ok(FeedForward {
            norm: self.norm(
                &format!("{converted}/ffn/layer_norm"),
                &format!("{published}.final_layer_norm"),
            )?,
            inward: self.dense(&first, &[format!("{published}.fc1")], inner, width, 0)?,
            outward: self.dense(&second, &[format!("{published}.fc2")], width, inner, 0)?,
        })
    }

    fn encoder_layer(&mut self, layer: usize) -> io::Result<EncoderLayer> {
        let (converted, theirs) =
            (format!("encoder/layer_{layer}"), format!("model.encoder.layers.{layer}"));
        let (own, hub) = (format!("{converted}/self_attention"), format!("{theirs}.self_attn"));
        Ok(EncoderLayer {
            attention: self.attention(&own, &hub, 1)?,
            inputs: self.projections(&format!("{own}/linear_0"), &hub, &["q", "k", "v"])?,
            feed: self.feed(&converted, &theirs)?,
        })
    }

    fn decoder_layer(&mut self, layer: usize) -> io::Result<DecoderLayer> {
        let (converted, theirs) =
            (format!("decoder/layer_{layer}"), format!("model.decoder.layers.{layer}"));
        let (own, hub) = (format!("{converted}/self_attention"), format!("{theirs}.self_attn"));
        let (cross, other) = (format!("{converted}/attention"), format!("{theirs}.encoder_attn"));
        Ok(DecoderLayer {
            attention: self.attention(&own, &hub, 1)?,
            inputs: self.projections(&format!("{own}/linear_0"), &hub, &["q", "k", "v"])?,
            cross: self.attention(&cross, &other, 2)?,
            query: self.projections(&format!("{cross}/linear_0"), &other, &["q"])?,
            memory: self.projections(&format!("{cross}/linear_1"), &other, &["k", "v"])?,
            feed: self.feed(&converted, &theirs)?,
        })
    }
}
