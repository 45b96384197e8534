//! Quantization of matrices to integers of 4 or 8 bits, with a scale for every 32 of them.
//!
//! The result is a `safetensors` file. Its metadata contains the format and the edition, which
//! distinguishes its vectors from those of other editions. [`crate::tensors`] reads it.
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use sha2::{Digest as _, Sha256};

use crate::directory::{ModelDirectory, WEIGHTS};
use crate::encoder::Encoder;
use crate::tensors::{EDITION, FORMAT, NEWEST, Tensors, invalid};
use carrel_kernels::kernel::Instructions;
use carrel_kernels::panels::BLOCK;

/// Bits per weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    Four,
    Eight,
}

impl Bits {
    /// Returns the greatest code. The least code is its negative minus one.
    fn greatest_code(self) -> f32 {
        match self {
            Self::Four => 7.0,
            Self::Eight => 127.0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Four => "q4",
            Self::Eight => "q8",
        }
    }
}

/// Similarity between the vectors of a quantized model and those of its original.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    pub mean: f64,
    pub least: f64,
    /// Number of texts compared.
    pub texts: usize,
}

/// The texts on which the models are compared: queries and passages in several scripts.
const PROBES: &str = include_str!("../data/probes.txt");
/// Files that describe a model, without its weights.
const BESIDE: [&str; 9] = [
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "modules.json",
];

/// A tensor to write.
pub(crate) struct Written {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// Quantizes the model in `from`, writes the result to the directory `into`, and compares both.
///
/// Replaces nothing in `into` before the new file is complete.
pub fn quantize(from: &ModelDirectory, into: &Path, bits: Bits) -> io::Result<Cosine> {
    // Opening the model reports any problems with it.
    let original = from.open()?;
    std::fs::create_dir_all(into)?;
    let path = from.path.join(WEIGHTS);
    if Tensors::open(&path)?.metadata_value(FORMAT).is_some() {
        return Err(invalid("the model is quantized already; name the directory of the original"));
    }
    let edition = format!("{} {}", bits.name(), &digest(&path)?[..8]);
    let bytes = std::fs::read(&path)?;
    let file = SafeTensors::deserialize(&bytes).map_err(invalid)?;
    let mut written = Vec::new();
    for (name, view) in file.tensors() {
        let is_matrix = view.shape().len() == 2
            && view.shape()[1].is_multiple_of(BLOCK)
            && !name.contains("position_embeddings")
            && !name.contains("token_type_embeddings");
        if !is_matrix || !matches!(view.dtype(), Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            let (dtype, shape) = (view.dtype(), view.shape().to_vec());
            written.push((name, Written { dtype, shape, bytes: view.data().to_vec() }));
            continue;
        }
        let values = crate::tensors::decode(view.dtype(), view.data());
        let [codes, scales] = coded(&values, view.shape(), bits);
        written.push((format!("{name}.scales"), scales));
        written.push((name, codes));
    }
    write(into, written, &edition)?;
    let folder = from.path.join("1_Pooling/config.json");
    if folder.exists() && from.path != into {
        std::fs::create_dir_all(into.join("1_Pooling"))?;
        std::fs::copy(folder, into.join("1_Pooling/config.json"))?;
    }
    for name in BESIDE {
        let (source, target) = (from.path.join(name), into.join(name));
        if source.exists() && source != target {
            std::fs::copy(source, target)?;
        }
    }
    let quantized = ModelDirectory { path: into.to_owned(), model: from.model }.open()?;
    let texts: Vec<String> = PROBES.lines().map(str::to_owned).collect();
    let embed = |(description, tokenizer, weights): (
        crate::directory::Description,
        crate::tokenizer::SubwordTokenizer,
        _,
    )| {
        let most = description.architecture.max_tokens;
        let ids: Vec<_> = texts
            .iter()
            .map(|text| tokenizer.encode(&format!("{}{text}", description.prefixes.passage), most))
            .collect();
        Encoder::new(weights, Instructions::detect()).encode(&ids)
    };
    let (before, after) = (embed(original), embed(quantized));
    let dot = |(a, b): (&Vec<f32>, &Vec<f32>)| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
    };
    let cosines: Vec<f64> = before.iter().zip(&after).map(dot).collect();
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    let least = cosines.iter().copied().fold(1.0, f64::min);
    Ok(Cosine { mean, least, texts: cosines.len() })
}

/// Writes the weights atomically, so that the directory never contains an incomplete file.
pub(crate) fn write(into: &Path, tensors: Vec<(String, Written)>, edition: &str) -> io::Result<()> {
    let notes = [(FORMAT, NEWEST.to_string()), (EDITION, edition.to_owned())];
    let notes: HashMap<_, _> =
        notes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut views = Vec::new();
    for (name, Written { dtype, shape, bytes }) in &tensors {
        let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(invalid)?;
        views.push((name.as_str(), view));
    }
    let temporary = tempfile::NamedTempFile::new_in(into)?;
    serialize_to_file(views, Some(notes), temporary.path()).map_err(io::Error::other)?;
    let mut file = File::options().append(true).open(temporary.path())?;
    file.flush()?;
    file.sync_all()?;
    crate::fetch::readable_by_all(&file)?;
    temporary.persist(into.join(WEIGHTS))?;
    Ok(())
}

/// Quantizes a matrix to codes and scales.
fn coded(values: &[f32], shape: &[usize], bits: Bits) -> [Written; 2] {
    let most = bits.greatest_code();
    let mut codes = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(values.len() / BLOCK * 2);
    for block in values.chunks(BLOCK) {
        let scale = f16::from_f32(best_scale(block, most));
        scales.extend(scale.to_le_bytes());
        let factor = if scale.to_f32() == 0.0 { 0.0 } else { scale.to_f32().recip() };
        let code = |value: &f32| (value * factor).round().clamp(-most - 1.0, most) as i8;
        let block: Vec<i8> = block.iter().map(code).collect();
        match bits {
            Bits::Eight => codes.extend(block.iter().map(|&code| code as u8)),
            Bits::Four => codes.extend((0..BLOCK / 2).map(|index| {
                let nibble = |code: i8| (code + 8) as u8;
                nibble(block[index]) | nibble(block[index + BLOCK / 2]) << 4
            })),
        }
    }
    let (rows, columns) = (shape[0], shape[1]);
    let (dtype, width) = match bits {
        Bits::Eight => (Dtype::I8, columns),
        Bits::Four => (Dtype::U8, columns / 2),
    };
    [
        Written { dtype, shape: vec![rows, width], bytes: codes },
        Written { dtype: Dtype::F16, shape: vec![rows, columns / BLOCK], bytes: scales },
    ]
}

/// Returns the scale with the smallest squared error among those that map the weight of the
/// greatest magnitude to the last code or near it.
///
/// The sign of the scale gives that weight the sign that has one more code.
fn best_scale(block: &[f32], most: f32) -> f32 {
    let largest = block.iter().copied().fold(0.0_f32, |a, b| if b.abs() > a.abs() { b } else { a });
    if largest == 0.0 {
        return 0.0;
    }
    let error = |scale: f32| -> f32 {
        let of = |value: &f32| {
            let code = (value / scale).round().clamp(-most - 1.0, most);
            (value - code * scale).powi(2)
        };
        block.iter().map(of).sum()
    };
    let candidates = (0..12).map(|step| -largest / (most + 1.0 - 0.1 * step as f32));
    let best = candidates.map(|scale| (error(scale), scale)).min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(0.0, |(_, scale)| scale)
}

fn digest(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 17];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => break,
            length => hash.update(&buffer[..length]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
