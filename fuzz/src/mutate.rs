//! New inputs from good ones. Without coverage feedback, so breadth has to do it: small changes where they hurt, pieces of
//! one input in another, and numbers at the edges of their types.

/// A small generator (xorshift64*): the same seed gives the same run.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// `seed` must not be zero; zero is taken for one.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from((self.number() >> 11) % end).unwrap_or(0)
    }
}

const INTERESTING: [&str; 30] = [
    "0",
    "-0",
    "-1",
    "1e999",
    "1e-999",
    "0.1e1",
    "255",
    "256",
    "65536",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\u{0}",
    "\r\n",
    "%2e%2e",
    "../",
    "+",
    "\u{10ffff}",
];

/// An input made from some of `seeds`.
pub fn input(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    const LONGEST: usize = 16_384;
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        change(random, &mut input, seeds);
    }
    input.truncate(LONGEST);
    input
}

fn change(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = random.below(input.len() + 1);
    let end = (at + random.below(32)).min(input.len());
    match random.below(9) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.number().to_le_bytes()[0],
        2 => drop(input.drain(at..end)),
        3 => input.truncate(at),
        4 => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        },
        5 => {
            let text = INTERESTING[random.below(INTERESTING.len())];
            input.splice(at..end, text.bytes());
        },
        6 => {
            let other = &seeds[random.below(seeds.len())];
            let from = random.below(other.len() + 1);
            let to = (from + random.below(128)).min(other.len());
            input.splice(at..end, other[from..to].iter().copied());
        },
        7 => nest(random, input),
        _ => number(random, input),
    }
}

/// Deep nesting, around the whole.
fn nest(random: &mut Random, input: &mut Vec<u8>) {
    let depth = random.below(200);
    let (open, close) = if random.below(2) == 0 { (&b"["[..], &b"]"[..]) } else { (&b"{\"a\":"[..], &b"}"[..]) };
    let mut nested = open.repeat(depth);
    nested.append(input);
    nested.extend(close.repeat(depth));
    *input = nested;
}

/// Another number in the place of one.
fn number(random: &mut Random, input: &mut Vec<u8>) {
    let digits: Vec<usize> = (0..input.len()).filter(|&i| input[i].is_ascii_digit()).collect();
    let Some(&start) = digits.get(random.below(digits.len())) else { return };
    let end = (start..input.len()).find(|&i| !input[i].is_ascii_digit()).unwrap_or(input.len());
    let text = INTERESTING[random.below(16)];
    input.splice(start..end, text.bytes());
}
