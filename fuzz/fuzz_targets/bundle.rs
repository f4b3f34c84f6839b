#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| stateset_fuzz::targets::bundle(input));
