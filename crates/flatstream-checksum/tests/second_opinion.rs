//! Every algorithm against published check values and against a second implementation, at all lengths and all splits.

use flatstream_checksum::{Algorithm, Checksum, ChecksumType, Pass, Unavailable};
use proptest::prelude::*;

/// Published values: <https://reveng.sourceforge.io/crc-catalogue/all.htm> and xxHash's own sanity test.
const CHECK_VALUES: [(ChecksumType, &[u8], u32); 11] = [
    (ChecksumType::None, b"123456789", 0),
    (ChecksumType::Crc32c, b"123456789", 0xE306_9283),
    (ChecksumType::Crc32c, b"", 0),
    (ChecksumType::Crc32c, &[0; 32], 0x8A91_36AA), // RFC 3720, B.4
    (ChecksumType::Crc32c, &[0xFF; 32], 0x62A8_AB43),
    (ChecksumType::Crc32, b"123456789", 0xCBF4_3926),
    (ChecksumType::Crc32, b"", 0),
    (ChecksumType::Xxh64, b"", 0x51D8_E999),    // EF46DB37 51D8E999
    (ChecksumType::Xxh64, b"abc", 0xAD77_0999), // 44BC2CF5 AD770999
    (ChecksumType::Xxh3, b"", 0x38D3_94C2),     // 2D068005 38D394C2
    (ChecksumType::Xxh3, b"abc", 0x892F_3950),  // 78AF5F94 892F3950
];

/// Those of the format's algorithms that this build has; the others must say which feature they need.
fn available() -> impl Iterator<Item = Algorithm> {
    ChecksumType::STANDARD.into_iter().filter_map(|checksum| match Algorithm::new(checksum) {
        Ok(algorithm) => Some(algorithm),
        Err(Unavailable::Feature { feature, .. }) => {
            assert_eq!(checksum.feature(), Some(feature));
            None
        }
        Err(other) => panic!("{checksum}: {other}"),
    })
}

/// Bit by bit, straight from the definition of a reflected CRC.
fn crc_by_definition(polynomial: u32, body: &[u8]) -> u32 {
    let mut register = !0u32;
    for &byte in body {
        register ^= u32::from(byte);
        for _ in 0..8 {
            register = (register >> 1) ^ (polynomial & (register & 1).wrapping_neg());
        }
    }
    !register
}

/// Another implementation than the one in use, for each.
fn second_opinion(checksum: ChecksumType, body: &[u8]) -> Option<u32> {
    match checksum {
        ChecksumType::None => Some(0),
        ChecksumType::Crc32c => {
            let digest = crc32c::crc32c(body);
            assert_eq!(digest, crc_by_definition(0x82F6_3B78, body));
            Some(digest)
        }
        ChecksumType::Crc32 => Some(crc_by_definition(0xEDB8_8320, body)),
        ChecksumType::Xxh64 => Some(xxhash_rust::xxh64::xxh64(body, 0) as u32),
        ChecksumType::Xxh3 => Some(xxhash_rust::xxh3::xxh3_64(body) as u32),
        _ => None,
    }
}

/// A body to be digested in a pass.
struct One<'a>(&'a [u8]);

impl Pass for One<'_> {
    type Output = u32;

    fn run(self, digest: impl Fn(&[u8]) -> u32) -> u32 {
        digest(self.0)
    }
}

/// The digest, which must be the same however it is asked for.
fn digest_every_way(algorithm: Algorithm, body: &[u8]) -> u32 {
    let digest = algorithm.digest(body);
    assert_eq!(digest_of(&algorithm, body), digest, "{algorithm:?}");
    // As the writers do that borrow their algorithm.
    assert_eq!(digest_of(&&algorithm, body), digest, "{algorithm:?}, by reference");
    digest
}

fn digest_of<C: Checksum>(hasher: &C, body: &[u8]) -> u32 {
    let digest = hasher.digest(body);
    let mut copy = vec![0; body.len()];
    assert_eq!(hasher.copy_and_digest(body, &mut copy), digest, "while it is copied");
    assert_eq!(copy, body);
    assert_eq!(hasher.run_pass(One(body)), digest, "in a pass");
    if let Some(whole) = hasher.digest_parts(&[body]) {
        assert_eq!(whole, digest, "as one part");
    }
    digest
}

fn noise(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(0x9E37_79B9) >> 24) as u8).collect()
}

#[test]
fn published_check_values() {
    for (checksum, body, digest) in CHECK_VALUES {
        if let Ok(algorithm) = Algorithm::new(checksum) {
            assert_eq!(algorithm.digest(body), digest, "{checksum} of {body:?}");
        }
    }
}

#[test]
fn a_second_implementation_agrees_at_every_length_to_1024() {
    let bytes = noise(1024);
    for algorithm in available() {
        for len in 0..=bytes.len() {
            if let Some(expected) = second_opinion(algorithm.checksum_type(), &bytes[..len]) {
                assert_eq!(digest_every_way(algorithm, &bytes[..len]), expected, "{algorithm:?}, length {len}");
            }
        }
    }
}

#[test]
fn any_split_gives_the_digest_of_the_whole() {
    let bytes = noise(1024);
    for algorithm in available() {
        for len in 0..=bytes.len() {
            let whole = algorithm.digest(&bytes[..len]);
            for at in 0..=len {
                let (head, tail) = bytes[..len].split_at(at);
                if let Some(digest) = algorithm.digest_parts(&[head, &[], tail]) {
                    assert_eq!(digest, whole, "{algorithm:?}, length {len} split at {at}");
                }
            }
        }
    }
}

#[test]
fn only_xxh3_without_std_needs_a_body_in_one_piece() {
    for algorithm in available() {
        let is_in_parts = algorithm.digest_parts(&[b"a", b"b"]).is_some();
        let is_exempt = algorithm.checksum_type() == ChecksumType::Xxh3 && cfg!(not(feature = "std"));
        assert_eq!(is_in_parts, !is_exempt, "{algorithm:?}");
        assert_eq!(Checksum::digest_parts(&&algorithm, &[b"ab"]).is_some(), is_in_parts, "{algorithm:?}, by reference");
    }
}

/// One that has only what it must have.
struct LengthOnly;

impl Checksum for LengthOnly {
    fn digest(&self, body: &[u8]) -> u32 {
        0x100 + body.len() as u32
    }
}

#[test]
fn an_algorithm_of_ones_own_needs_a_digest_and_no_more() {
    assert_eq!(digest_of(&LengthOnly, b"abc"), 0x103);
    assert_eq!(digest_of(&&LengthOnly, b""), 0x100);
    assert_eq!(LengthOnly.digest_parts(&[b"a", b"bc"]), None);
}

#[test]
fn names_and_features_are_those_of_the_documentation() {
    let shown = ChecksumType::STANDARD.map(|checksum| (checksum.to_string(), checksum.feature()));
    let names = ["none", "CRC-32C", "XXH64", "CRC-32", "XXH3"].map(str::to_owned);
    assert_eq!(shown.clone().map(|(name, _)| name), names);
    assert_eq!(shown.map(|(_, feature)| feature), [None, None, Some("xxhash"), Some("crc"), Some("xxhash")]);
    assert_eq!(ChecksumType::Private(200).to_string(), "private checksum 200");
    assert_eq!(ChecksumType::Private(200).feature(), None);
}

#[test]
fn algorithms_are_equal_if_their_checksums_are() {
    for (i, a) in available().enumerate() {
        for (j, b) in available().enumerate() {
            assert_eq!(a == b, i == j, "{a:?} and {b:?}");
        }
        assert_eq!(Algorithm::new(a.checksum_type()), Ok(a));
    }
}

#[test]
fn an_algorithm_that_is_not_compiled_in_names_its_feature() {
    for checksum in ChecksumType::STANDARD {
        if let Err(error) = Algorithm::new(checksum) {
            let feature = checksum.feature().expect("only features are missing");
            assert!(error.to_string().contains(&format!("`{feature}`")), "{error}");
        }
    }
    assert!(Algorithm::new(ChecksumType::Crc32c).is_ok());
    assert_eq!(Algorithm::new(ChecksumType::Crc32).is_ok(), cfg!(feature = "crc"));
    assert_eq!(Algorithm::new(ChecksumType::Xxh64).is_ok(), cfg!(feature = "xxhash"));
    assert_eq!(Algorithm::new(ChecksumType::Xxh3).is_ok(), cfg!(feature = "xxhash"));
}

#[test]
fn every_id_goes_there_and_back_or_is_unknown() {
    for id in 0..=u8::MAX {
        match ChecksumType::from_id(id) {
            Some(checksum) => assert_eq!(checksum.id(), id),
            None => assert!((5..128).contains(&id), "{id} should be known"),
        }
    }
}

proptest! {
    #[test]
    fn large_bodies_in_many_parts(
        body in prop::collection::vec(any::<u8>(), 0..20_000),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
        for algorithm in available() {
            let whole = algorithm.digest(&body);
            if let Some(expected) = second_opinion(algorithm.checksum_type(), &body) {
                prop_assert_eq!(whole, expected);
            }
            if let Some(digest) = algorithm.digest_parts(&parts) {
                prop_assert_eq!(digest, whole);
            }
        }
    }
}
