//! A short run of every target, the same each time. `cargo xtask fuzz` runs longer and elsewhere.
use fuzz::mutate::Mutator;
use fuzz::{TARGETS, corpus};

/// Inputs of each target, beside its seeds.
const INPUTS: u32 = 1500;

#[test]
fn every_rule_holds_for_the_seeds_and_what_is_made_of_them() {
    for target in &TARGETS {
        let corpus = corpus(target).unwrap();
        assert!(corpus.len() >= 3, "{} has {} seeds", target.name, corpus.len());
        corpus.iter().for_each(|seed| (target.run)(seed));
        let mut mutator = Mutator::new(7);
        for _ in 0..INPUTS {
            (target.run)(&mutator.mutated(&corpus));
        }
    }
}
