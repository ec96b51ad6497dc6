//! Subscription: its channel says what OLM looks for, its approval whether OLM asks.

use crate::{
    fields::Fields,
    names::{HcoCsv, is_hco_package, version_of_channel},
    upgrade::{Scope, Start, Target},
};

/// `Subscription` of `operators.coreos.com/v1alpha1` to a package of HCO.
struct Subscription {
    /// `spec.channel`; empty for the package's default channel.
    channel: String,
    /// `spec.sourceNamespace` and `spec.source`.
    source: (Option<String>, Option<String>),
    /// `spec.installPlanApproval` is not `Manual`: OLM takes everything else for `Automatic`.
    automatic: bool,
    /// `spec.startingCSV`, where it is one of HCO.
    starting: Option<HcoCsv>,
}

impl Subscription {
    /// `None` where it is to another package.
    fn read(object: &Fields<'_>) -> Option<Self> {
        let spec = object.object("spec");
        is_hco_package(&spec.text("name")?).then(|| Self {
            channel: spec.text("channel").unwrap_or_default(),
            source: (spec.text("sourceNamespace"), spec.text("source")),
            automatic: spec.text("installPlanApproval").as_deref() != Some("Manual"),
            starting: spec.text("startingCSV").and_then(|name| HcoCsv::named(&name)),
        })
    }

    fn channel_target(&self, scope: Scope) -> Option<Target> {
        scope.highest(version_of_channel(&self.channel))
    }

    fn starting_target(&self, scope: Scope) -> Option<Target> {
        let starting = self.starting.as_ref()?;
        match starting.version {
            Some(version) => scope.highest([version]),
            None => Some(Target::Unreadable(starting.name.clone())),
        }
    }

    fn automatic_target(&self, scope: Scope) -> Option<Target> {
        self.channel_target(scope).filter(|_| self.automatic)
    }
}

/// The channel, the starting CSV or the approval newly leads to a version; or, as a warning, to
/// something that cannot be told. In an audit only the channel counts.
pub(super) fn start(object: &Fields<'_>, old: Option<&Fields<'_>>, audit: bool, scope: Scope) -> Option<Start> {
    let new = Subscription::read(object)?;
    if audit {
        return new.channel_target(scope).map(Start::begins);
    }
    let old = old.and_then(Subscription::read);
    let old = old.as_ref();
    let newly_by = |target: fn(&Subscription, Scope) -> Option<Target>| {
        scope.newly(target(&new, scope), old.and_then(|old| target(old, scope)).as_ref())
    };
    let targets = [Subscription::channel_target, Subscription::automatic_target, Subscription::starting_target];
    let started: Vec<Target> = targets.into_iter().filter_map(newly_by).collect();
    // One that can be read says more than one that cannot.
    let readable = started.iter().find(|target| matches!(target, Target::Version(_)));
    if let Some(target) = readable.or_else(|| started.first()) {
        return Some(Start::begins(target.clone()));
    }
    may_start(&new, old, scope).map(Start::lies_ahead)
}

fn may_start(new: &Subscription, old: Option<&Subscription>, scope: Scope) -> Option<Target> {
    let source_changed = old.is_none_or(|old| old.source != new.source);
    if version_of_channel(&new.channel).is_none() {
        let channel_changed = old.is_none_or(|old| old.channel != new.channel);
        let released = old.is_some_and(|old| !old.automatic) && new.automatic;
        (channel_changed || source_changed || released).then(|| Target::Channel(new.channel.clone()))
    } else {
        new.channel_target(scope).filter(|_| source_changed)
    }
}
