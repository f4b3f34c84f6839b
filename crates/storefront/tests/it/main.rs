//! The storefront: real databases, a real mail server, a real broker, real processes.

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod checkout;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod journey;
#[cfg(test)]
mod kafka;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod mails;
#[cfg(test)]
mod permutations;
#[cfg(test)]
mod process;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod sequencer;
