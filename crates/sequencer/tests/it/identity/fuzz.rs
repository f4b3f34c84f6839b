//! The fuzz target for credentials, for a while: the same inputs on every run.

#[expect(unreachable_pub, reason = "the fuzz crate's own file")]
#[path = "../../../../../fuzz/src/mutate.rs"]
mod mutate;
#[expect(unreachable_pub, reason = "the fuzz crate's own file")]
#[path = "../../../../../fuzz/service/src/token.rs"]
mod token;

const INPUTS: usize = 100_000;

/// L07, L08: spoilt keys, tokens and header lines never panic, and never open.
#[test]
fn spoilt_credentials_do_not_open() {
    let seeds = token::SEEDS.map(|text| text.as_bytes().to_vec());
    for seed in &seeds {
        token::token(seed);
    }
    let mut random = mutate::Random::new(1);
    for _ in 0..INPUTS {
        token::token(&mutate::input(&mut random, &seeds));
    }
}
