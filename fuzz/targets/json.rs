//! JSON is read as serde_json reads it: the objects that are kept are those which a naive reading finds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use upgrade_gate_fuzz::{
    naive::{Found, largest_piece, parts, untyped},
    reading::{begins_as_json, expand, number, read_file, read_twice, says_lost, sorted, values},
    tree::Tree,
};
use upgrade_gate_snapshot::MAX_OBJECT;

const PATH: &str = "a.json";

fuzz_target!(|bytes: &[u8]| {
    let text = expand(bytes);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    if !begins_as_json(text) {
        read_twice(PATH, text);
        return;
    }
    let snapshot = read_twice(PATH, text);
    let kept = values(&snapshot);

    // What was cut off has no more objects than the whole.
    let (cut, _) = text.split_at(number(text) % (text.len() + 1));
    let mut whole = sorted(&kept);
    for object in sorted(&values(&read_file(PATH, cut))) {
        let place = whole.iter().position(|other| *other == object);
        whole.swap_remove(place.unwrap_or_else(|| panic!("only in the first {} bytes: {object}", cut.len())));
    }

    let documents = serde_json::Deserializer::from_slice(text).into_iter::<Tree>();
    let Ok(documents) = documents.collect::<Result<Vec<Tree>, _>>() else { return };
    let mut found = Found { is_odd: largest_piece(text) > MAX_OBJECT, ..Found::default() };
    for document in &documents {
        found.document(document);
        // Behind a number no document is looked for.
        found.is_odd |= matches!(document, Tree::Leaf(_));
    }
    let expected = sorted(&found.objects);
    if !found.is_odd {
        assert_eq!(sorted(&kept), expected);
        return;
    }
    let lost = expected.iter().any(|object| !sorted(&kept).contains(object));
    assert!(!lost || says_lost(&snapshot), "lost in silence: {expected:?}");
    let parts = parts(&documents);
    kept.into_iter().for_each(|object| assert!(parts.contains(&untyped(object)), "made up"));
});
