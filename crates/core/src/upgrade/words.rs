//! An upgrade that is asked for, in words.

use crate::{
    resource::{CLUSTER_SERVICE_VERSION, INSTALL_PLAN},
    review::{Operation, Review},
    upgrade::{Start, Target},
    version::{Product, Version},
    words::shorten,
};

/// The name of the InstallPlan that stands for an upgrade which nobody has started. OLM calls none of its own so.
pub const SIMULATED: &str = "simulated";

/// Names in a sentence are no longer.
const NAME: usize = 63;

impl Start {
    /// `InstallPlan install-x7k2p asks for the upgrade of HCO from 1.6.0 to 1.7.0`; `from` is left out where
    /// it is not known.
    #[must_use]
    pub fn sentence(&self, review: &Review<'_>, from: Option<Version>) -> String {
        let subject = review.subject();
        let subject = if review.is_of(&INSTALL_PLAN) && subject.name == SIMULATED {
            format!("The simulated {}", subject.kind)
        } else {
            format!("{} {}", subject.kind, shorten(&subject.name, NAME))
        };
        let subject = subject.trim_end();
        if let Target::Platform(version) = self.target {
            return format!("{subject} updates OpenShift to {version}: HCO has to follow to 1.7 (4.11) or later");
        }
        let starts = match self.begins {
            true => "asks for",
            false if review.is_of(&INSTALL_PLAN) => "will, once approved, start",
            false => "may start",
        };
        let product = self.product(from).name();
        let from = from.map_or(String::new(), |from| format!(" from {from}"));
        format!("{subject} {starts} the upgrade of {product}{from} to {}", self.aim(NAME))
    }

    /// What is upgraded: as the installed version says, else as the one that is asked for does.
    #[must_use]
    pub fn product(&self, from: Option<Version>) -> Product {
        let to = match self.target {
            Target::Version(version) => Some(version),
            _ => None,
        };
        from.or(to).map_or(Product::Hco, Version::product)
    }

    /// To what, with names cut to `max` characters: `1.7.0`, or `whatever channel stable holds`.
    #[must_use]
    pub fn aim(&self, max: usize) -> String {
        match &self.target {
            Target::Version(version) => version.to_string(),
            Target::Range(range) => format!("one of the versions {range}"),
            Target::Channel(channel) if channel.is_empty() => "whatever the default channel holds".into(),
            Target::Channel(channel) => format!("whatever channel {} holds", shorten(channel, max)),
            Target::Pending => "the version that waits for it".into(),
            Target::Successor(name) => format!("{} (which does not own NodeMaintenance)", shorten(name, max)),
            Target::Unreadable(name) => format!("{} (a version that cannot be read)", shorten(name, max)),
            Target::Platform(_) => "1.7 (4.11)".into(),
        }
    }

    /// What happens when the way is free; begins with a space where there is something to say.
    #[must_use]
    pub fn afterwards(&self, review: &Review<'_>) -> &'static str {
        if !self.begins || review.is_audit() {
            ""
        } else if review.is_of(&CLUSTER_SERVICE_VERSION) {
            " OLM tries again by itself."
        } else if review.is_of(&INSTALL_PLAN) && review.operation == Operation::Create {
            // OLM itself creates it approved for a Subscription that is `Automatic`.
            " Until then OLM resolves nothing in this namespace: set the Subscription to \
             `installPlanApproval: Manual`, and the next plan waits for approval."
        } else {
            " Then try again."
        }
    }
}
