//! The catalog of known models: their files, architectures and prefixes.
use crate::architecture::{Activation, Architecture, Naming, Pooling, Positions};
use crate::fetch::ModelFile;
use crate::quantize::Bits;

/// A model that `carrel model fetch` can download and that a setting can select.
#[derive(Debug)]
pub struct KnownModel {
    /// Name of the model and of its directory below `models`.
    pub name: &'static str,
    /// The model's name in APIs and in imported settings.
    pub wire_name: &'static str,
    /// Description in the list of models.
    pub description: &'static str,
    pub architecture: Architecture,
    /// Prefixes of queries and passages.
    pub prefixes: Prefixes,
    /// Location on the Hugging Face hub: owner, name and revision.
    pub repository: (&'static str, &'static str),
    /// The published files: first the vocabulary, then the weights.
    pub files: [&'static ModelFile; 2],
    /// Bits per weight after fetching. `None` keeps the published weights.
    pub bits: Option<Bits>,
}

/// Prefixes for texts, by purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes<T = &'static str> {
    pub query: T,
    pub passage: T,
}

const UNCASED_VOCABULARY: ModelFile = ModelFile {
    name: "vocab.txt",
    size: 231_508,
    sha256: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
};

const fn weights(size: u64, sha256: &'static str) -> ModelFile {
    ModelFile { name: "model.safetensors", size, sha256 }
}

const BERT: Architecture = Architecture {
    layers: 12,
    heads: 12,
    hidden: 384,
    intermediate: 1536,
    max_tokens: 512,
    positions: Positions::Learned { first: 0 },
    activation: Activation::Gelu,
    epsilon: 1e-12,
    naming: Naming::Bert,
    pooling: Pooling::Mean,
};

/// English. The default of installations before models could be selected.
pub static MINILM: KnownModel = KnownModel {
    name: "all-MiniLM-L6-v2",
    wire_name: "Xenova/all-MiniLM-L6-v2",
    description: "English, fastest, 91 MB",
    architecture: Architecture { layers: 6, max_tokens: 256, ..BERT },
    prefixes: Prefixes { query: "", passage: "" },
    repository: ("sentence-transformers/all-MiniLM-L6-v2", "main"),
    files: [
        &UNCASED_VOCABULARY,
        &weights(90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    ],
    bits: None,
};

/// About 100 languages.
pub static E5: KnownModel = KnownModel {
    name: "multilingual-e5-small",
    wire_name: "MintplexLabs/multilingual-e5-small",
    description: "Multilingual, 100 languages, 72 MB",
    architecture: BERT,
    prefixes: Prefixes { query: "query: ", passage: "passage: " },
    repository: ("intfloat/multilingual-e5-small", "614241f622f53c4eeff9890bdc4f31cfecc418b3"),
    files: [
        &ModelFile {
            name: "sentencepiece.bpe.model",
            size: 5_069_051,
            sha256: "cfc8146abe2a0488e9e2a0c56de7952f7c11ab059eca145a0a727afce0db2865",
        },
        &weights(470_641_600, "1a55775f53449dac10a2bcbc312469fac40b96d53198c407081a831f81c98477"),
    ],
    bits: Some(Bits::Four),
};

static BGE: KnownModel = KnownModel {
    name: "bge-small-en-v1.5",
    wire_name: "bge-small-en-v1.5",
    description: "English, more accurate, 133 MB",
    architecture: Architecture { pooling: Pooling::Cls, ..BERT },
    prefixes: Prefixes {
        query: "Represent this sentence for searching relevant passages: ",
        passage: "",
    },
    repository: ("BAAI/bge-small-en-v1.5", "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a"),
    files: [
        &UNCASED_VOCABULARY,
        &weights(133_466_304, "3c9f31665447c8911517620762200d2245a2518d6e7208acc78cd9db317e21ad"),
    ],
    bits: None,
};

static NOMIC: KnownModel = KnownModel {
    name: "nomic-embed-text-v1.5",
    wire_name: "Xenova/nomic-embed-text-v1",
    description: "English, long texts, 547 MB",
    architecture: Architecture {
        hidden: 768,
        intermediate: 3072,
        max_tokens: 8192,
        positions: Positions::Rotary { base: 1000.0, trained: 2048, scaling: 2.0 },
        activation: Activation::SwiGlu,
        naming: Naming::Nomic,
        ..BERT
    },
    prefixes: Prefixes { query: "search_query: ", passage: "search_document: " },
    repository: ("nomic-ai/nomic-embed-text-v1.5", "main"),
    files: [
        &UNCASED_VOCABULARY,
        &weights(546_938_168, "9e7d262b1fe5ea350782829496efa831901b77486bbde1cea54a4c822d010d5c"),
    ],
    bits: None,
};

/// All known models, in the order of the list.
pub static MODELS: [&KnownModel; 4] = [&E5, &MINILM, &BGE, &NOMIC];

/// Returns the model with this name in this catalog, in APIs or on the hub, ignoring case.
pub fn find(name: &str) -> Option<&'static KnownModel> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    let short = |known: &str| known.rsplit('/').next().is_some_and(is);
    MODELS.into_iter().find(|model| {
        is(model.name) || is(model.wire_name) || short(model.wire_name) || is(model.repository.0)
    })
}
