//! Parses the `config.json` of a published model.
use serde::Deserialize;

use crate::architecture::{Activation, Architecture, Naming, Pooling, Positions};

/// A `config.json`, with the field names of BERT or of nomic_bert, which uses GPT-2's names.
#[derive(Deserialize)]
pub struct BertConfig {
    model_type: String,
    #[serde(alias = "n_layer")]
    num_hidden_layers: usize,
    #[serde(alias = "n_head")]
    num_attention_heads: usize,
    #[serde(alias = "n_embd")]
    hidden_size: usize,
    #[serde(alias = "n_inner")]
    intermediate_size: usize,
    #[serde(alias = "n_positions")]
    max_position_embeddings: usize,
    #[serde(alias = "activation_function")]
    hidden_act: String,
    #[serde(alias = "layer_norm_epsilon")]
    layer_norm_eps: f32,
    pad_token_id: Option<usize>,
    position_embedding_type: Option<String>,
    rotary_emb_base: Option<f32>,
    rotary_emb_fraction: Option<f32>,
    rotary_scaling_factor: Option<f32>,
    max_trained_positions: Option<usize>,
    #[serde(default)]
    rotary_emb_interleaved: bool,
    #[serde(default)]
    prenorm: bool,
    #[serde(default)]
    qkv_proj_bias: bool,
}

impl BertConfig {
    /// Returns the architecture. An error is the end of a sentence "the file …".
    pub fn architecture(self) -> Result<Architecture, String> {
        let kind = self.model_type.as_str();
        let (naming, activation) = match (kind, self.hidden_act.as_str()) {
            ("bert" | "roberta" | "xlm-roberta" | "camembert", "gelu") => {
                (Naming::Bert, Activation::Gelu)
            }
            ("nomic_bert", "swiglu") => (Naming::Nomic, Activation::SwiGlu),
            ("bert" | "roberta" | "xlm-roberta" | "camembert" | "nomic_bert", activation) => {
                return Err(format!(
                    "names the activation {activation}, which carrel does not compute"
                ));
            }
            _ => {
                return Err(format!(
                    "describes a {kind} model; carrel runs bert, xlm-roberta and nomic_bert"
                ));
            }
        };
        let absolute =
            self.position_embedding_type.as_deref().is_none_or(|kind| kind == "absolute");
        let unusual = self.prenorm
            || self.qkv_proj_bias
            || self.rotary_emb_interleaved
            || self.rotary_emb_fraction.is_some_and(|fraction| fraction != 1.0);
        if !absolute || (naming == Naming::Nomic && unusual) {
            return Err("describes a variant of the model that carrel does not run".into());
        }
        let most = self.max_position_embeddings;
        let (positions, max_tokens) = match kind {
            "nomic_bert" => {
                let base = self.rotary_emb_base.unwrap_or(10_000.0);
                let trained = self.max_trained_positions.unwrap_or(most).max(1);
                let scaling = self.rotary_scaling_factor;
                // Without a factor, the angles do not depend on the length of the text.
                let trained = if scaling.is_some() { trained } else { most.max(1) };
                (Positions::Rotary { base, trained, scaling: scaling.unwrap_or(1.0) }, most)
            }
            "bert" => (Positions::Learned { first: 0 }, most),
            _ => {
                let first = self.pad_token_id.unwrap_or(1) + 1;
                (Positions::Learned { first }, most.saturating_sub(first))
            }
        };
        Ok(Architecture {
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            hidden: self.hidden_size,
            intermediate: self.intermediate_size,
            max_tokens,
            positions,
            activation,
            epsilon: self.layer_norm_eps,
            naming,
            pooling: Pooling::Mean,
        })
    }
}
