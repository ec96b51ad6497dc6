//! Ranges of versions, as a ClusterExtension states them.

use std::{fmt, str::FromStr};

use crate::version::Version;

/// The lowest and the highest version that something allows, both included. What lies between is not
/// looked at: within one product line, whether all or some of it is on one side of a version follows from
/// the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The lowest one.
    pub lowest: Version,
    /// The highest one; parts of it are [`u64::MAX`] where there is no bound.
    pub highest: Version,
}

const NONE: Version = Version { major: 0, minor: 0, patch: 0 };
const LAST: Version = Version { major: u64::MAX, minor: u64::MAX, patch: u64::MAX };

impl VersionRange {
    /// Every version.
    pub const ALL: Self = Self { lowest: NONE, highest: LAST };

    /// The versions of one minor.
    #[must_use]
    pub fn minor(version: Version) -> Self {
        Self { lowest: Version { patch: 0, ..version }, highest: Version { patch: u64::MAX, ..version } }
    }

    fn major(version: Version) -> Self {
        let first = Version { minor: 0, patch: 0, ..version };
        Self { lowest: first, highest: Version { minor: u64::MAX, patch: u64::MAX, ..version } }
    }

    /// What both allow; `None` where that is nothing.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let (lowest, highest) = (self.lowest.max(other.lowest), self.highest.min(other.highest));
        (lowest <= highest).then_some(Self { lowest, highest })
    }

    /// What either allows, and what lies between them.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { lowest: self.lowest.min(other.lowest), highest: self.highest.max(other.highest) }
    }
}

/// `1.6.0 or later`, `1.6.0 to 1.x`, `1.6.0 to 1.6.x`, `1.6.0 to 1.7.3`.
impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lowest, highest } = self;
        match highest {
            Version { major: u64::MAX, .. } => write!(f, "{lowest} or later"),
            Version { major, minor: u64::MAX, .. } => write!(f, "{lowest} to {major}.x"),
            Version { major, minor, patch: u64::MAX } => write!(f, "{lowest} to {major}.{minor}.x"),
            highest => write!(f, "{lowest} to {highest}"),
        }
    }
}

/// Why a text is not a range of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a range of versions such as `>=1.6.0 <1.7.0`")]
pub struct VersionRangeError;

/// As OLM v1 reads it: comparisons with white space or commas between them hold together, `||` separates
/// alternatives, `x`, `X`, `*` and missing parts are wildcards. `!=` excludes nothing here: one version
/// less does not move a range to another side. Pre-releases are read over.
///
/// Source: operator-framework/operator-controller, CRD `clusterextensions.olm.operatorframework.io`,
/// `spec.source.catalog.version`; its library is Masterminds/semver v3.
impl FromStr for VersionRange {
    type Err = VersionRangeError;

    fn from_str(text: &str) -> Result<Self, VersionRangeError> {
        let mut range: Option<Self> = None;
        for alternative in text.split("||") {
            // An alternative that nothing fulfils allows nothing.
            if let Some(allowed) = all_of(alternative)? {
                range = Some(range.map_or(allowed, |range| range.or(allowed)));
            }
        }
        range.ok_or(VersionRangeError)
    }
}

/// `None` where no version fulfils them all.
fn all_of(text: &str) -> Result<Option<VersionRange>, VersionRangeError> {
    const OPERATOR: [char; 6] = ['=', '!', '<', '>', '~', '^'];
    let mut range = Some(VersionRange::ALL);
    let separates = |c: char| c.is_ascii_whitespace() || c == ',';
    let mut rest = text.trim_matches(separates);
    if rest.is_empty() {
        return Err(VersionRangeError);
    }
    while !rest.is_empty() {
        let version = rest.trim_start_matches(OPERATOR);
        let operator = rest.strip_suffix(version).unwrap_or_default();
        let version = version.trim_start();
        let end = version.find(separates).unwrap_or(version.len());
        let (version, tail) = version.split_at_checked(end).unwrap_or((version, ""));
        let one = comparison(operator, version)?;
        range = range.zip(one).and_then(|(range, one)| range.and(one));
        rest = tail.trim_start_matches(separates);
    }
    Ok(range)
}

fn comparison(operator: &str, text: &str) -> Result<Option<VersionRange>, VersionRangeError> {
    let (version, parts) = partial(text)?;
    // What a version with wildcards stands for.
    let stated = match parts {
        0 => VersionRange::ALL,
        1 => VersionRange::major(version),
        2 => VersionRange::minor(version),
        _ => VersionRange { lowest: version, highest: version },
    };
    let from = |lowest: Version| VersionRange { lowest, highest: LAST };
    Ok(match operator {
        "" | "=" => Some(stated),
        "!=" => Some(VersionRange::ALL),
        ">=" | "=>" => Some(from(stated.lowest)),
        "<=" | "=<" => Some(VersionRange { lowest: NONE, highest: stated.highest }),
        ">" => after(stated.highest).map(from),
        "<" => before(stated.lowest).map(|highest| VersionRange { lowest: NONE, highest }),
        "~" | "~>" if parts <= 1 => Some(stated),
        "~" | "~>" => from(version).and(VersionRange::minor(version)),
        "^" => from(version).and(compatible(version, parts)),
        _ => return Err(VersionRangeError),
    })
}

/// Up to the next change of the first part that is not 0.
fn compatible(version: Version, parts: usize) -> VersionRange {
    match (version.major, version.minor, parts) {
        (_, _, 0) => VersionRange::ALL,
        (1.., _, _) | (0, _, 1) => VersionRange::major(version),
        (0, 1.., _) | (0, 0, 2) => VersionRange::minor(version),
        _ => VersionRange { lowest: version, highest: version },
    }
}

/// A version of which parts may be wildcards or missing, and how many are stated.
fn partial(text: &str) -> Result<(Version, usize), VersionRangeError> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts: Vec<&str> = numbers.split('.').take_while(|part| !["x", "X", "*"].contains(part)).collect();
    let stated = parts.len();
    if stated > 3 {
        return Err(VersionRangeError);
    }
    parts.resize(3, "0");
    Ok((parts.join(".").parse().map_err(|_| VersionRangeError)?, stated))
}

/// The version that follows; `None` after the last.
fn after(version: Version) -> Option<Version> {
    let Version { major, minor, patch } = version;
    let next = |number: u64| number.checked_add(1);
    next(patch)
        .map(|patch| Version { patch, ..version })
        .or_else(|| next(minor).map(|minor| Version { major, minor, patch: 0 }))
        .or_else(|| next(major).map(|major| Version { major, minor: 0, patch: 0 }))
}

/// The version before; `None` before the first.
fn before(version: Version) -> Option<Version> {
    let Version { major, minor, patch } = version;
    let last = |number: u64| number.checked_sub(1);
    last(patch)
        .map(|patch| Version { patch, ..version })
        .or_else(|| last(minor).map(|minor| Version { major, minor, patch: u64::MAX }))
        .or_else(|| last(major).map(|major| Version { major, minor: u64::MAX, patch: u64::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the CRD's own description, and what HCO's users would write.
    #[test]
    fn ranges_as_olm_reads_them() {
        let cases = [
            ("1.7.0", "1.7.0 to 1.7.0"),
            ("v1.7.0", "1.7.0 to 1.7.0"),
            ("1.7.0\n", "1.7.0 to 1.7.0"),
            (">=1.7.0\t<2.0.0", "1.7.0 to 1.x"),
            ("=1.7.0", "1.7.0 to 1.7.0"),
            ("= 1.7.0", "1.7.0 to 1.7.0"),
            ("1.7", "1.7.0 to 1.7.x"),
            ("1.7.x", "1.7.0 to 1.7.x"),
            ("1.x", "1.0.0 to 1.x"),
            ("1", "1.0.0 to 1.x"),
            ("*", "0.0.0 or later"),
            (">=1.7.0", "1.7.0 or later"),
            (">= 1.2.X", "1.2.0 or later"),
            (">1.6.5", "1.6.6 or later"),
            (">1.6", "1.7.0 or later"),
            (">1", "2.0.0 or later"),
            ("<1.7.0", "0.0.0 to 1.6.x"),
            ("<1.7.1", "0.0.0 to 1.7.0"),
            ("<2", "0.0.0 to 1.x"),
            ("<=1.6", "0.0.0 to 1.6.x"),
            ("<= 2.x", "0.0.0 to 2.x"),
            (">=1.6.0 <2.0.0", "1.6.0 to 1.x"),
            (">=1.6.0, <1.7.0", "1.6.0 to 1.6.x"),
            (">=1.6.0,<1.7.0", "1.6.0 to 1.6.x"),
            ("~1.6.1", "1.6.1 to 1.6.x"),
            ("~>1.6", "1.6.0 to 1.6.x"),
            ("~1", "1.0.0 to 1.x"),
            ("~1.x", "1.0.0 to 1.x"),
            ("^1.2.3", "1.2.3 to 1.x"),
            ("^1.2.x", "1.2.0 to 1.x"),
            ("^0.2.3", "0.2.3 to 0.2.x"),
            ("^0.2", "0.2.0 to 0.2.x"),
            ("^0.0.3", "0.0.3 to 0.0.3"),
            ("^0.0", "0.0.0 to 0.0.x"),
            ("^0", "0.0.0 to 0.x"),
            ("^0 || ^3 || ^5", "0.0.0 to 5.x"),
            (">=1.2.3, <1.7.0 || 1.8.0", "1.2.3 to 1.8.0"),
            (">2 <1 || 1.6.0", "1.6.0 to 1.6.0"),
            ("!=1.7.0", "0.0.0 or later"),
            (">=1.7.0-rc.1", "1.7.0 or later"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse().map(|range: VersionRange| range.to_string()).as_deref(), Ok(expected), "`{text}`");
        }
        for text in ["", " ", "latest", "1.7.0.1", ">>1", "><1", "1..2", ">=", "|| 1", "1 ||", ">2 <1", ">x"] {
            assert_eq!(text.parse::<VersionRange>(), Err(VersionRangeError), "`{text}`");
        }
    }
}
