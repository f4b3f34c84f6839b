//! Against the real sequencer as a process, with the agent's program as a process too.

#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod forks;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod init;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod pull;
#[cfg(test)]
mod push;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod together;
