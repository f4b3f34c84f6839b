//! Where a broker's answer says at which address brokers are, and the same answer with other addresses. Pure.
//!
//! Two answers name addresses that a client then connects to: Metadata and `FindCoordinator`. Their layouts are those of the
//! Apache Kafka protocol, of every version up to the newest of Kafka 4. What cannot be read is left as it is.

/// `Metadata`.
const METADATA: i16 = 3;
/// `FindCoordinator`.
const FIND_COORDINATOR: i16 = 10;
/// Bytes of a correlation id, with which a request and its answer begin in the places we look at.
const ID_BYTES: usize = 4;

/// What an answer must be known by to be read: which question it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) correlation: [u8; ID_BYTES],
    api: i16,
    version: i16,
}

impl Question {
    /// From a request without its length. `None`: its answer names no address.
    pub(super) fn read(request: &[u8]) -> Option<Self> {
        let mut cursor = Cursor { bytes: request, at: 0, flexible: false };
        let (api, version) = (cursor.int16()?, cursor.int16()?);
        let correlation = correlation(request.get(4..)?)?;
        matches!(api, METADATA | FIND_COORDINATOR).then_some(Self { correlation, api, version })
    }
}

/// The number by which an answer is known.
pub(super) fn correlation(answer: &[u8]) -> Option<[u8; ID_BYTES]> {
    answer.get(..ID_BYTES)?.try_into().ok()
}

/// An address in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Of host and port together.
    from: usize,
    to: usize,
    flexible: bool,
    pub(super) host: String,
    pub(super) port: i32,
}

/// The addresses of an answer, in order.
pub(super) fn places(question: Question, answer: &[u8]) -> Option<Vec<Place>> {
    let flexible = question.version >= if question.api == METADATA { 9 } else { 3 };
    let mut cursor = Cursor { bytes: answer, at: ID_BYTES, flexible };
    if flexible {
        cursor.tags()?;
    }
    if question.api == METADATA {
        brokers(question.version, &mut cursor)
    } else {
        coordinators(question.version, &mut cursor)
    }
}

fn brokers(version: i16, cursor: &mut Cursor<'_>) -> Option<Vec<Place>> {
    if version >= 3 {
        cursor.skip(4)?;
    }
    let many = cursor.length_of_list()?;
    let mut found = Vec::new();
    for _ in 0..many {
        cursor.skip(4)?;
        found.push(cursor.place()?);
        if version >= 1 {
            cursor.text()?;
        }
        if cursor.flexible {
            cursor.tags()?;
        }
    }
    Some(found)
}

fn coordinators(version: i16, cursor: &mut Cursor<'_>) -> Option<Vec<Place>> {
    if version >= 1 {
        cursor.skip(4)?;
    }
    if version < 4 {
        cursor.skip(2)?;
        if version >= 1 {
            cursor.text()?;
        }
        cursor.skip(4)?;
        return Some(vec![cursor.place()?]);
    }
    let many = cursor.length_of_list()?;
    let mut found = Vec::new();
    for _ in 0..many {
        cursor.text()?;
        cursor.skip(4)?;
        found.push(cursor.place()?);
        cursor.skip(2)?;
        cursor.text()?;
        cursor.tags()?;
    }
    Some(found)
}

/// The answer with these addresses instead; a `None` leaves one as it is.
pub(super) fn moved(answer: &[u8], places: &[Place], to: impl Fn(&Place) -> Option<(String, u16)>) -> Vec<u8> {
    let mut moved = Vec::with_capacity(answer.len() + 16);
    let mut at = 0;
    for place in places {
        let Some((host, port)) = to(place) else { continue };
        moved.extend_from_slice(answer.get(at..place.from).unwrap_or_default());
        let length = host.len();
        if place.flexible {
            // A host name has less than 127 bytes here: one byte of length.
            moved.push(u8::try_from(length + 1).unwrap_or(u8::MAX) & 0x7f);
        } else {
            moved.extend_from_slice(&u16::try_from(length).unwrap_or_default().to_be_bytes());
        }
        moved.extend_from_slice(host.as_bytes());
        moved.extend_from_slice(&i32::from(port).to_be_bytes());
        at = place.to;
    }
    moved.extend_from_slice(answer.get(at..).unwrap_or_default());
    moved
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Lengths are numbers of variable size, plus one.
    flexible: bool,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, many: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(many)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn skip(&mut self, many: usize) -> Option<()> {
        self.take(many).map(drop)
    }

    fn int16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn int32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        for place in 0..5 {
            let byte = *self.take(1)?.first()?;
            value |= usize::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn length_of_list(&mut self) -> Option<usize> {
        if self.flexible {
            Some(self.varint()?.saturating_sub(1))
        } else {
            Some(usize::try_from(self.int32()?).unwrap_or(0))
        }
    }

    /// The null text is an empty one: what becomes of both is the same.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = if self.flexible { self.varint()?.checked_sub(1) } else { usize::try_from(self.int16()?).ok() };
        match length {
            Some(length) => self.take(length),
            None => Some(&[]),
        }
    }

    fn tags(&mut self) -> Option<()> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.skip(length)?;
        }
        Some(())
    }

    fn place(&mut self) -> Option<Place> {
        let from = self.at;
        let host = String::from_utf8(self.text()?.to_vec()).ok()?;
        let port = self.int32()?;
        Some(Place { from, to: self.at, flexible: self.flexible, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(api: i16, version: i16) -> Question {
        Question { correlation: [0, 0, 0, 9], api, version }
    }

    fn to_proxy(place: &Place) -> Option<(String, u16)> {
        (!place.host.is_empty()).then(|| ("127.0.0.1".to_owned(), 7000))
    }

    /// Version 1 as the protocol's guide lays it out: two brokers, the second with a rack, then a controller and no topics.
    #[test]
    fn metadata_of_the_old_layout_is_moved() {
        let mut answer = vec![0, 0, 0, 9, 0, 0, 0, 2];
        answer.extend([0, 0, 0, 1, 0, 5]);
        answer.extend(b"kafka");
        answer.extend([0, 0, 0x23, 0x84, 0xff, 0xff]);
        answer.extend([0, 0, 0, 2, 0, 1, b'k', 0, 0, 0x23, 0x85, 0, 1, b'r']);
        answer.extend([0, 0, 0, 1, 0, 0, 0, 0]);
        let found = places(question(METADATA, 1), &answer).unwrap();
        let read: Vec<(&str, i32)> = found.iter().map(|place| (place.host.as_str(), place.port)).collect();
        assert_eq!(read, [("kafka", 9092), ("k", 9093)]);
        let moved = moved(&answer, &found, to_proxy);
        let again = places(question(METADATA, 1), &moved).unwrap();
        assert!(again.iter().all(|place| place.host == "127.0.0.1" && place.port == 7000));
        assert!(moved.ends_with(&[0, 1, b'r', 0, 0, 0, 1, 0, 0, 0, 0]), "the rest is as it was");
    }

    /// Version 12: tags, throttle time, lengths of variable size.
    #[test]
    fn metadata_of_the_new_layout_is_moved() {
        let mut answer = vec![0, 0, 0, 9, 0, 0, 0, 0, 0, 2];
        answer.extend([0, 0, 0, 1, 6]);
        answer.extend(b"kafka");
        answer.extend([0, 0, 0x23, 0x84, 0, 0]);
        answer.extend(b"rest");
        let found = places(question(METADATA, 12), &answer).unwrap();
        let moved = moved(&answer, &found, to_proxy);
        let mut expected = vec![0, 0, 0, 9, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 10];
        expected.extend(b"127.0.0.1");
        expected.extend([0, 0, 0x1b, 0x58, 0, 0]);
        expected.extend(b"rest");
        assert_eq!(moved, expected);
    }

    #[test]
    fn coordinators_are_moved_and_a_missing_one_is_left() {
        let mut first = vec![0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 1, 0, 5];
        first.extend(b"kafka");
        first.extend([0, 0, 0x23, 0x84]);
        let found = places(question(FIND_COORDINATOR, 2), &first).unwrap();
        assert_eq!((found[0].host.as_str(), found[0].port), ("kafka", 9092));
        // Not available yet: an empty host, and port -1.
        let none = [0, 0, 0, 9, 0, 0, 0, 0, 0, 15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff];
        let found = places(question(FIND_COORDINATOR, 2), &none).unwrap();
        assert_eq!(moved(&none, &found, to_proxy), none);
        let mut fourth = vec![0, 0, 0, 9, 0, 0, 0, 0, 0, 2, 2, b'g', 0, 0, 0, 1, 6];
        fourth.extend(b"kafka");
        fourth.extend([0, 0, 0x23, 0x84, 0, 0, 0, 0, 0]);
        let found = places(question(FIND_COORDINATOR, 4), &fourth).unwrap();
        assert_eq!((found[0].host.as_str(), found[0].port), ("kafka", 9092));
    }

    /// No bytes of a stranger make it panic, and what it cannot read stays as it is.
    #[test]
    fn any_bytes_are_survived() {
        let mut seed = 7_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u8::try_from(seed >> 56).unwrap()
        };
        for length in 0..400_usize {
            let bytes: Vec<u8> = (0..length).map(|_| next()).collect();
            for api in [METADATA, FIND_COORDINATOR] {
                for version in 0..14 {
                    if let Some(found) = places(question(api, version), &bytes) {
                        assert_eq!(moved(&bytes, &found, |_| None), bytes);
                        moved(&bytes, &found, to_proxy);
                    }
                }
            }
            Question::read(&bytes);
        }
    }

    #[test]
    fn only_questions_about_addresses_are_remembered() {
        assert!(Question::read(&[0, 0, 0, 9, 0, 0, 0, 1]).is_none(), "a produce request");
        assert_eq!(Question::read(&[0, 3, 0, 12, 0, 0, 0, 9, 1]), Some(question(METADATA, 12)));
        assert!(Question::read(&[0, 3, 0]).is_none());
    }
}
