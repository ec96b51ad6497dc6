//! YAML is read as serde-saphyr reads it as a whole: cutting it into documents and items changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_saphyr::options::NonFiniteFloatPolicy;
use upgrade_gate_fuzz::{
    naive::Found,
    reading::{begins_as_json, expand, read_twice, says_lost, sorted, values},
    tree::Tree,
};
use upgrade_gate_snapshot::{MAX_DEPTH, MAX_OBJECT};

fuzz_target!(|bytes: &[u8]| {
    let text = expand(bytes);
    let snapshot = read_twice("a.yaml", &text);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let Ok(text) = str::from_utf8(text) else { return };
    if begins_as_json(text.as_bytes()) {
        return;
    }
    let options = serde_saphyr::options! { non_finite_float_policy: NonFiniteFloatPolicy::PassThrough };
    let Ok(document) = serde_saphyr::from_str_with_options::<Tree>(text, options) else { return };
    let is_odd = document.depth() > MAX_DEPTH - 3 || text.len() > MAX_OBJECT;
    let mut found = Found { is_yaml: true, is_odd, ..Found::default() };
    found.document(&document);
    let (kept, expected) = (sorted(&values(&snapshot)), sorted(&found.objects));
    if !found.is_odd && kept == expected {
        return;
    }
    let lost = expected.iter().any(|object| !kept.contains(object));
    assert!(!lost || says_lost(&snapshot), "lost in silence: {expected:?}");
    assert!(found.is_odd || kept.iter().all(|object| expected.contains(object)), "{kept:?} and not {expected:?}");
});
