//! Versions of HCO and of OpenShift Virtualization, and the boundary between having the integrated
//! Node Maintenance Operator and deleting its objects.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A version of HCO or of the product OpenShift Virtualization: [`Version::product`].
///
/// Parsed leniently, as HCO does: a leading `v` is fine, and so are a missing patch version, a
/// pre-release and build metadata (the last two are read over: nothing here depends on them).
///
/// ```
/// use upgrade_gate_core::Version;
///
/// let ci: Version = "v1.7.0-unstable".parse().unwrap();
/// assert_eq!(ci.to_string(), "1.7.0");
/// assert!(ci.is_past_boundary());
/// assert!(!"4.10.3".parse::<Version>().unwrap().is_past_boundary());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Says whose version it is.
    pub major: u64,
    /// The number that decides which side of the boundary a version is on.
    pub minor: u64,
    /// 0 where the text names none.
    pub patch: u64,
}

/// Why a text is not a version. It does not repeat the text, which may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a version such as `1.7`, `1.7.0` or `v4.11.0`")]
pub struct VersionError;

/// Who counts versions so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// The upstream operator: 1.y.
    Hco,
    /// The product that is made of it: 4.y, and 2.y once.
    #[serde(rename = "openshift-virtualization")]
    OpenShiftVirtualization,
}

impl Product {
    /// As people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hco => "HCO",
            Self::OpenShiftVirtualization => "OpenShift Virtualization",
        }
    }
}

/// What HCO's own tests upgrade to: 100.0.0.
///
/// Source: HCO branch release-1.6, `hack/upgrade-test-index-image.sh`.
const UNRELEASED: u64 = 100;

impl Version {
    /// Whose version it is; HCO's where nobody counts so.
    #[must_use]
    pub fn product(self) -> Product {
        if (2..UNRELEASED).contains(&self.major) { Product::OpenShiftVirtualization } else { Product::Hco }
    }

    /// Whether somebody counts so: HCO 1.y, the product 4.(y+4), or the version of HCO's own tests.
    #[must_use]
    pub fn is_of_a_product(self) -> bool {
        match self.major {
            1 | UNRELEASED => true,
            4 => self.minor >= MINORS_APART,
            _ => false,
        }
    }

    /// The same version as that product counts it; `None` where it has no such version.
    #[must_use]
    pub fn counted_by(self, product: Product) -> Option<Self> {
        match (self.major, product) {
            _ if self.product() == product => Some(self),
            (1, Product::OpenShiftVirtualization) => {
                Some(Self { major: 4, minor: self.minor.checked_add(MINORS_APART)?, ..self })
            }
            (4, Product::Hco) => Some(Self { major: 1, minor: self.minor.checked_sub(MINORS_APART)?, ..self }),
            _ => None,
        }
    }

    /// Whether this version deletes the CRD `nodemaintenances.nodemaintenance.kubevirt.io` when it
    /// is upgraded to from an earlier one: HCO 1.7 and OpenShift Virtualization 4.11 are the first.
    ///
    /// Source: HCO v1.7.0, `assets/upgradePatches.json` (semverRange `<1.7.0`).
    #[must_use]
    pub fn is_past_boundary(self) -> bool {
        self.of_product() >= (4, 11, 0)
    }

    /// Whether this version comes after another one, which may be of the other product line.
    #[must_use]
    pub fn is_after(self, other: Self) -> bool {
        self.of_product() > other.of_product()
    }

    fn of_product(self) -> (u64, u64, u64) {
        let Self { major, minor, patch } = self;
        if major == 1 { (4, minor.saturating_add(MINORS_APART), patch) } else { (major, minor, patch) }
    }
}

/// HCO 1.y is the product's 4.(y+4).
///
/// Source: community-operators-prod, `operators/community-kubevirt-hyperconverged`, annotation
/// `com.redhat.openshift.versions` of each version.
const MINORS_APART: u64 = 4;

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let mut parts = numbers.split('.').map(number);
        let major = parts.next().ok_or(VersionError)??;
        let minor = parts.next().ok_or(VersionError)??;
        let patch = parts.next().unwrap_or(Ok(0))?;
        match parts.next() {
            None => Ok(Self { major, minor, patch }),
            Some(_) => Err(VersionError),
        }
    }
}

/// Digits only: `u64::from_str` alone would also take `+1`.
fn number(text: &str) -> Result<u64, VersionError> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| VersionError)
    } else {
        Err(VersionError)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_their_side_of_the_boundary() {
        let cases = [
            ("1.6.0", Some(false)),
            ("1.6", Some(false)),
            ("1.6.99-7.1", Some(false)),
            ("1.7", Some(true)),
            ("1.7.0-unstable", Some(true)),
            ("v1.10.0", Some(true)),
            ("0.0.0", Some(false)),
            ("2.6.5", Some(false)),
            ("4.10.12", Some(false)),
            ("v4.11.0", Some(true)),
            ("4.11.0+build.5", Some(true)),
            ("100.0.0", Some(true)),
            ("", None),
            ("v", None),
            ("1", None),
            ("1.x", None),
            ("1.7.0.1", None),
            ("+1.7", None),
            ("-1.7", None),
            ("1..7", None),
            ("99999999999999999999.0", None),
            ("latest", None),
        ];
        for (text, expected) in cases {
            let side = text.parse::<Version>().ok().map(Version::is_past_boundary);
            assert_eq!(side, expected, "`{text}`");
        }
    }

    #[test]
    fn what_comes_after_what() {
        let cases = [
            ("1.7.0", "1.6.9", true),
            ("1.6.0", "1.6.0", false),
            ("1.5.2", "1.6.0", false),
            ("4.11.0", "1.6.0", true),
            ("4.10.0", "1.7.0", false),
            ("1.7.0", "4.10.5", true),
            ("1.7.0", "4.11.0", false),
            ("100.0.0", "1.10.0", true),
            ("1.0.0", "0.0.0", true),
        ];
        for (version, other, expected) in cases {
            let parse = |text: &str| text.parse::<Version>().unwrap();
            assert_eq!(parse(version).is_after(parse(other)), expected, "{version} after {other}");
        }
    }

    #[test]
    fn whose_version_it_is_and_what_the_other_one_calls_it() {
        use Product::{Hco, OpenShiftVirtualization};
        let cases = [
            ("1.7.3", Hco, true, Some("4.11.3")),
            ("4.11.3", OpenShiftVirtualization, true, Some("1.7.3")),
            ("1.0.0", Hco, true, Some("4.4.0")),
            ("4.3.0", OpenShiftVirtualization, false, None),
            ("4.0.0", OpenShiftVirtualization, false, None),
            ("2.5.0", OpenShiftVirtualization, false, None),
            ("3.0.0", OpenShiftVirtualization, false, None),
            ("5.0.0", OpenShiftVirtualization, false, None),
            ("0.0.0", Hco, false, None),
            ("100.0.0", Hco, true, None),
            ("101.0.0", Hco, false, None),
            ("1.18446744073709551615.0", Hco, true, None),
        ];
        for (text, product, is_counted, other) in cases {
            let version: Version = text.parse().unwrap();
            assert_eq!((version.product(), version.is_of_a_product()), (product, is_counted), "{text}");
            assert_eq!(version.counted_by(product), Some(version), "{text}");
            let of_other = if product == Hco { OpenShiftVirtualization } else { Hco };
            let translated = version.counted_by(of_other).map(|version| version.to_string());
            assert_eq!(translated.as_deref(), other, "{text}");
        }
    }
}
