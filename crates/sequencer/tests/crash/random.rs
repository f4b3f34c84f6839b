//! Random numbers that a seed repeats (`SplitMix64`). Which events, batches and kills there are follows from the seed; when
//! they meet does not.

use stateset_testkit::environment;

#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.number() % (most - least + 1)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.number().is_multiple_of(times)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.number() % from.len() as u64).unwrap()]
    }
}

/// The seed to repeat, else a new one; printed so that a failure can be repeated.
pub(crate) fn seed(test: &str) -> u64 {
    let given =
        environment::variable("STATESET_CRASH_SEED").map(|text| text.parse().expect("STATESET_CRASH_SEED is a number"));
    let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0 >> 32);
    println!("{test}: STATESET_CRASH_SEED={seed}");
    seed
}

/// Kills per engine.
pub(crate) fn kills() -> u32 {
    let given = environment::variable("STATESET_CRASH_KILLS");
    given.map_or(200, |text| text.parse().expect("STATESET_CRASH_KILLS is a number"))
}
