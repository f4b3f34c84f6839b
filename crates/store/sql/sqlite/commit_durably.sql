-- Set for every connection when it is opened, see connect.rs; this states it for a reader of the twin.
PRAGMA synchronous = FULL
