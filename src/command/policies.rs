//! `upgrade-gate policies collect`: a shell script that collects what the policies ask for, so that
//! `check` can judge it without an `unknown`.

use std::{collections::BTreeMap, io::Write};

use upgrade_gate_core::{CLUSTER_SERVICE_VERSION, GroupResource};
use upgrade_gate_snapshot::Kind;

use crate::{
    cli::CollectArgs,
    error::{Error, print},
    policy_set::{self, Loaded},
    verdict::Outcome,
};

/// # Errors
/// [`Error`]: a policy, or standard output.
pub fn collect(args: &CollectArgs) -> Result<Outcome, Error> {
    let script = script(&policy_set::load(&args.policies)?);
    print(|stdout| stdout.write_all(script.as_bytes()))?;
    Ok(Outcome::Passed)
}

/// One file for each kind, by the name of its resource: a typed list proves by itself what it holds all
/// of, and the list of CustomResourceDefinitions what is not installed.
fn script(policies: &[Loaded]) -> String {
    let gets = versions(policies).into_iter().map(|(resource, version)| {
        // OLM copies each ClusterServiceVersion into many namespaces; no policy looks at the copies.
        let is_copied = resource.to_string() == CLUSTER_SERVICE_VERSION.crd;
        let only = if is_copied { "?labelSelector=%21olm.copiedFrom" } else { "" };
        format!("get {resource}.json '{}{only}'\n", resource.path(&version))
    });
    format!("{HEAD}{}{TAIL}", gets.collect::<String>())
}

/// The kinds that policies judge or may ask for, and that the program asks for itself, each in one
/// version. Metadata of a module from elsewhere may be anything: what is no plain name gets into no
/// script, nor does a wildcard or a subresource.
fn versions(policies: &[Loaded]) -> BTreeMap<GroupResource, String> {
    let mut versions = BTreeMap::new();
    let mut add = |resource: GroupResource, version: &str| {
        let is_plain = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_plain && resource.to_string().parse::<GroupResource>().is_ok() {
            versions.entry(resource).or_insert_with(|| version.to_owned());
        }
    };
    let crds = Kind::new("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    for kind in policy_set::wanted_of_cluster(policies).kinds().chain([&crds]) {
        add(kind.resource(), kind.api_version.rsplit('/').next().unwrap_or_default());
    }
    for rule in policies.iter().flat_map(|policy| &policy.metadata.rules) {
        let newest = rule.api_versions.last().map_or("", String::as_str);
        for (group, resource) in rule.api_groups.iter().flat_map(|group| rule.resources.iter().map(move |r| (group, r)))
        {
            add(GroupResource { group: group.clone(), resource: resource.clone() }, newest);
        }
    }
    versions
}

const HEAD: &str = r#"#!/bin/sh
# Collects what the policies of upgrade-gate ask for, one file for each kind, with kubectl and the
# current context. It only reads, and nothing but these kinds.
#
#   sh collect.sh [FOLDER]      FOLDER must not exist yet; upgrade-gate-snapshot if not named
#   upgrade-gate check FOLDER
set -u
folder=${1:-upgrade-gate-snapshot}
mkdir "$folder" || exit 2
status=0

# FILE PATH: the API server's own typed list. A kind that is not installed has none.
get() {
    if kubectl get --raw "$2" >"$folder/part" 2>"$folder/error"; then
        mv "$folder/part" "$folder/$1"
        echo "collected      $1"
    elif grep -q NotFound "$folder/error"; then
        echo "not installed  $1"
    else
        echo "failed         $1: $(cat "$folder/error")" >&2
        status=1
    fi
}

"#;

const TAIL: &str = r#"
rm -f "$folder/part" "$folder/error"
exit "$status"
"#;
