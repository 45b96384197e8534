//! Random vectors with the structure of text embeddings.
/// Generates vectors around several hundred centers, like texts about as many subjects.
pub struct Clusters {
    state: u64,
    centres: Vec<Vec<f32>>,
}

impl Clusters {
    pub fn new(dimensions: usize, seed: u64) -> Self {
        let mut clusters = Self { state: seed | 1, centres: Vec::new() };
        clusters.centres = (0..200).map(|_| clusters.normal(dimensions, 1.0)).collect();
        clusters
    }

    /// Returns the next unit vector.
    pub fn vector(&mut self) -> Vec<f32> {
        let number = (self.uniform() * self.centres.len() as f32) as usize;
        let centre = self.centres[number.min(self.centres.len() - 1)].clone();
        let mut vector = self.normal(centre.len(), 0.7);
        vector.iter_mut().zip(centre).for_each(|(value, centre)| *value += centre);
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|value| *value /= length);
        vector
    }

    pub fn vectors(&mut self, count: usize) -> Vec<Vec<f32>> {
        (0..count).map(|_| self.vector()).collect()
    }

    fn normal(&mut self, dimensions: usize, spread: f32) -> Vec<f32> {
        let sum = |c: &mut Self| (0..4).map(|_| c.uniform()).sum::<f32>() - 2.0;
        (0..dimensions).map(|_| sum(self) * spread).collect()
    }

    /// Returns a pseudorandom number from 0 to 1, by xorshift.
    fn uniform(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 40) as f32 / (1u64 << 24) as f32
    }
}
