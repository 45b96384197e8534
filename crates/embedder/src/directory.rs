//! A model's directory: loads the model and reports problems with its files.
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::architecture::{Architecture, Pooling};
use crate::catalog::{KnownModel, Prefixes};
use crate::config::BertConfig;
use crate::tensors::{EDITION, Tensors, invalid};
use crate::tokenizer::{Letters, SubwordTokenizer, WordPiece, parse_json, parse_sentencepiece};
use crate::weights::Weights;

/// Maximum size of a vocabulary or configuration file, in bytes.
const LARGEST_TEXT: u64 = 64 << 20;
pub const WEIGHTS: &str = "model.safetensors";

/// The description of a model without its weights.
pub struct Description {
    pub architecture: Architecture,
    pub prefixes: Prefixes<String>,
    letters: Letters,
}

/// The directory of a model's files, and the model expected in it.
#[derive(Clone, Debug)]
pub struct ModelDirectory {
    pub path: PathBuf,
    /// `None` if the files in the directory describe the model.
    pub model: Option<&'static KnownModel>,
}

impl ModelDirectory {
    /// Returns the model's description without reading its weights.
    ///
    /// The text of an error is one sentence that names the file and the problem.
    pub fn describe(&self) -> io::Result<Description> {
        match self.model {
            Some(KnownModel { architecture, prefixes, .. }) => Ok(Description {
                architecture: architecture.clone(),
                prefixes: Prefixes {
                    query: prefixes.query.into(),
                    passage: prefixes.passage.into(),
                },
                letters: Letters::UNCASED,
            }),
            None => self.read_description(),
        }
    }

    /// Loads the model.
    pub fn open(&self) -> io::Result<(Description, SubwordTokenizer, Weights)> {
        let description = self.describe()?;
        let tokenizer = self.tokenizer(description.letters)?;
        let path = self.path.join(WEIGHTS);
        let weights = Weights::open(&path, description.architecture.clone());
        let weights = weights.map_err(|error| self.of(WEIGHTS, &error))?;
        self.fits(&tokenizer, weights.vocabulary)?;
        Ok((description, tokenizer, weights))
    }

    /// Checks whether the model can be loaded, without packing its weights.
    ///
    /// Errors are like those of [`Self::open`].
    pub fn check(&self) -> io::Result<()> {
        let description = self.describe()?;
        let tokenizer = self.tokenizer(description.letters)?;
        let path = self.path.join(WEIGHTS);
        let rows = Weights::check(&path, description.architecture);
        self.fits(&tokenizer, rows.map_err(|error| self.of(WEIGHTS, &error))?)
    }

    fn fits(&self, tokenizer: &SubwordTokenizer, rows: usize) -> io::Result<()> {
        let pieces = tokenizer.size();
        if pieces <= rows {
            return Ok(());
        }
        let text = format!("has {rows} word vectors, but the vocabulary has {pieces} tokens");
        Err(self.of(WEIGHTS, &invalid(text)))
    }

    /// Returns a text that distinguishes these weights from other editions of the model, which give
    /// different vectors: the quantization, or a digest for a model that is not in the catalog.
    /// Empty for a published model of the catalog.
    pub fn edition(&self) -> String {
        let path = self.path.join(WEIGHTS);
        let metadata_value = Tensors::open(&path)
            .ok()
            .and_then(|file| file.metadata_value(EDITION).map(str::to_owned));
        match (metadata_value, self.model) {
            (Some(value), _) => value,
            (None, Some(_)) => String::new(),
            (None, None) => fingerprint(&path).unwrap_or_default(),
        }
    }

    fn tokenizer(&self, letters: Letters) -> io::Result<SubwordTokenizer> {
        const SENTENCEPIECE: [&str; 2] = ["sentencepiece.bpe.model", "sentencepiece.model"];
        for name in SENTENCEPIECE {
            if let Some(bytes) = self.read(name)? {
                let parsed = parse_sentencepiece(&bytes).map(SubwordTokenizer::Unigram);
                return parsed.map_err(|problem| self.of(name, &invalid(problem)));
            }
        }
        if let Some(text) = self.text("vocab.txt")? {
            let parsed = WordPiece::parse(&text, letters).map(SubwordTokenizer::WordPiece);
            let problem = "lacks BERT's special tokens, so it is another kind of vocabulary";
            return parsed.ok_or_else(|| self.of("vocab.txt", &invalid(problem)));
        }
        if let Some(text) = self.text("tokenizer.json")? {
            return parse_json(&text)
                .map_err(|problem| self.of("tokenizer.json", &invalid(problem)));
        }
        let expected =
            self.model.map_or("tokenizer.json, vocab.txt or sentencepiece.bpe.model", |model| {
                model.files[0].name
            });
        Err(self.missing(expected))
    }

    fn read_description(&self) -> io::Result<Description> {
        let config: BertConfig =
            self.json("config.json")?.ok_or_else(|| self.missing("config.json"))?;
        let sentences: Sentences = self.json("sentence_bert_config.json")?.unwrap_or_default();
        let cased: Cased = self.json("tokenizer_config.json")?.unwrap_or_default();
        let prompts: Prompting =
            self.json("config_sentence_transformers.json")?.unwrap_or_default();
        let mut architecture =
            config.architecture().map_err(|problem| self.of("config.json", &invalid(problem)))?;
        if let Some(most) = sentences.max_seq_length {
            architecture.max_tokens = architecture.max_tokens.min(most);
        }
        architecture.pooling = self.pooling()?;
        if let Some(problem) = architecture.problem() {
            return Err(
                self.of("config.json", &invalid(format!("describes a model with {problem}")))
            );
        }
        let prompt = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| prompts.prompts[name].as_str());
            found.unwrap_or_default().to_owned()
        };
        let prefixes = Prefixes {
            query: prompt(["query", "search_query"]),
            passage: prompt(["passage", "document"]),
        };
        let lowercase = cased.do_lower_case.unwrap_or(true);
        let strip_accents = cased.strip_accents.unwrap_or(lowercase);
        let letters = Letters { lowercase, strip_accents };
        Ok(Description { architecture, prefixes, letters })
    }

    /// Determines the pooling from the modules of sentence-transformers. The default is the mean.
    fn pooling(&self) -> io::Result<Pooling> {
        let modules: Vec<Module> = self.json("modules.json")?.unwrap_or_default();
        let kinds = modules.iter().map(|module| module.kind.rsplit('.').next().unwrap_or_default());
        if let Some(kind) =
            kinds.clone().find(|kind| !["Transformer", "Pooling", "Normalize"].contains(kind))
        {
            let text = format!("has a module of kind {kind}, which carrel does not run");
            return Err(self.of("modules.json", &invalid(text)));
        }
        let path = modules.iter().zip(kinds).find(|(_, kind)| *kind == "Pooling");
        let folder = path.map_or("1_Pooling", |(module, _)| module.path.as_str());
        if folder.contains("..") || folder.starts_with('/') {
            return Err(self.of("modules.json", &invalid("names a folder outside its directory")));
        }
        let name = format!("{folder}/config.json");
        let Some(config) = self.json::<Value>(&name)? else { return Ok(Pooling::Mean) };
        let modes = config.as_object().into_iter().flatten();
        let chosen = modes.filter(|(mode, on)| mode.starts_with("pooling_mode_") && **on == true);
        let chosen: Vec<_> = chosen.map(|(mode, _)| mode.as_str()).collect();
        match chosen[..] {
            ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
            ["pooling_mode_cls_token"] => Ok(Pooling::Cls),
            _ => {
                Err(self
                    .of(&name, &invalid(format!("pools by {chosen:?}; carrel knows mean and CLS"))))
            }
        }
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let parsed = serde_json::from_str(&text);
        parsed
            .map(Some)
            .map_err(|error| self.of(name, &invalid(format!("cannot be read: {error}"))))
    }

    fn text(&self, name: &str) -> io::Result<Option<String>> {
        let Some(bytes) = self.read(name)? else { return Ok(None) };
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|_| self.of(name, &invalid("is damaged: it is not UTF-8")))
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.of(name, &error)),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST_TEXT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| self.of(name, &error))?;
        if bytes.len() as u64 > LARGEST_TEXT {
            return Err(self.of(name, &invalid("is larger than 64 MB")));
        }
        Ok(Some(bytes))
    }

    fn missing(&self, name: &str) -> io::Error {
        let directory = self.path.display();
        io::Error::new(io::ErrorKind::NotFound, format!("{directory} lacks the file {name}"))
    }

    fn of(&self, name: &str, error: &io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::NotFound {
            return self.missing(name);
        }
        io::Error::new(error.kind(), format!("{} {error}", self.path.join(name).display()))
    }
}

/// Returns a digest of the beginning, the end and the length of a weights file.
fn fingerprint(path: &Path) -> io::Result<String> {
    const PART: u64 = 1 << 20;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut hash = Sha256::new_with_prefix(length.to_be_bytes());
    for start in [0, length.saturating_sub(PART)] {
        file.seek(SeekFrom::Start(start))?;
        let mut part = Vec::new();
        file.by_ref().take(PART).read_to_end(&mut part)?;
        hash.update(part);
    }
    Ok(hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Default, Deserialize)]
struct Sentences {
    max_seq_length: Option<usize>,
}

#[derive(Default, Deserialize)]
struct Cased {
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
}

#[derive(Default, Deserialize)]
struct Prompting {
    #[serde(default)]
    prompts: Value,
}
