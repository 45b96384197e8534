//! The parameters of a BERT-family encoder.

/// The parameters of an encoder. Widths are multiples of 32.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    pub layers: usize,
    pub heads: usize,
    /// Width of a token's row and of the output vector.
    pub hidden: usize,
    /// Inner width of the feed-forward step.
    pub intermediate: usize,
    /// Maximum number of tokens per text, including the special tokens at its beginning and end.
    pub max_tokens: usize,
    pub positions: Positions,
    pub activation: Activation,
    /// Added to the variance before the square root in layer norm.
    pub epsilon: f32,
    /// Naming scheme of the tensors in the file.
    pub naming: Naming,
    pub pooling: Pooling,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Positions {
    /// A table row is added to each token. The row of the first position is `first`.
    Learned { first: usize },
    /// Queries and keys are rotated by angles that grow with the position.
    Rotary {
        base: f32,
        /// Texts with more than `trained` tokens use a larger base, which extends the range by
        /// `scaling`.
        trained: usize,
        scaling: f32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Gelu,
    /// A gated step with two inner matrices: the SiLU of one product multiplies the other.
    SwiGlu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `encoder.layer.0.attention.self.query.weight`, with biases.
    Bert,
    /// `encoder.layers.0.attn.Wqkv.weight`, without biases.
    Nomic,
}

/// How the rows of a text's tokens are combined into its vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    Mean,
    /// The row of the first token.
    Cls,
}

impl Architecture {
    /// Returns the width of one attention head.
    pub fn head(&self) -> usize {
        self.hidden / self.heads
    }

    /// Returns why these parameters are unusable, as the end of a sentence "the model has …".
    pub fn problem(&self) -> Option<String> {
        let Self { layers, heads, hidden, intermediate, max_tokens, .. } = *self;
        let bounded = (1..=64).contains(&layers)
            && (1..=128).contains(&heads)
            && (32..=4096).contains(&hidden)
            && (32..=16_384).contains(&intermediate)
            && (3..=32_768).contains(&max_tokens);
        if !bounded {
            return Some(format!(
                "{layers} layers, {heads} heads, {hidden} dimensions, {intermediate} inner dimensions and \
                 {max_tokens} tokens, of which one is out of range"
            ));
        }
        if hidden % heads != 0 || !self.head().is_multiple_of(32) {
            return Some(format!(
                "{heads} heads for {hidden} dimensions; heads must have a multiple of 32 dimensions"
            ));
        }
        (!intermediate.is_multiple_of(32))
            .then(|| format!("{intermediate} inner dimensions, which is not a multiple of 32"))
    }
}
